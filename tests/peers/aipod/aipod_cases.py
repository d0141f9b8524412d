# SPDX-License-Identifier: Apache-2.0
"""The requests that the original has been asked, in their order: each row of what it does.

A case is (name, method, version, kwargs_json, binary_data), or (name, method, message) with the
bytes of a message as they are.
"""

import json
import random

_SEED, _RANDOM = 13, 20


def _value(value):
    return json.dumps({"do": "value", "value": value})


def _cases():
    yield "nothing", "predict", "v1", "{}", b""
    yield "echo", "predict", "v1", '{"do": "echo", "x": 1}', b""
    yield "kwargs and types", "predict", "v1", '{"do": "types", "x": 1}', b""
    yield "bytes arrive", "predict", "v1", '{"do": "echo"}', b"\x00\x01\xff"
    yield "field before key", "predict", "v1", '{"do": "echo", "binary_data": "text"}', b"f"
    yield "empty field before key", "predict", "v1", '{"do": "types", "binary_data": "text"}', b""
    for value in (None, True, 0, -1.5, 1e400, "", "text", "中文 \u0000 \U0001f600", [], {}, [{}]):
        yield f"value {value!r}", "predict", "v1", _value(value), b""
    yield "raw utf-8", "predict", "v1", '{"do": "value", "value": "早安"}', b""
    yield "nan in and out", "predict", "v1", '{"do": "value", "value": NaN}', b""
    yield "byte order mark", "predict", "v1", '\ufeff{"do": "value"}', b""
    yield "double key", "predict", "v1", '{"do": "set", "do": "value", "value": 2}', b""
    for do in ("tuple", "keys", "nan", "set", "bytes", "object", "version", "number"):
        yield do, "predict", "v1", json.dumps({"do": do}), b""
    yield "long answer", "predict", "v1", '{"do": "long", "size": 100000}', b""
    for text in ("", "plain", "zwei\nZeilen", "中文", "100% \u0001"):
        yield f"raise {text!r}", "predict", "v1", json.dumps({"do": "raise", "text": text}), b""
    yield "KeyError", "predict", "v1", '{"do": "key"}', b""
    yield "AssertionError", "predict", "v1", '{"do": "assert"}', b""
    # What is no object of arguments.
    for text in ("", "null", "[]", "[1]", '"text"', "1", "{", '{"do"}', "{'a': 1}", "nope"):
        for method in ("predict", "initialize"):
            yield f"{method} with {text!r}", method, "v1", text, b""
    yield "no UTF-8", "predict", "v1", b'{"do": "\xff"}', b""
    yield "no UTF-8 at the begin", "log", "v1", b"\xff\xfe{}", b""
    # Life of a version.
    yield "info before", "predict", "v2", '{"do": "info"}', b""
    yield "log before", "log", "v2", "{}", b""
    yield "initialize", "initialize", "v2", '{"lr": 0.1, "名": "值"}', b"not forwarded"
    yield "info", "predict", "v2", '{"do": "info"}', b""
    yield "write", "predict", "v2", '{"do": "write", "name": "w.bin"}', b""
    yield "train says", "train", "v2", '{"do": "say", "said": {"timestamp": 7, "more": [1]}}', b""
    yield "log", "log", "v2", "{}", b""
    yield "log by name", "log", "v2", '{"name": "trainning"}', b""
    yield "log of another name", "log", "v2", '{"name": "x"}', b""
    yield "log with more", "log", "v2", '{"page": 3}', b"data"
    yield "new after train", "predict", "v2", '{"do": "info"}', b""
    yield "initialize again", "initialize", "v2", '{"lr": 2}', b""
    yield "files are gone", "predict", "v2", '{"do": "files"}', b""
    yield "log is gone", "log", "v2", "{}", b""
    yield "info again", "predict", "v2", '{"do": "info"}', b""
    yield "initialize with data", "initialize", "v2", '{"binary_data": 5, "a": 1}', b""
    yield "info without data", "predict", "v2", '{"do": "info"}', b""
    yield "train with data", "train", "v2", '{"do": "echo", "a": 1}', b"abc"
    yield "train returns a set", "train", "v2", '{"do": "set"}', b""
    yield "train raises", "train", "v2", '{"do": "raise", "text": "loss is nan"}', b""
    # Versions.
    yield "new version", "predict", "v9", '{"do": "version"}', b""
    yield "nested", "predict", "a/b", '{"do": "version"}', b""
    yield "no version", "predict", "", '{"do": "version"}', b""
    yield "in Chinese", "predict", "版本 1", '{"do": "version"}', b""
    yield "cannot be made", "predict", "broken", "{}", b""
    yield "cannot be made again", "log", "broken", "{}", b""
    # Methods and messages.
    yield "unknown method", "Predict", "v1", "{}", b""
    yield "unknown method 2", "evaluate", "v1", "{}", b""
    yield "empty message", "predict", b""
    yield "wire example", "predict", bytes.fromhex("0A087B2261223A20317D12027631")
    yield "unknown fields", "predict", b"\x0a\x02{}\x12\x02v1\x20\x05\x2a\x01x\x35abcd"
    yield "field twice", "predict", b"\x12\x01a\x0a\x02[]\x0a\x02{}\x12\x02v1"
    yield "a group", "predict", b"\x0a\x02{}\x12\x02v1\x23\x08\x01\x24"
    yield "cut off", "predict", b"\x0a\x08{}"
    yield "cut off in a number", "predict", b"\x0a\xff"
    yield "no UTF-8 in version", "predict", b"\x0a\x02{}\x12\x02\xff\xfe"
    yield "number of a field is 0", "predict", b"\x02\x00"
    yield "end without begin", "predict", b"\x0a\x02{}\x0c"
    yield "another kind of field", "predict", b"\x0a\x02{}\x10\x05"
    yield "kind 7", "predict", b"\x0f"
    # Where we differ.
    for version in ("../out", "a//b", "./v1", "a/.."):
        yield f"version {version}", "predict", version, '{"do": "version"}', b""
    # Random ones, the same each time.
    dice = random.Random(_SEED)
    for number in range(_RANDOM):
        value = _random_value(dice, 3)
        yield f"random {number}", "predict", "v1", _value(value), dice.randbytes(dice.randrange(9))


def _random_value(dice, depth):
    kind = dice.randrange(8 if depth else 6)
    if kind == 0:
        return dice.choice([None, True, False])
    if kind == 1:
        return dice.randrange(-(10**18), 10**18)
    if kind in (2, 3):
        return dice.uniform(-1e9, 1e9) * 10 ** dice.randrange(-20, 20)
    if kind in (4, 5):
        return "".join(
            chr(dice.choice((dice.randrange(32, 127), dice.randrange(0x4E00, 0x9000))))
            for _ in range(dice.randrange(12))
        )
    if kind == 6:
        return [_random_value(dice, depth - 1) for _ in range(dice.randrange(5))]
    return {f"k{i}": _random_value(dice, depth - 1) for i in range(dice.randrange(5))}


CASES = list(_cases())


def message_of(case):
    """The bytes of a case's message."""
    if len(case) == 3:
        return case[2]
    _, _, version, kwargs, data = case
    kwargs = kwargs.encode() if isinstance(kwargs, str) else kwargs
    fields = ((0x0A, kwargs), (0x12, version.encode()), (0x1A, data))
    return b"".join(bytes([tag]) + _length(len(value)) + value for tag, value in fields if value)


def _length(size):
    out = bytearray()
    while size > 127:
        out.append(size & 127 | 128)
        size >>= 7
    out.append(size)
    return bytes(out)


def ask(channel, case):
    """The answer to a case: (status, details, data_json)."""
    import grpc

    call = channel.unary_unary(f"/ai.AI/{case[1]}")
    try:
        data = call(message_of(case), timeout=20)
    except grpc.RpcError as fault:
        return fault.code().name, fault.details(), None
    return "OK", "", data_json(data)


def data_json(message):
    """The one field of an Output."""
    assert message[:1] == b"\x0a", message
    at, size = 1, message[1] & 127
    while message[at] > 127:
        at += 1
        size |= (message[at] & 127) << 7 * (at - 1)
    assert at + 1 + size == len(message)
    return message[at + 1 :].decode("ascii")
