# SPDX-License-Identifier: Apache-2.0
"""Tensors as models have them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from aiges.contracts.triton import _dlpack
from aiges.contracts.triton._errors import TritonModelException
from aiges.contracts.triton._types import (
    NUMBERS,
    bf16_type,
    decode_bytes,
    dtype_of,
    encode_bytes,
    protocol_type,
)
from aiges.errors import BadInput

__all__ = ["Tensor", "from_wire", "renamed", "wire_of"]

_ndarray = np.ndarray
_COPY_BELOW = 16 << 10  # Quicker than to look where the bytes lie; short ones may be shared.
_HEAD_OF_BYTES = bytes.__basicsize__ - 1


class Tensor:
    """A name and data: an array, or bytes that become one when it is asked for."""

    __module__ = "c_python_backend_utils"  # As texts of errors name it.
    __slots__ = ("_array", "_datatype", "_name", "_raw", "_shape")

    _array: Any  # None: _raw has not been looked at.
    _datatype: str  # "": that of the array.
    _raw: Any
    _shape: tuple[int, ...]  # Of what is there as _raw.

    def __init__(self, name: str, numpy_array: Any, /) -> None:
        if not isinstance(name, str):
            raise TypeError(f"name: expected a str, got {type(name).__name__}")
        if not isinstance(numpy_array, _ndarray):
            raise TypeError(f"expected a numpy array, got {type(numpy_array).__name__}")
        if not name:
            raise TritonModelException("Tensor name should not be an empty string.")
        self._name, self._array = name, numpy_array
        self._datatype, self._raw = protocol_type(numpy_array.dtype), None
        if self._datatype != "BYTES" and not numpy_array.flags.c_contiguous:
            self._array = np.ascontiguousarray(numpy_array)

    def name(self) -> str:
        """Return the name."""
        return self._name

    def shape(self) -> list[int]:
        """Return the shape."""
        return list(self._shape if self._array is None else self._array.shape)

    def is_cpu(self) -> bool:
        """Whether the data are in the memory of the machine: always."""
        return True

    def triton_dtype(self) -> int:
        """Return the number of the type, as config.pbtxt has it."""
        return NUMBERS["STRING" if self._datatype == "BYTES" else self._datatype]

    def as_numpy(self) -> Any:
        """Return the array, in memory of the request's own."""
        array = self._array
        if array is None:
            array = self._array = _decoded(self)
        if self._datatype == "BF16" and array.dtype != bf16_type():
            raise TritonModelException(
                "Failed to convert a BF16 tensor to NumPy: install ml_dtypes, or use DLPack."
            )
        return array

    def to_dlpack(self) -> Any:
        """Return a capsule with the data, which are not copied."""
        return _dlpack.capsule(self._for_dlpack(), self._datatype, self)

    def __dlpack__(self, *, stream: Any = None, **_: Any) -> Any:
        """Return the same, for those who ask in this way."""
        return self.to_dlpack()

    def __dlpack_device__(self) -> tuple[int, int]:
        """Return the kind of memory and the number of the device."""
        return 1, 0

    def _for_dlpack(self) -> Any:
        if self._datatype == "BYTES":
            raise TritonModelException("DLPack does not have support for string tensors.")
        if self._array is None:
            self._array = _decoded(self)
        return self._array

    @staticmethod
    def from_dlpack(name: str, dlpack_tensor: Any, /) -> Tensor:
        """Return a tensor with the data of a capsule, or of an object that gives one."""
        if dlpack_tensor is None:
            raise TritonModelException("DLPack tensor is not valid: expected a capsule, got None.")
        array, datatype = _dlpack.array_of(dlpack_tensor)
        if datatype != "BF16":
            return Tensor(name, array)
        return made(name, array, "BF16")


def made(name: str, array: Any, datatype: str) -> Tensor:
    """Return a tensor whose array stands for a type that numpy may not have."""
    if not name:
        raise TritonModelException("Tensor name should not be an empty string.")
    tensor = Tensor.__new__(Tensor)
    tensor._name, tensor._array, tensor._datatype, tensor._raw = name, array, datatype, None
    return tensor


def from_wire(name: str, data: Any, datatype: str, shape: tuple[int, ...]) -> Tensor:
    """Return the tensor that lies in these bytes; they are looked at when it is used."""
    tensor = Tensor.__new__(Tensor)
    tensor._name, tensor._raw, tensor._datatype, tensor._shape = name, data, datatype, shape
    tensor._array = None
    return tensor


def renamed(tensor: Tensor, name: str) -> Tensor:
    """Return a tensor of that name with the same data."""
    copy = Tensor.__new__(Tensor)
    copy._name, copy._datatype, copy._raw = name, tensor._datatype, tensor._raw
    copy._array = tensor._array
    if tensor._array is None:
        copy._shape = tensor._shape
    return copy


def _decoded(tensor: Tensor) -> Any:
    data, shape, datatype = tensor._raw, tensor._shape, tensor._datatype
    if datatype == "BYTES":
        elements = decode_bytes(data, tensor._name)
        if len(elements) != math.prod(shape):
            raise BadInput(
                f"expected {math.prod(shape)} string elements for inference input "
                f"'{tensor._name}', got {len(elements)}"
            )
        array = np.empty(len(elements), dtype=np.object_)
        array[:] = elements
        return array.reshape(shape)
    dtype = dtype_of(datatype)
    if dtype is None:
        if datatype != "BF16":
            raise BadInput(f"input '{tensor._name}': unknown datatype '{datatype}'")
        dtype = np.dtype(np.uint16)
    size = len(data)
    if math.prod(shape) * dtype.itemsize != size:
        raise BadInput(
            f"input byte size mismatch for input '{tensor._name}'. Expected "
            f"{math.prod(shape) * dtype.itemsize}, got {size}"
        )
    if size < _COPY_BELOW or type(data) is not bytes:
        return _ndarray(shape, dtype, bytearray(data))
    return _ndarray(shape, dtype, np.asarray(_Writable(data)))


class _Writable:
    """Bytes that belong to one request, as models may have them: to write in.

    Models are used to that (``x += 1``), and frameworks warn of arrays that may not be written.
    """

    __slots__ = ("__array_interface__", "_data")

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.__array_interface__ = {
            "data": (id(data) + _HEAD_OF_BYTES, False),
            "shape": (len(data),),
            "typestr": "|u1",
            "version": 3,
        }


def wire_of(tensor: Tensor) -> tuple[Any, str, tuple[int, ...]]:
    """Return the data of an output (bytes, or an array), its type and its shape."""
    array = tensor._array
    if array is None:  # Of another model, or of the request, as it came.
        return tensor._raw, tensor._datatype, tensor._shape
    datatype = tensor._datatype
    if datatype == "BYTES":
        return encode_bytes(array), datatype, array.shape
    if datatype == "BF16":
        return array.view(np.uint16), datatype, array.shape
    if not array.dtype.isnative:
        array = array.astype(array.dtype.newbyteorder("="))
    return array, datatype, array.shape
