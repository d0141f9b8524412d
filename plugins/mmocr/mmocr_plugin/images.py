"""From the bytes of any picture that Pillow reads to upright 8-bit RGB.

Plugins are self-contained folders: plugins/mmocr and plugins/yolov5 carry the same copy of this
file, which a test keeps equal.
"""

import io

import numpy as np
from PIL import Image, ImageCms, ImageOps

MAX_PIXELS = 50_000_000
Image.MAX_IMAGE_PIXELS = None  # Pillow's own limit is fixed; decode_rgb checks the configured one.


class UndecodableImage(ValueError):
    """The bytes are not a picture that Pillow can read."""


class ImageTooLarge(ValueError):
    """The header promises more pixels than allowed; the pixels were not decoded."""


def decode_rgb(data, max_pixels=MAX_PIXELS):
    """Returns a uint8 array of shape (height, width, 3), turned as its EXIF data says."""
    try:
        with Image.open(io.BytesIO(data)) as image:
            if image.width * image.height > max_pixels:
                raise ImageTooLarge(f"{image.width}x{image.height} pixels, limit {max_pixels}")
            image.load()
            return np.array(to_rgb(ImageOps.exif_transpose(image)))
    except ImageTooLarge:
        raise
    except Exception as error:  # Decoders raise anything on broken input: struct, zlib, Syntax...
        raise UndecodableImage(f"{type(error).__name__}: {error}") from error


def to_rgb(image):
    """Converts every Pillow mode; what shines through becomes white, as paper would be."""
    if image.mode == "LAB":
        profiles = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
        return ImageCms.profileToProfile(image, *profiles, outputMode="RGB")
    if image.mode.startswith("I") or image.mode == "F":
        return Image.fromarray(stretch_to_8_bit(np.asarray(image, dtype=np.float64))).convert("RGB")
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image.convert("RGB")


def stretch_to_8_bit(values):
    """Scanners write 10 or 12 bits into 16-bit and float files, so the range is measured."""
    values = np.nan_to_num(values, posinf=0, neginf=0)
    low, high = values.min(), values.max()
    if low >= 0 and high <= 255:
        return values.astype(np.uint8)
    return ((values - low) * (255 / ((high - low) or 1))).astype(np.uint8)
