# SPDX-License-Identifier: Apache-2.0
"""Arrays to and from the Tensor of pipelines."""

from __future__ import annotations

import io
from typing import Any

import numpy as np

from aiges.contracts.paddle import _types

__all__ = ["BYTES", "STRING", "add_to", "lod_of", "read", "write"]

STRING, BYTES = 12, 13  # Of pipelines only: elsewhere STRING is 20.
_FIELDS = {
    0: "int64_data",
    1: "float_data",
    2: "int_data",
    3: "float64_data",
    4: "int_data",
    5: "float_data",
    _types.BFLOAT16: "uint32_data",
    7: "uint32_data",
    8: "int_data",
    9: "bool_data",
    10: "complex64_data",
    11: "complex128_data",
}
_COMPLEX = {10: np.float32, 11: np.float64}
_NUMBERS = {dtype: number for number, dtype in _types.DTYPES.items() if number != _types.BFLOAT16}
_MOST_DIMS = 32


def read(tensor: Any) -> Any:
    """Return what a Tensor holds: an array, or a text. Raises ValueError, which names it.

    Its ``lod`` is :func:`lod_of`.
    """
    who, kind = tensor.name or "a tensor", tensor.elem_type
    if kind == STRING:
        return "".join(tensor.str_data)
    if kind == BYTES:
        return _from_container(who, tensor.byte_data)
    dtype = _types.dtype_of(kind, who)
    numbers = getattr(tensor, _FIELDS[kind])
    if kind in _COMPLEX:  # Pairs.
        if len(numbers) % 2:
            raise ValueError(f"{who}: expected pairs of numbers, got {len(numbers)}")
        array = np.fromiter(numbers, _COMPLEX[kind], len(numbers)).view(dtype)
    else:
        try:
            array = np.fromiter(numbers, dtype, len(numbers))
        except (OverflowError, ValueError) as fault:
            raise ValueError(f"{who}: expected elements of {dtype}: {fault}") from None
    return _shaped(who, array, list(tensor.shape))


def lod_of(tensor: Any) -> Any:
    """Return the offsets of a Tensor in two rows, as users know them; None: there are none.

    Raises ValueError, where they are not even in number.
    """
    return np.array(tensor.lod, np.int32).reshape(2, -1) if tensor.lod else None


def add_to(made: dict[str, Any], tensors: Any) -> None:
    """Put in a dict what Tensors hold, and ``<name>.lod`` of those that have it.

    Raises ValueError.
    """
    for tensor in tensors:
        made[tensor.name] = read(tensor)
        lod = lod_of(tensor)
        if lod is not None:
            made[f"{tensor.name}.lod"] = lod


def _from_container(who: str, data: bytes) -> Any:
    """Read what ``np.save`` has written; never objects, which could be any code."""
    try:
        return np.load(io.BytesIO(data), allow_pickle=False)
    except Exception as fault:
        raise ValueError(f"{who}: expected an array as np.save writes it: {fault}") from None


def _shaped(who: str, array: Any, shape: list[int]) -> Any:
    if not shape:
        return array
    count = 1
    for size in shape:
        count *= size  # Of Python's numbers: nothing overflows.
    if shape.count(-1) == 1:  # What is left.
        fits = count < 0 and array.size % count == 0 and min(shape) == -1
    else:
        fits = min(shape) >= 0 and count == array.size
    if len(shape) > _MOST_DIMS or not fits:
        raise ValueError(f"{who}: expected elements for shape {shape[:40]}, got {array.size}")
    return array.reshape(shape)


def write(tensor: Any, name: str, value: Any, as_bytes: bool = False) -> None:
    """Fill a Tensor with an array, or what numpy makes one. Raises TypeError for other things."""
    array = np.asarray(value)
    tensor.name = name
    tensor.shape.extend(array.shape)
    if array.dtype.kind in "OV" or (array.dtype not in _NUMBERS and not as_bytes):
        if array.dtype.kind in "SU":
            tensor.elem_type = STRING
            tensor.str_data.extend(str(each) for each in array.ravel().tolist())
            return
        raise TypeError(f"{name}: expected numbers or texts, got {array.dtype}")
    if as_bytes:
        held = io.BytesIO()
        np.save(held, array, allow_pickle=False)
        tensor.elem_type, tensor.byte_data = BYTES, held.getvalue()
        return
    kind = tensor.elem_type = _NUMBERS[array.dtype]
    numbers = np.ascontiguousarray(array).ravel()
    if kind in _COMPLEX:
        numbers = numbers.view(_COMPLEX[kind])
    getattr(tensor, _FIELDS[kind]).extend(numbers.tolist())
