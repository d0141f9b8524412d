# SPDX-License-Identifier: Apache-2.0
"""One input or output of a model: its name, its types in both worlds, its shape."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from aiges.errors import BadInput

__all__ = ["BYTES", "Tensor", "shape_text"]

BYTES = "BYTES"
_DTYPES = {
    "BOOL": np.dtype(np.bool_),
    "UINT8": np.dtype(np.uint8),
    "UINT16": np.dtype("<u2"),
    "UINT32": np.dtype("<u4"),
    "UINT64": np.dtype("<u8"),
    "INT8": np.dtype(np.int8),
    "INT16": np.dtype("<i2"),
    "INT32": np.dtype("<i4"),
    "INT64": np.dtype("<i8"),
    "FP16": np.dtype("<f2"),
    "FP32": np.dtype("<f4"),
    "FP64": np.dtype("<f8"),
}
_ONNX = {
    "tensor(bool)": "BOOL",
    "tensor(uint8)": "UINT8",
    "tensor(uint16)": "UINT16",
    "tensor(uint32)": "UINT32",
    "tensor(uint64)": "UINT64",
    "tensor(int8)": "INT8",
    "tensor(int16)": "INT16",
    "tensor(int32)": "INT32",
    "tensor(int64)": "INT64",
    "tensor(float16)": "FP16",
    "tensor(float)": "FP32",
    "tensor(double)": "FP64",
    "tensor(string)": BYTES,
}
_MOST_DIMENSIONS = 32
_MOST_ELEMENTS = 1 << 40
_MOST_KEPT = 1000  # Shapes of a tensor that are remembered.
_OTHER, _ONCE = 4, 3  # Type and status of an output.


@dataclass
class Tensor:
    """``shape`` has -1 where any number is taken; ``symbols`` what the file calls that, or None.

    Threads: any; what is kept of shapes may be found out twice.
    """

    name: str
    datatype: str
    shape: tuple[int, ...]
    symbols: tuple[object, ...]
    _taken: dict[tuple[str, str], tuple[tuple[int, ...], int]] = field(default_factory=dict)
    _descs: dict[tuple[int, ...], dict[str, str]] = field(default_factory=dict)

    @classmethod
    def of(cls, argument: Any) -> Tensor | None:
        """Return what ONNX Runtime says of it; None where it is no tensor that can be sent."""
        datatype = _ONNX.get(argument.type)
        if datatype is None:
            return None
        dims = list(argument.shape)
        known = [d if isinstance(d, int) and d >= 0 else -1 for d in dims]
        symbols = tuple(d if k < 0 else k for d, k in zip(dims, known))
        return cls(argument.name, datatype, tuple(known), symbols)

    @property
    def card(self) -> dict[str, Any]:
        """What clients are told."""
        return {"name": self.name, "datatype": self.datatype, "shape": list(self.shape)}

    def zeros(self, rows: int, other: int = 1) -> Any:
        """Return an input of that many rows, with ``other`` where any number is taken."""
        shape = [rows if n == 0 and d < 0 else d for n, d in enumerate(self.shape)]
        sizes = [other if d < 0 else d for d in shape]
        if self.datatype == BYTES:
            return np.full(sizes, "", dtype=object)
        return np.zeros(sizes, _DTYPES[self.datatype])

    def read(self, node: Any) -> Any:
        """Return a payload as the model takes it. Raises BadInput."""
        desc, data = node.desc, node.data
        said = (desc.get("datatype", ""), desc.get("shape", ""))
        shape, count = self._taken.get(said) or self._learn(*said, len(data))
        if self.datatype == BYTES:
            return _texts(data, count, self.name).reshape(shape)
        dtype = _DTYPES[self.datatype]
        if len(data) != count * dtype.itemsize:
            raise BadInput(
                f'input "{self.name}": expected {count * dtype.itemsize} bytes for '
                f"{self.datatype} of shape {shape_text(shape)}, got {len(data)}"
            )
        return np.ndarray(shape, dtype, data)

    def _learn(self, datatype: str, text: str, size: int) -> tuple[tuple[int, ...], int]:
        """Return a shape that the model takes, and how many elements that are."""
        if datatype != self.datatype:
            got = datatype[:100] or f"a payload without datatype ({size} bytes)"
            raise BadInput(f'input "{self.name}": expected {self.datatype}, got {got}')
        shape = _shape_of(self.name, text)
        wanted = self.shape
        if len(shape) != len(wanted) or any(w not in (-1, d) for w, d in zip(wanted, shape)):
            raise BadInput(
                f'input "{self.name}": expected shape {shape_text(wanted)}, got {shape_text(shape)}'
            )
        count = 1
        for each in shape:
            count *= max(each, 1)
        if count > _MOST_ELEMENTS:  # Also of none: [0, 10**18] is more than can be counted.
            raise BadInput(f'input "{self.name}": {shape_text(shape)} is no shape that can be')
        found = shape, 0 if 0 in shape else count
        if len(self._taken) < _MOST_KEPT:
            self._taken[datatype, text] = found
        return found

    def written(self, array: Any) -> dict[str, Any]:
        """Return an output as hooks give it."""
        data: Any = array if array.flags.c_contiguous else np.ascontiguousarray(array)
        if self.datatype == BYTES:
            pieces = [str(text).encode() for text in array.ravel()]
            data = b"".join(len(piece).to_bytes(4, "little") + piece for piece in pieces)
        desc = self._descs.get(array.shape)
        if desc is None:
            desc = {"datatype": self.datatype, "shape": ",".join(map(str, array.shape))}
            if len(self._descs) < _MOST_KEPT:
                self._descs[array.shape] = desc
        size = len(data) if self.datatype == BYTES else array.nbytes
        return {
            "key": self.name,
            "data": data,
            "len": size,
            "type": _OTHER,
            "status": _ONCE,
            "desc": desc,
        }


def shape_text(shape: Sequence[int]) -> str:
    """Return a shape as errors have it."""
    return f"[{','.join(str(d) for d in shape)}]"


def _shape_of(key: str, text: str) -> tuple[int, ...]:
    if not text:
        return ()
    parts = text.split(",")
    if len(parts) > _MOST_DIMENSIONS or not all(
        part.isascii() and part.isdigit() and len(part) < 19 for part in parts
    ):
        raise BadInput(f'input "{key}": expected a shape as "1,64", got "{text[:100]}"')
    return tuple(int(part) for part in parts)


def _texts(data: bytes, count: int, name: str) -> Any:
    found: list[str] = []
    at, size = 0, len(data)
    while at < size:
        end = at + 4 + int.from_bytes(data[at : at + 4], "little")
        if at + 4 > size or end > size:
            raise BadInput(f'input "{name}": element {len(found)} is longer than the data')
        try:
            found.append(data[at + 4 : end].decode())
        except UnicodeDecodeError:
            raise BadInput(
                f'input "{name}": expected UTF-8 in element {len(found)}, got other bytes'
            ) from None
        at = end
    if len(found) != count:
        raise BadInput(f'input "{name}": expected {count} elements by its shape, got {len(found)}')
    made = np.empty(count, dtype=object)
    made[:] = found
    return made
