# SPDX-License-Identifier: Apache-2.0
"""What both plugins refuse, in the same words and with the same codes."""

import pytest
from skimage import data


@pytest.fixture(params=["mmocr", "yolov5"])
def plugin(request):
    return request.getfixturevalue(request.param)


@pytest.mark.parametrize(
    ("payloads", "code", "expected"),
    [
        ((), 2, "expected one picture as payload, got none; send the bytes of an image file"),
        ((b"",), 2, "expected one picture as payload, got none; send the bytes of an image file"),
        ((b"a", b"b"), 3, "expected one picture as payload, got 2; send one call per picture"),
        (
            (b"no picture",),
            4,
            "expected a picture (PNG, JPEG, WebP, TIFF, BMP or GIF), got 10 bytes that begin with "
            "the text 'no picture'",
        ),
    ],
)
def test_bad_input_is_the_callers_fault_and_says_what_came(plugin, payloads, code, expected):
    refused = plugin.refusal(*payloads)
    assert (refused.code, str(refused)) == (code, expected)


@pytest.mark.parametrize("name", ["mmocr", "yolov5"])
def test_the_limit_of_pixels_is_kept(request, name, shapes_model, encode):
    plugin = request.getfixturevalue(f"fresh_{name}")
    config = {"model": str(shapes_model)} if name == "yolov5" else {}
    assert plugin.wrapper.wrapperInit({**config, "max_pixels": "1000"}) == 0
    refused = plugin.refusal(encode(data.page()))
    assert refused.code == 5
    assert "at most 1000 pixels" in str(refused) and "[wrapper] max_pixels" in str(refused)
