# SPDX-License-Identifier: Apache-2.0
"""What one op gives another in another process: values as bytes, and nothing that could be code.

str, bytes, numbers, None, lists, tuples, dicts, arrays and numbers of numpy. What takes more than
some KiB is a *blob* beside the bytes, which crosses by shared memory; arrays come back writable.
Anything else is an error that names the op and the key.
"""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Sequence
from typing import Any

import numpy as np

__all__ = ["NotCarried", "decode", "encode"]

BLOB_BYTES = 16 << 10
_MOST_DEPTH = 64
_MANY = 16  # Numbers in a list that are packed together.
_U32, _I64, _F64 = struct.Struct("<I"), struct.Struct("<q"), struct.Struct("<d")
_DTYPE = re.compile(rb"[<>|][biufcMmSU]\d+(\[\d*\w+\])?")
_INT64 = range(-(2**63), 2**63)


class NotCarried(ValueError):
    """A value that cannot leave its process."""


def encode(value: Any, who: str) -> tuple[bytes, list[Any]]:
    """Return the bytes of a value, and its blobs: arrays of uint8. Raises NotCarried."""
    writer = _Writer(who)
    writer.write(value, 0)
    return b"".join(writer.parts), writer.blobs


def decode(data: Any, blobs: Sequence[Any]) -> Any:
    """Return the value again. ``blobs`` are anything with a buffer. Raises ValueError."""
    reader = _Reader(bytes(data), blobs)
    try:
        value = reader.read(0)
    except (IndexError, struct.error, TypeError, UnicodeDecodeError) as fault:
        raise ValueError(f"no value of a pipeline: {fault}") from None
    if reader.at != len(reader.data):
        raise ValueError("no value of a pipeline: bytes are left")
    return value


class _Writer:
    def __init__(self, who: str) -> None:
        self._who, self._way = who, list[str]()
        self.parts: list[bytes] = []
        self.blobs: list[Any] = []

    def _refuse(self, what: str) -> NotCarried:
        place = "".join(self._way) or " its output"
        return NotCarried(
            f"[{self._who}]{place}: expected str, bytes, numbers, None, list, tuple, dict or "
            f"arrays between ops of processes (is_thread_op: false), got {what}"
        )

    def write(self, value: Any, depth: int) -> None:
        kind = type(value)
        if kind is str:
            self._text(value)
        elif value is None:
            self.parts.append(b"N")
        elif kind is bool:
            self.parts.append(b"T" if value else b"F")
        elif kind is int:
            self._int(value)
        elif kind is float:
            self.parts += (b"f", _F64.pack(value))
        elif isinstance(value, np.ndarray):
            self._array(value)
        elif depth >= _MOST_DEPTH:
            raise self._refuse(f"more than {_MOST_DEPTH} levels")
        elif isinstance(value, dict):
            self._dict(value, depth)
        elif isinstance(value, (list, tuple)):
            self._list(value, depth)
        else:
            self._other(value)

    def _other(self, value: Any) -> None:
        """What is rarer: bytes, numbers of numpy, and what was derived from a plain type."""
        if isinstance(value, (bytes, bytearray, memoryview)):
            data = bytes(value)
            self._bytes(b"b", b"B", data)
        elif isinstance(value, str):
            self._text(str.__str__(value))
        elif isinstance(value, np.generic) and value.dtype.kind in "biufcmM":
            self.parts.append(b"g")
            self._short(value.dtype.str.encode())
            self._short(value.tobytes())
        elif isinstance(value, int):
            self._int(int(value))
        elif isinstance(value, float):
            self.parts += (b"f", _F64.pack(value))
        elif isinstance(value, complex):
            self.parts += (b"c", _F64.pack(value.real), _F64.pack(value.imag))
        else:
            raise self._refuse(f"{type(value).__module__}.{type(value).__qualname__}")

    def _short(self, data: bytes) -> None:
        self.parts += (_U32.pack(len(data)), data)

    def _text(self, text: str) -> None:
        self._bytes(b"s", b"S", text.encode("utf-8", "surrogatepass"))

    def _bytes(self, here: bytes, blob: bytes, data: bytes) -> None:
        if len(data) < BLOB_BYTES:
            self.parts.append(here)
            self._short(data)
        else:
            self._blob(blob, np.frombuffer(data, np.uint8))

    def _blob(self, tag: bytes, data: Any) -> None:
        self.parts += (tag, _U32.pack(len(self.blobs)))
        self.blobs.append(data)

    def _int(self, value: int) -> None:
        if value in _INT64:
            self.parts += (b"i", _I64.pack(value))
        else:
            self.parts.append(b"I")
            self._short(value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True))

    def _array(self, array: Any) -> None:
        if array.dtype.hasobject or array.dtype.fields is not None or array.dtype.kind == "V":
            raise self._refuse(f"an array of {array.dtype}")
        head = [len(array.shape), *array.shape]
        plain = np.ascontiguousarray(array)
        self.parts.append(b"a")
        self._short(array.dtype.str.encode())
        self.parts.append(struct.pack(f"<{len(head)}q", *head))
        if plain.nbytes < BLOB_BYTES:
            self._bytes(b"b", b"B", plain.tobytes())
        else:
            self._blob(b"B", plain.reshape(-1).view(np.uint8))

    def _dict(self, value: dict[Any, Any], depth: int) -> None:
        self.parts += (b"d", _U32.pack(len(value)))
        for key, each in value.items():
            self._way.append(f"[{key!r}]" if len(self._way) < _MOST_DEPTH else "")
            if isinstance(key, (dict, list, np.ndarray)):
                raise self._refuse(f"a key of {type(key).__name__}")
            self.write(key, depth + 1)
            self.write(each, depth + 1)
            self._way.pop()

    def _list(self, value: Any, depth: int) -> None:
        kind = type(value)
        if kind is list and len(value) >= _MANY:
            kinds = set(map(type, value))
            if kinds == {float}:
                self._packed(b"D", f"<{len(value)}d", value)
                return
            if kinds == {int} and min(value) in _INT64 and max(value) in _INT64:
                self._packed(b"Q", f"<{len(value)}q", value)
                return
        self.parts += (b"l" if isinstance(value, list) else b"t", _U32.pack(len(value)))
        for at, each in enumerate(value):
            self._way.append(f"[{at}]")
            self.write(each, depth + 1)
            self._way.pop()

    def _packed(self, tag: bytes, form: str, value: list[Any]) -> None:
        self.parts += (tag, _U32.pack(len(value)), struct.pack(form, *value))


class _Reader:
    def __init__(self, data: bytes, blobs: Sequence[Any]) -> None:
        self.data, self.at = data, 0
        self._blobs = blobs

    def _take(self, size: int) -> bytes:
        piece = self.data[self.at : self.at + size]
        if len(piece) != size:
            raise IndexError("it ends too early")
        self.at += size
        return piece

    def _count(self) -> int:
        return int(_U32.unpack(self._take(4))[0])

    def _short(self) -> bytes:
        return self._take(self._count())

    def read(self, depth: int) -> Any:
        if depth > _MOST_DEPTH + 1:
            raise ValueError("too many levels")
        tag = self._take(1)
        if tag == b"s":
            return self._short().decode("utf-8", "surrogatepass")
        if tag == b"d":
            return {self.read(depth + 1): self.read(depth + 1) for _ in range(self._count())}
        if tag == b"a":
            return self._array(depth)
        if tag in b"lt":
            made = [self.read(depth + 1) for _ in range(self._count())]
            return made if tag == b"l" else tuple(made)
        return self._rest(tag)

    def _rest(self, tag: bytes) -> Any:
        if tag == b"i":
            return _I64.unpack(self._take(8))[0]
        if tag == b"f":
            return _F64.unpack(self._take(8))[0]
        if tag in b"NTF":
            return {b"N": None, b"T": True, b"F": False}[tag]
        if tag == b"b":
            return self._short()
        if tag == b"B":
            return bytes(self._blobs[self._count()])
        if tag == b"S":
            return str(memoryview(self._blobs[self._count()]), "utf-8", "surrogatepass")
        if tag in b"DQ":
            count = self._count()
            form = f"<{count}{'d' if tag == b'D' else 'q'}"
            return list(struct.unpack(form, self._take(8 * count)))
        if tag == b"g":
            dtype = _dtype(self._short())
            return np.frombuffer(self._short(), dtype)[0]
        if tag == b"c":
            return complex(*struct.unpack("<2d", self._take(16)))
        if tag == b"I":
            return int.from_bytes(self._short(), "little", signed=True)
        raise ValueError(f"unknown tag {tag!r}")

    def _array(self, depth: int) -> Any:
        dtype = _dtype(self._short())
        count = _I64.unpack(self._take(8))[0]
        if not 0 <= count <= 64:
            raise ValueError("an array of too many dimensions")
        shape = struct.unpack(f"<{count}q", self._take(8 * count))
        tag = self._take(1)
        data = self._blobs[self._count()] if tag == b"B" else self._short()
        if min(shape, default=0) < 0 or math.prod(shape) * dtype.itemsize != _size(data):
            raise ValueError("an array of another size")
        made = np.empty(shape, dtype)
        if made.nbytes:
            made.reshape(-1).view(np.uint8)[:] = np.frombuffer(data, np.uint8)
        return made


def _size(data: Any) -> int:
    return memoryview(data).nbytes


def _dtype(name: bytes) -> Any:
    if not _DTYPE.fullmatch(name):
        raise ValueError(f"an array of {name!r}")
    return np.dtype(name.decode())
