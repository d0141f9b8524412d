# SPDX-License-Identifier: Apache-2.0
"""Text embeddings, for OpenAI's API (hook `embed`) and for AIGES's own calls (wrapperOnceExec).

wrapperOnceExec takes texts, one a payload, and answers under the key `vectors` with JSON:
{"model", "vectors": [[..], ..], "tokens": [8, ..]}, one of each for each text, in their order.
Configuration keys: README.md.
"""

import json

from aiges.errors import BadInput
from embed_plugin.model import Model
from embed_plugin.settings import ConfigError, number

DATA_TEXT, STATUS_ONCE = 0, 3

OK, INIT_FAILED, NO_TEXT, TOO_MANY, NOT_TEXT = 0, 1, 2, 3, 4
DEFAULT_TEXTS = 2048  # As many as OpenAI takes.

# What wrapperError says; the caller's faults are told by the BadInput that is raised.
ERRORS = {OK: "ok", INIT_FAILED: "wrapperInit was not called or failed"}

model = None
max_texts = DEFAULT_TEXTS


def wrapperInit(config):
    global model, max_texts
    try:
        max_texts = number(config, "max_texts", DEFAULT_TEXTS, 1, 10**6, int)
        model = Model(config)
    except ConfigError as error:
        ERRORS[INIT_FAILED] = str(error)
        print(f"embed: wrapperInit failed: {error}", flush=True)
        return INIT_FAILED
    print(f"embed: {model.name} ready: {model.dimensions} dimensions", flush=True)
    return OK


def wrapperFini():
    global model
    model = None
    return OK


def wrapperError(errNum):
    return ERRORS.get(errNum, f"unknown error {errNum} of the embed plugin")


def embed(inputs, dimensions=None):
    """OpenAI's: a vector for each input, and how many tokens they were."""
    wrong = [each for each in inputs if not isinstance(each, str)]
    if wrong:
        raise BadInput(
            "input: expected texts, got tokens, which only their own model has", NOT_TEXT
        )
    if dimensions not in (None, model.dimensions):
        raise BadInput(f"dimensions: expected {model.dimensions}, got {dimensions!r}", NOT_TEXT)
    vectors, counts = vectors_of(inputs)
    total = sum(counts)
    return {"embeddings": vectors, "usage": {"prompt_tokens": total, "total_tokens": total}}


def wrapperOnceExec(usrTag, params, reqData, respData, psrIds, psrCnt):
    if model is None:
        return INIT_FAILED
    try:
        texts = [item["data"].decode("utf-8") for item in reqData]
    except UnicodeDecodeError as error:
        raise BadInput(f"expected text in UTF-8, got other bytes: {error}", NOT_TEXT) from None
    vectors, counts = vectors_of(texts)
    shown = [[round(float(value), 6) for value in vector] for vector in vectors]
    answer = {"model": model.name, "vectors": shown, "tokens": counts}
    data = json.dumps(answer).encode()
    respData.append(
        {"key": "vectors", "data": data, "len": len(data), "status": STATUS_ONCE, "type": DATA_TEXT}
    )
    return OK


def vectors_of(texts):
    if not texts:
        raise BadInput("expected at least one text, got none", NO_TEXT)
    if len(texts) > max_texts:
        text = f"expected at most {max_texts} texts ([wrapper] max_texts), got {len(texts)}"
        raise BadInput(text, TOO_MANY)
    return model.embed(texts)
