# SPDX-License-Identifier: Apache-2.0
"""One input or output of a model: its name, its types in both worlds, its shape."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Callable, cast

import numpy as np

from aiges.contracts._oip import Declared
from aiges.errors import BadInput
from aiges.tensors import dtype_of

__all__ = ["BYTES", "Tensor", "shape_text"]

BYTES = "BYTES"
_DATATYPES = {
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


@dataclass
class Tensor:
    """``shape`` has -1 where any number is taken; ``symbols`` what the file calls that, or None."""

    name: str
    datatype: str
    shape: tuple[int, ...]
    symbols: tuple[object, ...]
    sent: tuple[int, ...] | None = None  # As clients have it, where that is another.
    reshape: Callable[[tuple[int, ...]], tuple[int, ...]] | None = None  # From one to the other.

    @classmethod
    def of(cls, argument: Any) -> Tensor | None:
        """Return what ONNX Runtime says of it; None where it is no tensor that can be sent."""
        datatype = _DATATYPES.get(argument.type)
        if datatype is None:
            return None
        dims = list(argument.shape)
        known = [d if isinstance(d, int) and d >= 0 else -1 for d in dims]
        symbols = tuple(d if k < 0 else k for d, k in zip(dims, known))
        return cls(argument.name, datatype, tuple(known), symbols)

    @property
    def card(self) -> dict[str, Any]:
        """What clients are told."""
        return {"name": self.name, "datatype": self.datatype, "shape": list(self.declared.shape)}

    @property
    def declared(self) -> Declared:
        """The same, as it is compared with what comes."""
        return Declared(self.datatype, self.sent or self.shape)

    def zeros(self, rows: int, other: int = 1) -> Any:
        """Return an input of that many rows, with ``other`` where any number is taken."""
        shape = [rows if n == 0 and d < 0 else d for n, d in enumerate(self.shape)]
        sizes = [other if d < 0 else d for d in shape]
        if self.datatype == BYTES:
            return np.full(sizes, "", dtype=object)
        return np.zeros(sizes, dtype_of(self.datatype))

    def read(self, node: Any) -> Any:
        """Return a payload that fits as the model takes it. Raises BadInput."""
        if self.datatype != BYTES:
            array = node.numpy()
        elif "datatype" in node.desc:
            array = self._texts(node.numpy())
        else:
            array = self._texts(np.array([node.data], dtype=object))
            array = array.reshape((1,) * len(self.declared.shape))
        return array if self.reshape is None else array.reshape(self.reshape(array.shape))

    def _texts(self, array: Any) -> Any:
        """Return str, which ONNX Runtime takes, of bytes."""
        made = cast("Any", np.empty(array.size, dtype=object))
        for place, element in enumerate(array.ravel().tolist()):
            try:
                made[place] = element.decode()
            except UnicodeDecodeError:
                raise BadInput(
                    f'input "{self.name}": expected UTF-8 in element {place}, got other bytes'
                ) from None
        return made.reshape(array.shape)

    def written(self, array: Any) -> Any:
        """Return an output as hooks give it."""
        # Of a scalar ONNX Runtime gives its text.
        if self.datatype == BYTES:
            array = np.asarray(array, dtype=object)
        return array if self.reshape is None else array.reshape(self.reshape(array.shape))


def shape_text(shape: Sequence[int]) -> str:
    """Return a shape as errors have it."""
    return f"[{','.join(str(d) for d in shape)}]"
