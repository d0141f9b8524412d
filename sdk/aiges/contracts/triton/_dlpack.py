# SPDX-License-Identifier: Apache-2.0
"""DLPack of CPU memory, also of types that numpy does not have: read and written by ctypes."""

from __future__ import annotations

import ctypes
import math
from typing import Any

import numpy as np

from aiges.contracts.triton._errors import TritonModelException
from aiges.contracts.triton._types import bf16_type

__all__ = ["array_of", "capsule"]

_CPU, _HOST = 1, 3  # kDLCPU, kDLCUDAHost
_INT, _UINT, _FLOAT, _BFLOAT, _BOOL = 0, 1, 2, 4, 6
_MOST_RANK = 64
_NOT_CONTIGUOUS = (
    "DLPack tensor is not contiguous. Only contiguous DLPack tensors that are stored in C-Order "
    "are supported."
)


class _DType(ctypes.Structure):
    _fields_ = [("code", ctypes.c_uint8), ("bits", ctypes.c_uint8), ("lanes", ctypes.c_uint16)]


class _DLTensor(ctypes.Structure):
    _fields_ = [
        ("data", ctypes.c_void_p),
        ("device_type", ctypes.c_int32),
        ("device_id", ctypes.c_int32),
        ("ndim", ctypes.c_int32),
        ("dtype", _DType),
        ("shape", ctypes.POINTER(ctypes.c_int64)),
        ("strides", ctypes.POINTER(ctypes.c_int64)),
        ("byte_offset", ctypes.c_uint64),
    ]


class _Managed(ctypes.Structure):
    pass


_Deleter = ctypes.CFUNCTYPE(None, ctypes.POINTER(_Managed))
_Managed._fields_ = [
    ("dl_tensor", _DLTensor),
    ("manager_ctx", ctypes.c_void_p),
    ("deleter", _Deleter),
]
_NAME, _USED = b"dltensor", b"used_dltensor"
_api = ctypes.pythonapi
_new = _api.PyCapsule_New
_new.restype, _new.argtypes = ctypes.py_object, [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p]
_pointer = _api.PyCapsule_GetPointer
_pointer.restype, _pointer.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
_is_valid = _api.PyCapsule_IsValid
_is_valid.restype, _is_valid.argtypes = ctypes.c_int, [ctypes.py_object, ctypes.c_char_p]
_is_valid_raw = ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_char_p)(
    ("PyCapsule_IsValid", _api)
)
_pointer_raw = ctypes.PYFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p, ctypes.c_char_p)(
    ("PyCapsule_GetPointer", _api)
)
_rename = _api.PyCapsule_SetName
_rename.restype, _rename.argtypes = ctypes.c_int, [ctypes.py_object, ctypes.c_char_p]

_held: dict[int, Any] = {}  # What others look at, until they say that they have done.


def _release(managed: Any) -> None:
    _held.pop(ctypes.addressof(managed.contents), None)


def _drop(unused: Any) -> None:
    # Nobody has taken the capsule: its tensor is still ours.
    if _is_valid_raw(unused, _NAME):
        _held.pop(_pointer_raw(unused, _NAME), None)


_RELEASE = _Deleter(_release)
_DROP = ctypes.PYFUNCTYPE(None, ctypes.c_void_p)(_drop)


def _dtype_of(array: Any, datatype: str) -> _DType:
    if datatype == "BF16":
        return _DType(_BFLOAT, 16, 1)
    code = {"b": _BOOL, "i": _INT, "u": _UINT, "f": _FLOAT}[array.dtype.kind]
    return _DType(code, array.dtype.itemsize * 8, 1)


def capsule(array: Any, datatype: str, owner: Any) -> Any:
    """Return a capsule that shows the array; ``owner`` lives as long as it does."""
    managed, rank = _Managed(), array.ndim
    shape = (ctypes.c_int64 * max(rank, 1))(*array.shape)
    tensor = managed.dl_tensor
    tensor.data, tensor.device_type, tensor.ndim = array.ctypes.data, _CPU, rank
    tensor.dtype, tensor.shape = _dtype_of(array, datatype), shape
    managed.deleter = _RELEASE
    address = ctypes.addressof(managed)
    _held[address] = managed, shape, array, owner
    return _new(address, _NAME, ctypes.cast(_DROP, ctypes.c_void_p))


class _Taken:
    """What a capsule held: given back when no array looks at it any more."""

    def __init__(self, managed: Any) -> None:
        self._managed = managed

    def __del__(self) -> None:
        if self._managed.contents.deleter:
            self._managed.contents.deleter(self._managed)


def _capsule_of(given: Any) -> Any:
    if not hasattr(given, "__dlpack__"):
        return given
    device = given.__dlpack_device__() if hasattr(given, "__dlpack_device__") else (_CPU, 0)
    if int(device[0]) not in (_CPU, _HOST):
        raise TritonModelException(
            "DLPack device type is not supported: expected memory of the machine (CPU), got type "
            f"{int(device[0])}."
        )
    return given.__dlpack__()


def _check_contiguous(tensor: _DLTensor, shape: list[int]) -> None:
    if not tensor.strides or 0 in shape:
        return
    expected = 1
    for at in range(len(shape) - 1, -1, -1):
        if shape[at] != 1 and tensor.strides[at] != expected:
            raise TritonModelException(_NOT_CONTIGUOUS)
        expected *= shape[at]


def array_of(given: Any) -> tuple[Any, str]:
    """Return the data of a capsule, or of an object that gives one, as an array, and their type."""
    if isinstance(given, np.ndarray):  # Also one that may not be written, which gives no capsule.
        if not given.flags.c_contiguous:
            raise TritonModelException(_NOT_CONTIGUOUS)
        return given, ""
    held = _capsule_of(given)
    if type(held).__name__ != "PyCapsule" or not _is_valid(held, _NAME):
        raise TritonModelException(
            "DLPack tensor is not valid: expected a capsule that nobody has used, got "
            f"{type(held).__name__}."
        )
    managed = ctypes.cast(_pointer(held, _NAME), ctypes.POINTER(_Managed))
    tensor = managed.contents.dl_tensor
    if tensor.device_type not in (_CPU, _HOST) or not 0 <= tensor.ndim <= _MOST_RANK:
        raise TritonModelException("DLPack device type is not supported.")
    shape = [int(tensor.shape[at]) for at in range(tensor.ndim)]
    _check_contiguous(tensor, shape)
    dtype, datatype = _numpy_type(tensor.dtype)
    _rename(held, _USED)
    taken = _Taken(managed)
    size = math.prod(shape) * dtype.itemsize
    if size == 0:
        return np.empty(shape, dtype), datatype
    buffer = (ctypes.c_uint8 * size).from_address((tensor.data or 0) + tensor.byte_offset)
    setattr(buffer, "_taken", taken)  # noqa: B010 (its type is ctypes' own)
    return np.ndarray(tuple(shape), dtype, buffer), datatype


def _numpy_type(dtype: _DType) -> tuple[Any, str]:
    letters = {_INT: "i", _UINT: "u", _FLOAT: "f", _BOOL: "b"}
    if dtype.lanes == 1 and dtype.code == _BFLOAT and dtype.bits == 16:
        return bf16_type() or np.dtype(np.uint16), "BF16"
    if dtype.lanes == 1 and dtype.code == _BOOL and dtype.bits == 8:
        return np.dtype(np.bool_), ""
    if dtype.lanes == 1 and dtype.code in letters and dtype.bits in (8, 16, 32, 64):
        try:
            return np.dtype(f"{letters[dtype.code]}{dtype.bits // 8}"), ""
        except TypeError:
            pass
    raise TritonModelException(
        f"DLPack data type is not supported: code {dtype.code}, {dtype.bits} bits, {dtype.lanes} "
        "lanes."
    )
