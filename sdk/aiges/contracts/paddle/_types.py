# SPDX-License-Identifier: Apache-2.0
"""The numbers that Paddle Serving gives to types of elements."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["BFLOAT16", "DTYPES", "NAMES", "STRING", "dtype_of", "name_of"]

BFLOAT16, STRING = 6, 20
# numpy has no bfloat16: its bits travel as uint16.
DTYPES: dict[int, np.dtype[Any]] = {
    0: np.dtype(np.int64),
    1: np.dtype(np.float32),
    2: np.dtype(np.int32),
    3: np.dtype(np.float64),
    4: np.dtype(np.int16),
    5: np.dtype(np.float16),
    BFLOAT16: np.dtype(np.uint16),
    7: np.dtype(np.uint8),
    8: np.dtype(np.int8),
    9: np.dtype(np.bool_),
    10: np.dtype(np.complex64),
    11: np.dtype(np.complex128),
}
NAMES = {number: dtype.name for number, dtype in DTYPES.items()}
NAMES.update({BFLOAT16: "bfloat16", STRING: "string"})


def name_of(number: int) -> str:
    """Return how messages call a type: ``float32``, ``type 99``."""
    return NAMES.get(number, f"type {number}")


def dtype_of(number: int, who: str) -> np.dtype[Any]:
    """Return the type of an array. Raises ValueError, which names ``who``, for any other number."""
    if number not in DTYPES:
        numbers = ", ".join(f"{at} {name}" for at, name in NAMES.items())
        raise ValueError(f"{who}: expected an element type among {numbers}; got {number}")
    return DTYPES[number]
