# SPDX-License-Identifier: Apache-2.0
"""From the bytes of any picture that Pillow reads to upright 8-bit RGB.

Needs Pillow and numpy, which are the wrapper's own requirements: the package aiges has neither.
What cannot be decoded is a BadInput that names what was expected and what came.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any, cast

import numpy as np
from PIL import Image, ImageCms, ImageOps

from aiges.errors import BadInput
from aiges.utils._pictures import what_came

__all__ = ["MAX_PIXELS", "ImageTooLarge", "UndecodableImage", "decode_rgb", "rgb_of_request"]

MAX_PIXELS = 50_000_000
NO_IMAGE, SEVERAL_IMAGES, UNDECODABLE_IMAGE, IMAGE_TOO_LARGE = 2, 3, 4, 5  # Of rgb_of_request.
_TYPE_IMAGE = 2
EXPECTED = "a picture (PNG, JPEG, WebP, TIFF, BMP or GIF)"
Image.MAX_IMAGE_PIXELS = None  # Pillow's own limit is fixed; decode_rgb checks the configured one.


class UndecodableImage(BadInput):
    """The bytes are not a picture that Pillow can read."""


class ImageTooLarge(BadInput):
    """The header promises more pixels than allowed; the pixels were not decoded."""


def decode_rgb(data: bytes, max_pixels: int = MAX_PIXELS) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Return a uint8 array of shape (height, width, 3), turned as its EXIF data says."""
    try:
        with Image.open(io.BytesIO(data)) as image:
            if image.width * image.height > max_pixels:
                raise ImageTooLarge(
                    f"expected a picture of at most {max_pixels} pixels, got {image.width} x "
                    f"{image.height}; send a smaller one"
                )
            image.load()
            return np.array(to_rgb(ImageOps.exif_transpose(image)))
    except ImageTooLarge:
        raise
    except Exception as error:  # Decoders raise anything on broken input: struct, zlib, Syntax...
        raise UndecodableImage(f"expected {EXPECTED}, got {what_came(data, error)}") from error


def rgb_of_request(
    payloads: Sequence[Mapping[str, Any]], max_pixels: int = MAX_PIXELS
) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Return the picture of a request in the function style (``reqData``) as decode_rgb does.

    It is the one payload of type image, or the first one where none has that type. Anything else
    is a BadInput with a code of its own: 2 no picture, 3 several, 4 not decodable, 5 more pixels
    than ``max_pixels``, which a wrapper takes from its key of that name.
    """
    pictures = [item for item in payloads if item["type"] == _TYPE_IMAGE] or list(payloads)[:1]
    if len(pictures) > 1:
        text = f"expected one picture as payload, got {len(pictures)}; send one call per picture"
        raise BadInput(text, SEVERAL_IMAGES)
    if not pictures or not pictures[0]["data"]:
        text = "expected one picture as payload, got none; send the bytes of an image file"
        raise BadInput(text, NO_IMAGE)
    try:
        return decode_rgb(pictures[0]["data"], max_pixels)
    except UndecodableImage as error:
        raise BadInput(str(error), UNDECODABLE_IMAGE) from error
    except ImageTooLarge as error:
        raise BadInput(f"{error} ([wrapper] max_pixels)", IMAGE_TOO_LARGE) from error


def to_rgb(image: Image.Image) -> Image.Image:
    """Convert from every Pillow mode; what shines through becomes white, as paper would be."""
    if image.mode == "LAB":
        make = cast("Any", ImageCms.createProfile)  # pyright: ignore[reportUnknownMemberType] (Pillow's)
        profiles = make("LAB"), make("sRGB")
        made = ImageCms.profileToProfile(image, *profiles, outputMode="RGB")
        assert made is not None  # It is only where the picture itself is changed.
        return made
    if image.mode.startswith("I") or image.mode == "F":
        return Image.fromarray(stretch_to_8_bit(np.asarray(image, dtype=np.float64))).convert("RGB")
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image.convert("RGB")


def stretch_to_8_bit(values: np.ndarray[Any, Any]) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Scanners write 10 or 12 bits into 16-bit and float files, so the range is measured."""
    values = np.nan_to_num(values, posinf=0, neginf=0)
    low, high = values.min(), values.max()
    if low >= 0 and high <= 255:
        return values.astype(np.uint8)
    scaled: np.ndarray[Any, Any] = (values - low) * (255 / ((high - low) or 1))
    return scaled.astype(np.uint8)
