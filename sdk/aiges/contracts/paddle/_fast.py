# SPDX-License-Identifier: Apache-2.0
"""Messages of 0.7 and later, read and written where they lie: arrays are not copied.

A large request is read without the message classes, which copy each array twice: an array is a view
of the message then. A response is pieces, of which the arrays' own memory is one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple, Union

import numpy as np

from aiges.contracts.paddle import _types
from aiges.contracts.paddle._tensors import Value, flat_of, levels_of

__all__ = [
    "Asked",
    "NotPlain",
    "Pieces",
    "read_request",
    "varints",
    "write_request",
    "write_response",
]

Pieces = list[Union[bytes, memoryview]]
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
# Fields of Tensor that hold arrays, by type of element.
_RAW = {1: 2, 3: 4, 5: 15, 7: 15, 8: 15}
_LISTS = {0: 1, 2: 3, 4: 3, _types.BFLOAT16: 5, 9: 6}
_DATA, _ELEM_TYPE, _SHAPE, _LOD, _NAME, _ALIAS, _CONTENT = 9, 10, 11, 12, 13, 14, 15


class Asked(NamedTuple):
    """What a Request says."""

    values: list[Value]
    fetch: list[str]
    log_id: int
    wants_times: bool


class NotPlain(Exception):
    """A message that has something which only the message classes read."""


def _fields(data: memoryview, at: int, end: int) -> Iterator[tuple[int, int, int]]:
    """Yield (field, begin, end) of what has a length, and (field, number, -1) of numbers."""
    while at < end:
        key, at = _varint(data, at, end)
        kind, field = key & 7, key >> 3
        value, at = _varint(data, at, end)
        if kind == _BYTES:
            if at + value > end:
                raise NotPlain
            yield field, at, at + value
            at += value
        elif kind == _VARINT:
            yield field, value, -1
        else:
            raise NotPlain


def _varint(data: memoryview, at: int, end: int) -> tuple[int, int]:
    value = shift = 0
    while at < end and shift < 64:
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
        shift += 7
    raise NotPlain


def read_request(message: bytes | memoryview) -> Asked:
    """Return what a Request says; arrays are views of it. Raises NotPlain, ValueError."""
    data = memoryview(message)
    values: list[Value] = []
    fetch: list[str] = []
    log_id, wants_times = 0, False
    for field, begin, end in _fields(data, 0, len(data)):
        if field == 1 and end >= 0:
            values.append(_tensor(data, begin, end))
        elif field == 2 and end >= 0:
            fetch.append(str(data[begin:end], "utf-8"))
        elif field == 3 and end < 0:
            wants_times = bool(begin)
        elif field == 4 and end < 0:
            log_id = begin
        else:
            raise NotPlain
    return Asked(values, fetch, log_id, wants_times)


def _tensor(data: memoryview, at: int, end: int) -> Value:
    arrays: dict[int, tuple[int, int]] = {}
    made = Value(None, 0)
    shape: list[int] = []
    lod: list[int] = []
    for field, begin, stop in _fields(data, at, end):
        if field == _ELEM_TYPE and stop < 0:
            made.type = begin
        elif field in (_SHAPE, _LOD):
            numbers = shape if field == _SHAPE else lod
            numbers += _numbers(data, begin, stop)
        elif field in (_NAME, _ALIAS) and stop >= 0:
            text = str(data[begin:stop], "utf-8")
            made.name, made.alias = (text, made.alias) if field == _NAME else (made.name, text)
        elif stop >= 0 and field not in arrays and field != _DATA:
            arrays[field] = (begin, stop)
        else:
            raise NotPlain
    field = _CONTENT if _CONTENT in arrays else _RAW.get(made.type, 0)
    if len(arrays) != 1 or field not in arrays or made.type not in _types.DTYPES:
        raise NotPlain
    who = made.alias or made.name or "a tensor"
    begin, stop = arrays[field]
    dtype = _types.DTYPES[made.type].newbyteorder("<")
    if (stop - begin) % dtype.itemsize:
        raise NotPlain
    array = np.frombuffer(data[begin:stop], dtype)
    count = 1
    for size in shape:
        count *= size
    if shape and (min(shape) < 0 or len(shape) > 32 or count != array.size):
        raise ValueError(f"{who}: expected elements for shape {shape[:40]}, got {array.size}")
    made.array = array.reshape(shape) if shape else array
    try:
        made.lod = levels_of(lod)
    except ValueError as fault:
        raise ValueError(f"{who}: {fault}") from None
    return made


def _numbers(data: memoryview, begin: int, end: int) -> list[int]:
    """Return int32 numbers, packed or one alone."""
    found: list[int] = []
    if end < 0:
        found.append(begin)
    at = begin
    while at < end:
        value, at = _varint(data, at, end)
        found.append(value)
    return [value - (1 << 64) if value >> 63 else value for value in found]


# --- answers ---


def _head(field: int, size: int) -> bytes:
    """Return what is before so many bytes of a field."""
    return _one((field << 3) | _BYTES) + _one(size)


def _one(value: int) -> bytes:
    if 0 <= value < 128:
        return bytes((value,))
    made = bytearray()
    value &= (1 << 64) - 1
    while value > 127:
        made.append((value & 127) | 128)
        value >>= 7
    made.append(value)
    return bytes(made)


def varints(array: Any) -> bytes:
    """Return integers as they are packed in a message."""
    values = array.ravel().astype(np.int64).view(np.uint64)
    if values.size < 16:
        return b"".join(_one(int(value)) for value in values)
    sizes = np.ones(values.size, np.int64)
    for bits in range(7, 64, 7):
        sizes += values >= np.uint64(1 << bits)
    ends = np.cumsum(sizes)
    begins = ends - sizes
    made = np.empty(int(ends[-1]), np.uint8)
    for at in range(int(sizes.max())):
        there = sizes > at
        byte = (values[there] >> np.uint64(7 * at)).astype(np.uint8) & 127
        made[begins[there] + at] = byte | ((sizes[there] > at + 1) * np.uint8(128))
    return made.tobytes()


def _packed(field: int, numbers: Sequence[int]) -> bytes:
    content = b"".join(map(_one, numbers))
    return _head(field, len(content)) + content if content else b""


def _text(field: int, text: str) -> bytes:
    content = text.encode()
    return _head(field, len(content)) + content if content else b""


def _size(pieces: Iterable[bytes | memoryview]) -> int:
    return sum(len(piece) for piece in pieces)


def write_request(values: Sequence[Value], fetch: Sequence[str], log_id: int) -> Pieces:
    """Return the Request. Raises ValueError for types that it does not carry."""
    made = _tensors_of(values)
    made.append(b"".join(_text(2, name) for name in fetch))
    if log_id:
        made.append(_one(4 << 3) + _one(log_id))
    return made


def write_response(
    outputs: Iterable[tuple[str, Sequence[Value]]], log_id: int, times: Sequence[int]
) -> Pieces:
    """Return the Response: the tensors of each engine. Raises ValueError as write_request does."""
    made: Pieces = []
    for engine, values in outputs:
        inner = [*_tensors_of(values), _text(2, engine)]
        made += [_head(1, _size(inner)), *inner]
    if times:
        made.append(_packed(2, times))
    if log_id:
        made.append(_one(4 << 3) + _one(log_id))
    return made


def _tensors_of(values: Sequence[Value]) -> Pieces:
    made: Pieces = []
    for value in values:
        tensor = _tensor_pieces(value)
        made += [_head(1, _size(tensor)), *tensor]
    return made


def _tensor_pieces(value: Value) -> Pieces:
    made: Pieces = []
    content: Pieces = []  # Of tensor_content, the last of the fields.
    if value.type == _types.STRING:
        made += [_head(_DATA, len(text)) + text for text in value.array]
    elif value.type in _RAW:
        dtype = _types.DTYPES[value.type].newbyteorder("<")
        array = np.ascontiguousarray(value.array, dtype=dtype)
        if array.size:
            field = _RAW[value.type]
            run: Pieces = [_head(field, array.nbytes), array.reshape(-1).view(np.uint8).data]
            made, content = (made, run) if field == _CONTENT else (run, content)
    elif value.type in _LISTS:
        numbers = varints(value.array)
        if numbers:
            made += [_head(_LISTS[value.type], len(numbers)), numbers]
    else:
        raise ValueError(f"{value.alias}: {_types.name_of(value.type)} is not carried")
    beside = _one(_ELEM_TYPE << 3) + _one(value.type) if value.type else b""
    beside += _packed(_SHAPE, value.shape) + _packed(_LOD, flat_of(value.lod))
    made.append(beside + _text(_NAME, value.name) + _text(_ALIAS, value.alias))
    return made + content
