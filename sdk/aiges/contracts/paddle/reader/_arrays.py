# SPDX-License-Identifier: Apache-2.0
"""What steps for pictures share: plain functions of arrays, and pictures of bytes."""

from __future__ import annotations

from typing import Any

import numpy as np

from aiges.contracts.paddle.reader import _needs

__all__ = ["crop", "decode", "divide", "normalize", "pad_to_stride", "resize", "transpose"]


def decode(data: Any) -> Any:
    """Return the picture in these bytes, BGR of uint8 (h, w, 3); None for what is no picture."""
    buffer = np.frombuffer(data, dtype=np.uint8)
    if not buffer.size:
        return None  # OpenCV would raise.
    cv2 = _needs.cv2()
    return cv2.imdecode(buffer, cv2.IMREAD_COLOR)


def transpose(img: Any, transpose_target: Any) -> Any:
    """Return a view with the axes in that order."""
    return np.transpose(img, transpose_target)


def divide(img: Any, value: Any) -> Any:
    """Return the picture as float32, divided by a number."""
    if isinstance(value, np.generic):
        value = value.item()  # NumPy 2 would make float64 of float32 and such a number.
    return img.astype("float32") / value


def normalize(img: Any, mean: Any, std: Any, channel_first: bool) -> Any:
    """Return (img - mean) / std as float32; both have a value for each of three channels."""
    shape = (3, 1, 1) if channel_first else (1, 1, 3)
    # In float64, and rounded to float32 after each of the two: so the last bit is the original's.
    wide_mean = np.array(mean, dtype=np.float64).reshape(shape)
    wide_std = np.array(std, dtype=np.float64).reshape(shape)
    result = np.array(img, dtype=np.float32)
    result -= wide_mean
    result /= wide_std
    return result


def crop(img: Any, target_size: int, center: bool) -> Any:
    """Return a view of that many rows and columns, from the middle or from anywhere.

    A picture that is smaller gives what is left of a slice that begins before it.
    """
    height, width = img.shape[:2]
    size = target_size
    if center:
        left, top = (width - size) // 2, (height - size) // 2
    else:
        left = np.random.randint(0, width - size + 1)
        top = np.random.randint(0, height - size + 1)
    return img[top : top + size, left : left + size, :]


def resize(
    img: Any, target_size: Any, max_size: int = 2147483647, interpolation: Any = None
) -> Any:
    """Return the picture with its short side that long, or as (width, height) says.

    ``max_size``: no side is longer. ``interpolation``: a number of OpenCV; None or 0: bilinear.
    """
    cv2 = _needs.cv2()
    if isinstance(target_size, tuple):
        size = (min(target_size[0], max_size), min(target_size[1], max_size))
    else:
        height, width = img.shape[:2]
        percent = float(target_size) / min(width, height)
        longest = max(width, height)
        if np.round(percent * longest) > max_size:
            percent = float(max_size) / float(longest)
        size = (int(round(width * percent)), int(round(height * percent)))
    return cv2.resize(img, size, interpolation=interpolation or cv2.INTER_LINEAR)


def pad_to_stride(img: Any, stride: int) -> Any:
    """Return (c, h, w) as float32, with zeros below and at the right up to multiples of stride."""
    channels, height, width = img.shape
    rows, columns = (int(np.ceil(side / stride) * stride) for side in (height, width))
    padded = np.zeros((channels, rows, columns), dtype=np.float32)
    padded[:, :height, :width] = img
    return padded
