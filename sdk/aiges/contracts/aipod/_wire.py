# SPDX-License-Identifier: Apache-2.0
"""The two messages of ``ai.AI`` in protobuf's encoding, and the descriptor of the service.

Made by hand: a message of three fields needs no protobuf in the worker, whose version is the
user's. Unknown fields are passed over, as protobuf does; what is no message raises ValueError.
"""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["METHODS", "SERVICE", "Input", "descriptor", "framed_output", "length_of", "read_input"]

SERVICE = "ai.AI"
METHODS = ("initialize", "train", "predict", "log", "cancel")  # cancel: ours.

_FRAME_HEAD = 5
_VARINT, _FIXED64, _BYTES, _GROUP, _GROUP_END, _FIXED32 = range(6)
_MOST_NESTING = 100
_MOST_TAG = (1 << 32) - 1


class Input(NamedTuple):
    """What a client asks with."""

    kwargs_json: bytes
    version: str
    binary_data: bytes


def read_input(data: bytes, at: int = 0) -> Input:
    """Read the message that begins at ``at`` and ends with ``data``. Raises ValueError."""
    kwargs_json = version = binary_data = b""
    end = len(data)
    while at < end:
        tag = data[at]
        at += 1
        if tag > 127:
            tag, at = _varint(data, at - 1)
        if tag & 7 != _BYTES:
            at = _skip(data, at, tag, 0)
            continue
        if at < end and data[at] < 128:
            size = data[at]
            at += 1
        else:
            size, at = _varint(data, at)
        stop = at + size
        if stop > end:
            raise ValueError(f"a field of {size} bytes where {end - at} are left")
        if tag == 0x0A:
            kwargs_json = data[at:stop]
        elif tag == 0x12:
            version = data[at:stop]
        elif tag == 0x1A:
            binary_data = data[at:stop]
        elif tag >> 3 == 0 or tag > _MOST_TAG:
            raise ValueError(f"no number of a field: {tag >> 3}")
        at = stop
    return Input(kwargs_json, version.decode(), binary_data)


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while shift < 70:
        if at >= len(data):
            raise ValueError("the message ends inside a number")
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
        shift += 7
    raise ValueError("a number of more than 10 bytes")


def _skip(data: bytes, at: int, tag: int, depth: int) -> int:
    """Return where the field ends whose tag was that."""
    kind = tag & 7
    if tag >> 3 == 0 or tag > _MOST_TAG:
        raise ValueError(f"no number of a field: {tag >> 3}")
    if kind == _VARINT:
        return _varint(data, at)[1]
    if kind == _GROUP:
        if depth == _MOST_NESTING:
            raise ValueError(f"groups in more than {_MOST_NESTING} groups")
        while True:
            inner, at = _varint(data, at)
            if inner == tag + 1:  # The same number, with the end of a group.
                return at
            at = _skip(data, at, inner, depth + 1)
    if kind == _BYTES:
        size, at = _varint(data, at)
    elif kind in (_FIXED64, _FIXED32):
        size = 8 if kind == _FIXED64 else 4
    else:
        raise ValueError(f"expected the begin of a field, got one of the kind {kind}")
    if at + size > len(data):
        raise ValueError(f"a field of {size} bytes where {len(data) - at} are left")
    return at + size


def length_of(size: int) -> bytes:
    """Return a number as protobuf writes it."""
    out = bytearray()
    while size > 127:
        out.append(size & 127 | 128)
        size >>= 7
    out.append(size)
    return bytes(out)


# What goes before a short answer.
_SHORT = [b"\0%b\x0a%c" % ((2 + size).to_bytes(4, "big"), size) for size in range(128)]


def framed_output(data_json: bytes) -> bytes:
    """Return an ``Output`` with gRPC's five bytes before it."""
    size = len(data_json)
    if size < 128:
        return _SHORT[size] + data_json
    length = length_of(size)
    head = (1 + len(length) + size).to_bytes(4, "big")
    return b"".join((b"\0", head, b"\x0a", length, data_json))


# --- What describes it: a FileDescriptorProto.


def _field(number: int, value: bytes | str | int) -> bytes:
    if isinstance(value, int):
        return length_of(number << 3 | _VARINT) + length_of(value)
    data = value.encode() if isinstance(value, str) else value
    return length_of(number << 3 | _BYTES) + length_of(len(data)) + data


def _message(name: str, fields: list[tuple[str, int]]) -> bytes:
    out = _field(1, name)
    for number, (field, kind) in enumerate(fields, 1):
        words = field.split("_")
        json_name = words[0] + "".join(map(str.capitalize, words[1:]))
        parts = (_field(1, field), _field(3, number), _field(4, 1), _field(5, kind))
        out += _field(2, b"".join((*parts, _field(10, json_name))))
    return out


def descriptor() -> bytes:
    """Return the file that describes ``ai.AI``, its messages and its methods."""
    text, data = 9, 12  # Kinds of fields: string and bytes.
    given = [("kwargs_json", data), ("version", text), ("binary_data", data)]
    methods = b"".join(
        _field(2, _field(1, name) + _field(2, ".ai.Input") + _field(3, ".ai.Output"))
        for name in METHODS
    )
    return b"".join(
        (
            _field(1, "aipod/rpc/proto/ai.proto"),
            _field(2, "ai"),
            _field(4, _message("Input", given)),
            _field(4, _message("Output", [("data_json", data)])),
            _field(6, _field(1, "AI") + methods),
            _field(12, "proto3"),
        )
    )
