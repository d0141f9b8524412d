# SPDX-License-Identifier: Apache-2.0
"""What a client asks for -> the request that llama.cpp gets, checked and bounded.

Only what is known here goes on: llama.cpp takes much more (grammars, adapters, addresses of
pictures that it would fetch), and none of that is for whoever can send a request.
"""

import json

from aiges.errors import BadInput

MOST_STOPS, LONGEST_STOP = 16, 256
LONGEST_SCHEMA = 64 * 1024  # Of response_format and tools, as JSON.

# name: (kinds, least, most)
NUMBERS = {
    "temperature": ((int, float), 0, 100),
    "top_p": ((int, float), 0, 1),
    "min_p": ((int, float), 0, 1),
    "top_k": ((int,), 0, 1_000_000),
    "seed": ((int,), -(2**63), 2**64),
    "presence_penalty": ((int, float), -2, 2),
    "frequency_penalty": ((int, float), -2, 2),
    "repeat_penalty": ((int, float), 0, 10),
    "top_logprobs": ((int,), 0, 20),
}
FREE = ("response_format", "tools", "tool_choice", "parallel_tool_calls", "logprobs")


def request_of(subject, options, most_tokens, default_tokens):
    """The body for llama.cpp. `subject` is {"messages": ..} or {"prompt": ..}. Raises BadInput."""
    body = {**subject, "stream": True, "stream_options": {"include_usage": True}}
    body["return_progress"] = True  # A long prompt is given up between its batches, too.
    for name, value in options.items():
        if value is None:
            continue
        if name in NUMBERS:
            body[name] = _number(name, value)
        elif name in FREE:
            body[name] = _small(name, value)
        elif name == "stop":
            body[name] = _stops(value)
        elif name != "max_tokens":
            raise TypeError(f"expected an option of this plugin, got {name}")
    asked = options.get("max_tokens")
    if asked is not None and (type(asked) is not int or asked < 1):
        raise BadInput(f"max_tokens: expected a number of at least 1, got {asked!r}")
    body["max_tokens"] = min(default_tokens if asked is None else asked, most_tokens)
    if "seed" in body:
        body["seed"] %= 2**32 - 1  # That one means a random seed.
        # What is left of another prompt changes the last digits, and so now and then a word.
        body["cache_prompt"] = False
    _check_text(body)
    return body


def _number(name, value):
    kinds, least, most = NUMBERS[name]
    if type(value) not in kinds or not least <= value <= most:
        what = "a whole number" if kinds == (int,) else "a number"
        raise BadInput(f"{name}: expected {what} from {least} to {most}, got {value!r}")
    return value


def _small(name, value):
    if len(json.dumps(value)) > LONGEST_SCHEMA:
        raise BadInput(f"{name}: expected at most {LONGEST_SCHEMA} bytes of JSON, got more")
    return value


def _stops(value):
    stops = [value] if isinstance(value, str) else value
    if (
        not isinstance(stops, list)
        or len(stops) > MOST_STOPS
        or not all(isinstance(each, str) and 0 < len(each) <= LONGEST_STOP for each in stops)
    ):
        raise BadInput(
            f"stop: expected up to {MOST_STOPS} texts of 1 to {LONGEST_STOP} characters, got "
            f"{json.dumps(value)[:80]}"
        )
    return stops


def _check_text(body):
    try:
        json.dumps(body, ensure_ascii=False, allow_nan=False).encode()
    except UnicodeEncodeError as error:
        raise BadInput(f"expected text, got half a surrogate pair: {error.reason}") from None
    except ValueError as error:
        raise BadInput(f"expected numbers of JSON: {error}") from None


def plain_messages(messages):
    """Messages as a model of text can take them: parts joined, other parts refused by name."""
    return [{**each, "content": _content(i, each)} for i, each in enumerate(messages)]


def _content(number, message):
    content = message.get("content")
    if isinstance(content, str):
        return content
    if content is None:
        return ""
    texts = []
    for place, part in enumerate(content):
        kind = part.get("type") if isinstance(part, dict) else None
        if kind != "text" or not isinstance(part.get("text"), str):
            raise BadInput(
                f"messages[{number}].content[{place}]: expected a part of type text, got "
                f"{kind or type(part).__name__}: this model reads text only"
            )
        texts.append(part["text"])
    return "".join(texts)
