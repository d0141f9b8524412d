# SPDX-License-Identifier: Apache-2.0
"""One input or output of a model: its name, its types in both worlds, its shape."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from aiges.errors import BadInput

__all__ = ["BYTES", "Tensor", "dtype_of", "read", "shape_text", "written"]

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


@dataclass(frozen=True)
class Tensor:
    """``shape`` has -1 where any number is taken; ``symbols`` what the file calls that, or None."""

    name: str
    datatype: str
    shape: tuple[int, ...]
    symbols: tuple[object, ...]

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

    def check(self, array: Any) -> Any:
        """Return the array if the model takes it. Raises BadInput."""
        wanted, got = self.shape, array.shape
        if got == wanted:
            return array
        if len(got) != len(wanted) or any(w >= 0 and w != g for w, g in zip(wanted, got)):
            raise BadInput(
                f'input "{self.name}": expected shape {shape_text(wanted)}, got {shape_text(got)}'
            )
        return array

    def zeros(self, rows: int, other: int = 1) -> Any:
        """Return an input of that many rows, with ``other`` where any number is taken."""
        shape = [rows if n == 0 and d < 0 else d for n, d in enumerate(self.shape)]
        sizes = [other if d < 0 else d for d in shape]
        if self.datatype == BYTES:
            return np.full(sizes, "", dtype=object)
        return np.zeros(sizes, dtype_of(self.datatype))


def dtype_of(datatype: str) -> Any:
    """Return the dtype of numpy, which BYTES has none of."""
    return _DTYPES[datatype]


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


def read(node: Any, tensor: Tensor) -> Any:
    """Return the payload as the model takes it. Raises BadInput."""
    desc = node.desc
    datatype = desc.get("datatype")
    if datatype != tensor.datatype:
        got = f"a payload without datatype ({len(node.data)} bytes)" if not datatype else datatype
        raise BadInput(f'input "{tensor.name}": expected {tensor.datatype}, got {got}')
    shape = _shape_of(tensor.name, desc.get("shape", ""))
    data = node.data
    count = 1
    for each in shape:
        count *= each
    if datatype == BYTES:
        return tensor.check(_shaped(_texts(data, count, tensor.name), shape, tensor.name))
    dtype = _DTYPES[datatype]
    if len(data) != count * dtype.itemsize:
        raise BadInput(
            f'input "{tensor.name}": expected {count * dtype.itemsize} bytes for {datatype} of '
            f"shape {shape_text(shape)}, got {len(data)}"
        )
    values = np.frombuffer(data, dtype) if data else np.empty(0, dtype)
    return tensor.check(_shaped(values, shape, tensor.name))


def _shaped(values: Any, shape: tuple[int, ...], name: str) -> Any:
    try:
        return values.reshape(shape)
    except ValueError:  # Nothing, in more dimensions than can be counted: [0, 10**18].
        raise BadInput(f'input "{name}": {shape_text(shape)} is no shape that can be') from None


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


def written(tensor: Tensor, array: Any) -> dict[str, Any]:
    """Return an output as hooks give it."""
    if tensor.datatype == BYTES:
        pieces = [str(text).encode() for text in array.ravel()]
        data: Any = b"".join(len(piece).to_bytes(4, "little") + piece for piece in pieces)
        size = len(data)
    else:
        data, size = (
            array if array.flags.c_contiguous else np.ascontiguousarray(array),
            array.nbytes,
        )
    shape = ",".join(map(str, array.shape))
    return {
        "key": tensor.name,
        "data": data,
        "len": size,
        "type": 4,
        "status": 3,
        "desc": {"datatype": tensor.datatype, "shape": shape},
    }
