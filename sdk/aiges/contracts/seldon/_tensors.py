# SPDX-License-Identifier: Apache-2.0
"""TensorFlow's tensor as an array and back, without TensorFlow."""

from __future__ import annotations

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
_MOST = 1 << 28  # Elements that a shape may ask for with one value.


def array_of(tensor: Any) -> Any:
    """Return the array of a tensorflow.TensorProto. Raises SeldonMicroserviceException."""
    kind = _KINDS.get(tensor.dtype)
    if kind is None:
        raise bad_data(f"tftensor: expected a dtype of numbers or strings, got {tensor.dtype}")
    dtype, field = kind
    shape = tuple(int(dim.size) for dim in tensor.tensor_shape.dim)
    count = 1
    for size in shape:
        if size < 0:
            raise bad_data(f"tftensor: expected a whole shape, got {list(shape)}")
        count *= size
    if tensor.tensor_content and dtype is not object:
        flat = np.frombuffer(tensor.tensor_content, dtype)
    elif field == "half_val":
        flat = np.array(list(tensor.half_val), np.uint16).view(np.float16)
    else:
        flat = np.array(list(getattr(tensor, field)), dtype)
    if len(flat) < count <= _MOST:  # One value stands for all that follow it.
        rest = np.zeros(count - len(flat), dtype) if len(flat) == 0 else None
        more = np.repeat(flat[-1:], count - len(flat)) if rest is None else rest
        flat = np.concatenate([flat, more])
    if len(flat) != count:
        raise bad_data(f"tftensor: expected {count} values for its shape, got {len(flat)}")
    return flat.reshape(shape).copy()


def fill(tensor: Any, array: Any) -> None:
    """Write a numeric array into a tensorflow.TensorProto."""
    found = [number for number, (dtype, _) in _KINDS.items() if dtype == array.dtype.type]
    if not found:
        array, found = array.astype(np.float64), [2]
    tensor.dtype = found[0]
    for size in array.shape:
        tensor.tensor_shape.dim.add(size=size)
    tensor.tensor_content = np.ascontiguousarray(array).tobytes()
