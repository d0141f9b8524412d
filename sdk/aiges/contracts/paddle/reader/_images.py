# SPDX-License-Identifier: Apache-2.0
"""Steps for one picture: where it comes from, its colours, its size, its numbers."""

from __future__ import annotations

import base64
import urllib.parse
import urllib.request
from typing import Any

from aiges.contracts.paddle.reader import _arrays, _needs

__all__ = [
    "BGR2RGB",
    "Base64ToImage",
    "CenterCrop",
    "Div",
    "File2Image",
    "ImageReader",
    "Normalize",
    "PadStride",
    "RGB2BGR",
    "Resize",
    "ResizeByFactor",
    "String2Image",
    "Transpose",
    "URL2Image",
]

URL_TIMEOUT_S = 30.0


class _Named:
    """A step that is shown by its name."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


class String2Image(_Named):
    """Bytes of a file to a picture."""

    def __call__(self, img_buffer: Any) -> Any:
        """Return BGR of uint8 (h, w, 3); None for what is no picture."""
        return _arrays.decode(img_buffer)


class File2Image(_Named):
    """A path to a picture."""

    def __call__(self, img_path: Any) -> Any:
        """Return BGR of uint8 (h, w, 3); None for what is no picture. Raises OSError."""
        with open(img_path, "rb") as file:
            return _arrays.decode(file.read())


class URL2Image(_Named):
    """An address to a picture."""

    def __call__(self, img_url: str) -> Any:
        """Return BGR of uint8 (h, w, 3); None for what is no picture.

        Raises ValueError for an address that is not of the web, OSError if it cannot be read
        within ``URL_TIMEOUT_S``.
        """
        scheme = urllib.parse.urlsplit(img_url).scheme
        if scheme not in ("http", "https"):  # Files of the server are not for who calls it.
            raise ValueError(f"URL2Image reads http and https, not {scheme or 'a path'!r}")
        with urllib.request.urlopen(img_url, timeout=URL_TIMEOUT_S) as answer:
            return _arrays.decode(answer.read())


class Base64ToImage(_Named):
    """Base64 (text or bytes) to a picture."""

    def __call__(self, img_base64: Any) -> Any:
        """Return BGR of uint8 (h, w, 3); None for what is no picture. Raises binascii.Error."""
        return _arrays.decode(base64.b64decode(img_base64))


class RGB2BGR(_Named):
    """Turns the order of the channels round."""

    def __call__(self, img: Any) -> Any:
        """Return a view of (h, w, c)."""
        return img[:, :, ::-1]


class BGR2RGB(RGB2BGR):
    """The same, by its other name."""


class Div:
    """Divides by a number."""

    def __init__(self, value: float) -> None:
        self.value = value

    def __call__(self, img: Any) -> Any:
        """Return float32."""
        return _arrays.divide(img, self.value)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.value})"


class Normalize:
    """(x - mean) / std, three channels; nothing is divided by 255 before."""

    def __init__(self, mean: Any, std: Any, channel_first: bool = False) -> None:
        self.mean, self.std, self.channel_first = mean, std, channel_first

    def __call__(self, img: Any) -> Any:
        """Return a copy of float32. Raises ValueError unless there are three means and stds."""
        return _arrays.normalize(img, self.mean, self.std, self.channel_first)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(mean={self.mean}, std={self.std})"


class Resize:
    """To a short side of that many pixels, or to a tuple (width, height).

    ``max_size`` bounds every side: with a number and ``max_size``, the long side may be what
    decides, and the ratio of both is kept.
    """

    def __init__(self, size: Any, max_size: int = 2147483647, interpolation: Any = None) -> None:
        if isinstance(size, list):
            raise TypeError("Resize: size is a number or a tuple (width, height), not a list")
        self.size, self.max_size, self.interpolation = size, max_size, interpolation

    def __call__(self, img: Any) -> Any:
        """Return a picture of the same type of numbers."""
        return _arrays.resize(img, self.size, self.max_size, self.interpolation)

    def __repr__(self) -> str:
        how = f"max_size={self.max_size}, interpolation={self.interpolation}"
        return f"{type(self).__name__}(size={self.size}, {how})"


class CenterCrop:
    """So many rows and columns from the middle."""

    def __init__(self, size: int) -> None:
        self.size = size

    def __call__(self, img: Any) -> Any:
        """Return a view of (h, w, c)."""
        return _arrays.crop(img, self.size, True)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(size={self.size})"


class Transpose:
    """Axes in another order: (2, 0, 1) makes (c, h, w) of (h, w, c)."""

    def __init__(self, transpose_target: Any) -> None:
        self.transpose_target = transpose_target

    def __call__(self, img: Any) -> Any:
        """Return a view."""
        return _arrays.transpose(img, self.transpose_target)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.transpose_target})"


class PadStride:
    """Zeros below and at the right, up to multiples of a stride; 0: none."""

    def __init__(self, stride: int) -> None:
        self.coarsest_stride = stride

    def __call__(self, img: Any) -> Any:
        """Return (c, h, w) of float32; the picture itself with stride 0."""
        if self.coarsest_stride == 0:
            return img
        return _arrays.pad_to_stride(img, self.coarsest_stride)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.coarsest_stride})"


class ResizeByFactor:
    """To sides that are multiples of a factor, none of them larger than ``max_side_len`` allows.

    A side of more than a multiple goes to the multiple *before* the one below it, as text detectors
    of PaddleOCR were served; of less than two, to the factor itself.
    """

    def __init__(self, factor: int = 32, max_side_len: int = 2400) -> None:
        self.factor, self.max_side_len = factor, max_side_len

    def __call__(self, img: Any) -> Any:
        """Return the picture, bilinear. Raises ValueError where no pixel of a side is left."""
        height, width = img.shape[:2]
        ratio = 1.0
        if max(height, width) > self.max_side_len:
            ratio = float(self.max_side_len) / max(height, width)
        new_height = self._multiple(int(height * ratio))
        new_width = self._multiple(int(width * ratio))
        if new_height <= 0 or new_width <= 0:
            raise ValueError(f"ResizeByFactor: nothing is left of {width} x {height} pixels")
        return _needs.cv2().resize(img, (new_width, new_height))

    def _multiple(self, side: int) -> int:
        if side % self.factor == 0:
            return side
        if side // self.factor <= 1:
            return self.factor
        return (side // self.factor - 1) * self.factor

    def __repr__(self) -> str:
        name = type(self).__name__
        return f"{name}(factor={self.factor}, max_side_len={self.max_side_len})"


class ImageReader:
    """A picture for a classifier of ImageNet, of the bytes of its file."""

    def __init__(
        self,
        image_shape: Any = (3, 224, 224),
        image_mean: Any = (0.485, 0.456, 0.406),
        image_std: Any = (0.229, 0.224, 0.225),
        resize_short_size: int = 256,
        interpolation: Any = None,
        crop_center: bool = True,
    ) -> None:
        self.image_mean, self.image_std = list(image_mean), list(image_std)
        self.image_shape, self.resize_short_size = list(image_shape), resize_short_size
        self.interpolation, self.crop_center = interpolation, crop_center

    def resize_short(self, img: Any, target_size: int, interpolation: Any = None) -> Any:
        """Return the picture with its short side that long."""
        percent = float(target_size) / min(img.shape[0], img.shape[1])
        size = (int(round(img.shape[1] * percent)), int(round(img.shape[0] * percent)))
        cv2 = _needs.cv2()
        if interpolation is None:
            return cv2.resize(img, size)
        return cv2.resize(img, size, interpolation=interpolation)

    def crop_image(self, img: Any, target_size: int, center: bool) -> Any:
        """Return that many rows and columns, from the middle or from anywhere."""
        return _arrays.crop(img, target_size, center)

    def process_image(self, sample: Any) -> Any:
        """Return (3, 224, 224) of float32, RGB; None for what is no picture."""
        img = _arrays.decode(sample)
        if img is None:
            return None
        if self.resize_short_size > 0:
            img = self.resize_short(img, self.resize_short_size, self.interpolation)
        img = self.crop_image(img, self.image_shape[1], self.crop_center)
        img = img[:, :, ::-1].astype("float32").transpose((2, 0, 1)) / 255
        return _arrays.normalize(img, self.image_mean, self.image_std, channel_first=True)
