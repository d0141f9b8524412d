# SPDX-License-Identifier: Apache-2.0
"""aiges.utils.images: whatever Pillow reads becomes upright 8-bit RGB; all else is told apart."""

import io

import numpy as np
import pytest
from aiges.errors import BadInput
from aiges.utils import images
from PIL import Image
from skimage import data


@pytest.fixture(scope="module")
def cat():
    """A colour photograph, 120 x 90."""
    return Image.fromarray(data.chelsea()).resize((120, 90))


def same_picture(rgb, image, tolerance):
    expected = np.asarray(image.convert("RGB"), dtype=float)
    assert rgb.dtype == np.uint8 and rgb.shape == expected.shape
    return abs(rgb - expected).mean() <= tolerance


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF", "PPM"])
def test_lossless_formats_keep_every_pixel(encode, cat, kind):
    assert same_picture(images.decode_rgb(encode(cat, kind)), cat, 0)


@pytest.mark.parametrize("kind", ["JPEG", "WEBP", "GIF"])
def test_lossy_formats_stay_close(encode, cat, kind):
    assert same_picture(images.decode_rgb(encode(cat, kind)), cat, 12)


def test_grey_becomes_three_equal_channels(encode):
    rgb = images.decode_rgb(encode(data.page()))
    assert rgb.shape == (191, 384, 3)
    assert (rgb == data.page()[:, :, None]).all()


def test_palette_and_bilevel_are_expanded(encode, cat):
    assert same_picture(images.decode_rgb(encode(cat.convert("P"))), cat.convert("P"), 0)
    assert same_picture(images.decode_rgb(encode(cat.convert("1"))), cat.convert("1"), 0)


def test_cmyk_jpeg_has_the_colours_of_the_original(encode, cat):
    data_cmyk = encode(cat.convert("CMYK"), "JPEG", quality=95)
    assert Image.open(io.BytesIO(data_cmyk)).mode == "CMYK"
    assert same_picture(images.decode_rgb(data_cmyk), cat, 8)


def test_lab_tiff_has_the_colours_of_the_original(encode, cat):
    from PIL import ImageCms

    profiles = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
    lab = ImageCms.profileToProfile(cat, *profiles, outputMode="LAB")
    assert same_picture(images.decode_rgb(encode(lab, "TIFF")), cat, 4)


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_transparent_regions_become_white(encode, cat, mode):
    image = cat.convert(mode)
    image.putalpha(Image.new("L", image.size, 255))
    image.paste((0,) * len(mode), (0, 0, 60, 90))
    rgb = images.decode_rgb(encode(image))
    assert (rgb[:, :60] == 255).all()
    assert same_picture(rgb[:, 60:], cat.convert(mode).crop((60, 0, 120, 90)), 0)


def test_transparent_palette_colour_becomes_white(encode):
    image = Image.new("P", (8, 8), 0)
    image.putpalette([0, 0, 0, 10, 20, 30])
    image.paste(1, (4, 0, 8, 8))
    rgb = images.decode_rgb(encode(image, "GIF", transparency=0))
    assert (rgb[:, :4] == 255).all() and (rgb[:, 4:] == (10, 20, 30)).all()


@pytest.mark.parametrize("dtype", [np.uint16, np.int32, np.float32])
def test_deep_grey_is_stretched_to_8_bits(encode, dtype):
    page = data.page().astype(dtype) * 17
    kind = "PNG" if dtype == np.uint16 else "TIFF"
    rgb = images.decode_rgb(encode(page, kind))
    assert rgb.min() == 0 and rgb.max() == 255
    assert np.corrcoef(rgb[:, :, 0].ravel(), page.ravel())[0, 1] > 0.999


def test_flat_deep_grey_does_not_divide_by_zero(encode):
    assert images.decode_rgb(encode(np.full((4, 4), 9000, np.uint16))).shape == (4, 4, 3)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_undone(encode, cat, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    turned = {
        1: cat,
        2: cat.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
        3: cat.transpose(Image.Transpose.ROTATE_180),
        4: cat.transpose(Image.Transpose.FLIP_TOP_BOTTOM),
        5: cat.transpose(Image.Transpose.TRANSPOSE),
        6: cat.transpose(Image.Transpose.ROTATE_90),
        7: cat.transpose(Image.Transpose.TRANSVERSE),
        8: cat.transpose(Image.Transpose.ROTATE_270),
    }[orientation]
    rgb = images.decode_rgb(encode(turned, "JPEG", quality=95, exif=exif))
    assert same_picture(rgb, cat, 6)


def test_animation_gives_its_first_frame(encode, cat):
    frames = encode(cat, "GIF", save_all=True, append_images=[Image.new("RGB", cat.size)])
    assert same_picture(images.decode_rgb(frames), cat, 12)


def test_random_bytes_are_undecodable():
    with pytest.raises(images.UndecodableImage):
        images.decode_rgb(bytes(range(256)) * 4)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "TIFF", "WEBP", "BMP"])
def test_any_truncation_or_damage_is_undecodable_or_decodes(encode, cat, kind):
    """No other exception may come out, whatever the decoder of the format does."""
    whole = encode(cat, kind)
    noise = np.random.default_rng(7)
    for _ in range(60):
        damaged = bytearray(whole[: noise.integers(0, len(whole) + 1)])
        for place in noise.integers(0, max(len(damaged), 1), 4):
            if damaged:
                damaged[place] = noise.integers(256)
        try:
            images.decode_rgb(bytes(damaged), max_pixels=10**6)
        except (images.UndecodableImage, images.ImageTooLarge):
            pass


def test_half_a_png_is_undecodable(encode, cat):
    whole = encode(cat)
    with pytest.raises(images.UndecodableImage):
        images.decode_rgb(whole[: len(whole) // 2])


def test_too_many_pixels_are_refused_by_the_header_alone(encode):
    large = encode(Image.new("1", (20_000, 20_000)))
    with pytest.raises(images.ImageTooLarge, match="20000 x 20000"):
        images.decode_rgb(large)
    with pytest.raises(images.ImageTooLarge, match="at most 99 pixels, got 10 x 10"):
        images.decode_rgb(encode(Image.new("L", (10, 10))), max_pixels=99)


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        (b"", "no bytes"),
        (b"%PDF-1.7\n", "9 bytes of a PDF document"),
        (b"RIFF\0\0\0\0WAVEfmt ", "16 bytes of WAV"),
        (b"<html>\n<body>", "13 bytes that begin with the text '<html>\\n<body>'"),
        (b"\0\1\2\xff" * 9, "36 bytes that begin with 00 01 02 ff 00 01 02 ff"),
    ],
)
def test_what_came_instead_is_named(sent, said):
    with pytest.raises(BadInput) as raised:
        images.decode_rgb(sent)
    expected = "expected a picture (PNG, JPEG, WebP, TIFF, BMP or GIF), got "
    assert str(raised.value) == expected + said


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "TIFF", "WEBP", "BMP"])
def test_broken_picture_is_named_by_its_format(encode, cat, kind):
    whole = encode(cat, kind)
    with pytest.raises(images.UndecodableImage) as raised:
        images.decode_rgb(whole[: len(whole) // 2])
    name = {"WEBP": "WebP"}.get(kind, kind)
    assert f"got a {name} that is broken or cut off (" in str(raised.value)
