# SPDX-License-Identifier: Apache-2.0
"""wrapper.py of tests of OpenAI's API: what the last message says decides what happens."""

import os
import time

from aiges.errors import BadInput

USAGE = {"prompt_tokens": 2, "completion_tokens": 3}


def wrapperInit(config):  # noqa: N802
    return 0


def chat(messages, temperature=1.0, max_tokens=None, **options):
    text = messages[-1]["content"]
    if text == "bad":
        raise BadInput("messages[0].content: expected something else, got bad")
    if text == "broken":
        raise RuntimeError("no model for that")
    if text == "options":
        yield f"{temperature} {max_tokens} {sorted(options)}"
    elif text.startswith("forever "):
        yield from _forever(text.partition(" ")[2])
    else:
        for word in text.split():
            if word == "break":
                raise RuntimeError("in the middle")
            yield word + " "
    return {"usage": USAGE}


def _forever(file):
    """Words without end; the file is made when nobody wants more."""
    try:
        while True:
            yield "word "
            time.sleep(0.001)
    finally:
        with open(file, "w", encoding="utf-8") as out:
            out.write(str(os.getpid()))


def complete(prompt, max_tokens=None):
    return {"text": prompt.upper(), "finish_reason": "length", "usage": USAGE}


def embed(inputs):
    return {"embeddings": [[float(len(each)), 0.5] for each in inputs], "usage": USAGE}


def transcribe(audio, language=None, filename=None):
    yield {"start": 0.0, "end": 1.25, "text": f" {len(audio)} bytes"}
    yield {"start": 1.25, "end": 2.0, "text": f" of {filename}"}
    return {"language": language or "en"}
