# SPDX-License-Identifier: Apache-2.0
"""Steps for detectors: a picture, and beside it what its boxes are measured by.

``im_info`` is ``{"im_shape": [height, width], "scale_factor": [of y, of x]}``, both float32; a step
that is called without it returns None in its place.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from aiges.contracts.paddle.reader import _arrays, _needs

__all__ = [
    "DetectionBGR2RGB",
    "DetectionDiv",
    "DetectionFile2Image",
    "DetectionNormalize",
    "DetectionPadStride",
    "DetectionResize",
    "DetectionTranspose",
]


class DetectionFile2Image:
    """A path to a picture, which is RGB already."""

    def __call__(self, img_path: Any, im_info: Any = None) -> tuple[Any, Any]:
        """Return RGB of uint8 (h, w, 3). Raises OSError, and ValueError for what is no picture."""
        with open(img_path, "rb") as file:
            img = _arrays.decode(file.read())
        if img is None:
            raise ValueError(f"{img_path} is no picture that OpenCV reads")
        cv2 = _needs.cv2()
        img = cv2.cvtColor(img, cv2.COLOR_BGR2RGB)
        if im_info is not None:
            im_info["im_shape"] = np.array(img.shape[:2], dtype=np.float32)
            im_info["scale_factor"] = np.ones(2, dtype=np.float32)
        return img, im_info

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


class DetectionBGR2RGB:
    """Turns the order of the channels round."""

    def __call__(self, img: Any, img_info: Any = None) -> tuple[Any, Any]:
        """Return a view of (h, w, c)."""
        return img[:, :, ::-1], img_info

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


class DetectionDiv:
    """Divides by a number."""

    def __init__(self, value: float) -> None:
        self.value = value

    def __call__(self, img: Any, img_info: Any = None) -> tuple[Any, Any]:
        """Return float32."""
        return _arrays.divide(img, self.value), img_info

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.value})"


class DetectionNormalize:
    """(x / 255 - mean) / std of (h, w, 3); ``is_scale=False``: without / 255."""

    def __init__(self, mean: Any, std: Any, is_scale: bool = True) -> None:
        self.mean, self.std, self.is_scale = mean, std, is_scale

    def __call__(self, im: Any, im_info: Any = None) -> tuple[Any, Any]:
        """Return a copy of float32."""
        im = im.astype(np.float32)
        if self.is_scale:
            im = im / 255.0
        return _arrays.normalize(im, self.mean, self.std, channel_first=False), im_info

    def __repr__(self) -> str:
        return f"{type(self).__name__}(mean={self.mean}, std={self.std})"


class DetectionResize:
    """To a size: one number for both sides, or (height, width).

    ``keep_ratio``: the short side is the smaller of both numbers, unless the long side would be
    more than the larger one; then that decides. ``interpolation``: a number of OpenCV.
    """

    def __init__(self, target_size: Any, keep_ratio: bool = True, interpolation: int = 1) -> None:
        if isinstance(target_size, int):
            target_size = [target_size, target_size]
        self.target_size, self.keep_ratio = target_size, keep_ratio
        self.interpolation = interpolation

    def __call__(self, im: Any, im_info: Any = None) -> tuple[Any, Any]:
        """Return the picture, and im_info with its shape and its scale."""
        scale_y, scale_x = self.generate_scale(im)
        im = _needs.cv2().resize(
            im, None, None, fx=scale_x, fy=scale_y, interpolation=self.interpolation
        )
        if im_info is not None:
            im_info["im_shape"] = np.array(im.shape[:2], dtype=np.float32)
            im_info["scale_factor"] = np.array([scale_y, scale_x], dtype=np.float32)
        return im, im_info

    def generate_scale(self, im: Any) -> tuple[float, float]:
        """Return by what (height, width) are to be multiplied."""
        height, width = im.shape[:2]
        if not self.keep_ratio:
            return self.target_size[0] / float(height), self.target_size[1] / float(width)
        short, long = min(height, width), max(height, width)
        smaller, larger = np.min(self.target_size), np.max(self.target_size)
        scale = float(smaller) / float(short)
        if np.round(scale * long) > larger:
            scale = float(larger) / float(long)
        return scale, scale

    def __repr__(self) -> str:
        how = f"keep_ratio={self.keep_ratio}, interpolation={self.interpolation}"
        return f"{type(self).__name__}(target_size={self.target_size}, {how})"


class DetectionTranspose:
    """Axes in another order: (2, 0, 1) makes (c, h, w) of (h, w, c)."""

    def __init__(self, transpose_target: Any) -> None:
        self.transpose_target = transpose_target

    def __call__(self, im: Any, im_info: Any = None) -> tuple[Any, Any]:
        """Return a view."""
        return _arrays.transpose(im, self.transpose_target), im_info

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.transpose_target})"


class DetectionPadStride:
    """Zeros below and at the right, up to multiples of a stride; 0: none."""

    def __init__(self, stride: int = 0) -> None:
        self.coarsest_stride = stride

    def __call__(self, im: Any, im_info: Any = None) -> tuple[Any, Any]:
        """Return (c, h, w) of float32; the picture itself with stride 0."""
        if self.coarsest_stride <= 0:
            return im, im_info
        return _arrays.pad_to_stride(im, self.coarsest_stride), im_info

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.coarsest_stride})"
