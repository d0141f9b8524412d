# SPDX-License-Identifier: Apache-2.0
"""TensorFlow's tensor as an array and back, without TensorFlow."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from aiges.contracts.seldon._errors import bad_data

__all__ = ["array_of", "fill"]

# Its number -> the type, and the field with single values.
_KINDS: dict[int, tuple[Any, str]] = {
    1: (np.float32, "float_val"),
    2: (np.float64, "double_val"),
    3: (np.int32, "int_val"),
    4: (np.uint8, "int_val"),
    5: (np.int16, "int_val"),
    6: (np.int8, "int_val"),
    7: (object, "string_val"),
    9: (np.int64, "int64_val"),
    10: (np.bool_, "bool_val"),
    17: (np.uint16, "int_val"),
    19: (np.float16, "half_val"),
    22: (np.uint32, "uint32_val"),
    23: (np.uint64, "uint64_val"),
}
_MOST = 64 << 20  # Bytes that a tensor may grow to: as many as a message may have by itself.


def array_of(tensor: Any) -> Any:
    """Return the array of a tensorflow.TensorProto. Raises SeldonMicroserviceException."""
    kind = _KINDS.get(tensor.dtype)
    if kind is None:
        raise bad_data(f"tftensor: expected a dtype of numbers or strings, got {tensor.dtype}")
    dtype, field = kind
    shape = tuple(int(dim.size) for dim in tensor.tensor_shape.dim)
    if any(size < 0 for size in shape):
        raise bad_data(f"tftensor: expected a whole shape, got {list(shape)}")
    count = math.prod(shape)
    try:
        flat = _values_of(tensor, dtype, field)
        if len(flat) < count:
            flat = _filled(flat, count)
        if len(flat) != count:
            raise bad_data(f"tftensor: expected {count} values for its shape, got {len(flat)}")
        return flat.reshape(shape)
    except (ValueError, OverflowError) as fault:  # A number that its type cannot hold; 65 axes.
        raise bad_data(f"tftensor: {fault}") from None


def _values_of(tensor: Any, dtype: Any, field: str) -> Any:
    if tensor.tensor_content and dtype is not object:
        return np.frombuffer(tensor.tensor_content, dtype).copy()  # It can be written to.
    values = getattr(tensor, field)
    if field == "half_val":
        return np.fromiter(values, np.uint16, len(values)).view(np.float16)
    return np.fromiter(values, dtype, len(values))


def _filled(flat: Any, count: int) -> Any:
    """The last value stands for all that follow it; without one, they are zero."""
    if count * flat.itemsize > _MOST:
        raise bad_data(
            f"tftensor: expected {count} values for its shape, or a shape that asks for at most "
            f"{_MOST} bytes, got {len(flat)}"
        )
    last = flat[-1] if len(flat) else b"" if flat.dtype == object else 0
    made = np.full(count, last, flat.dtype)
    made[: len(flat)] = flat
    return made


def fill(tensor: Any, array: Any) -> None:
    """Write a numeric array into a tensorflow.TensorProto."""
    found = [number for number, (dtype, _) in _KINDS.items() if dtype == array.dtype.type]
    if not found:
        array, found = array.astype(np.float64), [2]
    tensor.dtype = found[0]
    for size in array.shape:
        tensor.tensor_shape.dim.add(size=size)
    tensor.tensor_content = np.ascontiguousarray(array).tobytes()
