# SPDX-License-Identifier: Apache-2.0
"""plugins/mmocr on real pictures, called as the shim calls it."""

import importlib.util
import sys
import threading

import numpy as np
import pytest
from PIL import Image
from skimage import data


def words(result):
    return " ".join(line["text"] for line in result["lines"])


@pytest.fixture(scope="module")
def page(mmocr, encode):
    return mmocr.boxes(encode(data.page()))


def test_the_scanned_page_is_read(page):
    assert len(page["lines"]) >= 5
    for word in ("segmentation", "determine", "markers", "coins", "unambiguously", "background"):
        assert word in words(page)


def test_boxes_scores_and_size_are_in_range_and_in_reading_order(page):
    assert (page["width"], page["height"]) == (384, 191)
    tops = []
    for line in page["lines"]:
        assert 0.5 <= line["score"] <= 1
        corners = np.array(line["box"])
        assert corners.shape == (4, 2)
        assert (corners >= 0).all() and (corners <= (384, 191)).all()
        (left, top), (right, bottom) = corners[0], corners[2]
        assert right - left > 50 and 8 < bottom - top < 40
        tops.append(top)
    assert tops == sorted(tops)


def test_the_picture_in_test_data_is_that_page(mmocr, page):
    assert mmocr.boxes((mmocr.folder / "test_data" / "page.png").read_bytes()) == page


@pytest.mark.parametrize("turn", ["colour", "rgba", "cmyk", "exif"])
def test_the_page_reads_the_same_in_other_clothes(mmocr, encode, page, turn):
    image = Image.fromarray(data.page())
    if turn == "colour":
        picture = encode(image.convert("RGB"), "BMP")
    elif turn == "rgba":
        picture = encode(image.convert("RGBA"), "PNG")
    elif turn == "cmyk":
        picture = encode(image.convert("CMYK"), "JPEG", quality=98)
    else:
        exif = Image.Exif()
        exif[0x0112] = 6
        picture = encode(image.transpose(Image.Transpose.ROTATE_90), "TIFF", exif=exif)
    result = mmocr.boxes(picture)
    assert (result["width"], result["height"]) == (384, 191)
    for word in ("segmentation", "markers", "unambiguously"):
        assert word in words(result)


def test_non_ascii_text_is_plain_utf_8(mmocr):
    class Engine:
        def read(self, rgb):
            from mmocr_plugin.engines import Line

            return [Line([[0, 0]] * 4, "\u6587\u5b57 \u20ac", 0.9)]

    real, mmocr.wrapper.engine = mmocr.wrapper.engine, Engine()
    try:
        code, results = mmocr.exec((mmocr.folder / "test_data" / "page.png").read_bytes())
    finally:
        mmocr.wrapper.engine = real
    assert code == 0
    assert "\u6587\u5b57 \u20ac".encode() in results[0]["data"]


@pytest.mark.parametrize("shape", [(191, 384), (1, 1), (3, 3), (1, 3000), (3000, 1), (20, 2500)])
def test_a_picture_without_text_gives_no_lines(mmocr, encode, shape):
    result = mmocr.boxes(encode(np.full(shape, 255, np.uint8)))
    assert result == {"lines": [], "width": shape[1], "height": shape[0]}


def test_a_long_strip_of_text_is_read_with_boxes_inside_it(mmocr, encode):
    """RapidOCR itself fails on such a strip: its short side is rounded down to nothing."""
    line = data.page()[40:66]
    strip = np.concatenate([line] * 6, axis=1)
    result = mmocr.boxes(encode(strip))
    assert words(result).count("markers") >= 4
    corners = np.array([line["box"] for line in result["lines"]])
    assert corners[..., 1].max() <= strip.shape[0]


def test_the_image_payload_is_found_among_others(mmocr, encode):
    result = mmocr.boxes((b"en", 0), (encode(data.page()), 2), (b"{}", 0))
    assert "markers" in words(result)


def test_a_sole_payload_of_another_type_is_taken_as_the_picture(mmocr, encode):
    assert "markers" in words(mmocr.boxes((encode(data.page()), 4)))


def test_unknown_codes_have_a_text(mmocr):
    assert "4711" in mmocr.wrapper.wrapperError(4711)


def test_a_call_before_init_or_after_fini_is_refused(fresh_mmocr):
    wrapper = fresh_mmocr.wrapper
    assert fresh_mmocr.exec(b"x")[0] == wrapper.INIT_FAILED
    assert wrapper.wrapperInit({}) == 0
    assert wrapper.wrapperFini() == 0
    assert fresh_mmocr.exec(b"x")[0] == wrapper.INIT_FAILED


def test_calls_from_several_threads_do_not_mix(mmocr, encode, page):
    half = data.page()[:, :192]
    pictures = [encode(data.page()), encode(half)] * 2
    expected = [page, mmocr.boxes(encode(half))] * 2
    results = [None] * 4

    def call(index):
        results[index] = mmocr.boxes(pictures[index])

    threads = [threading.Thread(target=call, args=(index,)) for index in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == expected


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({"engine": "tesseract"}, "rapidocr, mmocr"),
        ({"threads": "many"}, "threads: expected a whole number"),
        ({"threads": "-1"}, "from 0 to"),
        ({"text_score": "2"}, "text_score"),
        ({"max_pixels": "0"}, "max_pixels"),
        ({"device": "tpu"}, "cpu, cuda"),
    ],
)
def test_a_bad_key_stops_init_with_its_name(fresh_mmocr, config, expected):
    wrapper = fresh_mmocr.wrapper
    code = wrapper.wrapperInit(config)
    assert code == wrapper.INIT_FAILED
    assert expected in wrapper.wrapperError(code)


def test_threads_reach_every_model(fresh_mmocr):
    assert fresh_mmocr.wrapper.wrapperInit({"threads": "1"}) == 0
    ocr = fresh_mmocr.wrapper.engine._ocr
    for part in (ocr.text_det.infer, ocr.text_cls.infer, ocr.text_rec.session):
        assert part.session.get_session_options().intra_op_num_threads == 1


MMOCR_KEYS = {"engine": "mmocr", "det": "DBNet", "rec": "SAR"}


def test_the_mmocr_engine_names_the_missing_key(fresh_mmocr):
    for config, missing in [({"engine": "mmocr"}, "det:"), (MMOCR_KEYS, "det_weights:")]:
        assert fresh_mmocr.wrapper.wrapperInit(config) == 1
        assert fresh_mmocr.wrapper.wrapperError(1).startswith(missing)


def test_the_mmocr_engine_names_the_missing_checkpoint(fresh_mmocr):
    config = {**MMOCR_KEYS, "det_weights": "/nowhere/det.pth", "rec_weights": "/nowhere/rec.pth"}
    assert fresh_mmocr.wrapper.wrapperInit(config) == 1
    assert "/nowhere/det.pth" in fresh_mmocr.wrapper.wrapperError(1)


@pytest.fixture
def mmocr_keys(tmp_path):
    for name in ("det", "rec"):
        (tmp_path / f"{name}.pth").write_bytes(b"not a checkpoint")
    weights = {f"{name}_weights": str(tmp_path / f"{name}.pth") for name in ("det", "rec")}
    return {**MMOCR_KEYS, **weights}


@pytest.mark.skipif(importlib.util.find_spec("mmocr"), reason="OpenMMLab's mmocr is installed")
def test_the_mmocr_engine_names_the_missing_package(fresh_mmocr, mmocr_keys):
    assert fresh_mmocr.wrapper.wrapperInit(mmocr_keys) == 1
    text = fresh_mmocr.wrapper.wrapperError(1)
    assert "package mmocr" in text and "mim install" in text


def test_the_mmocr_engine_translates_what_the_inferencer_gives(
    fresh_mmocr, mmocr_keys, encode, tmp_path, monkeypatch
):
    """A stand-in for the package, which needs PyTorch: it answers in MMOCR 1.0's format."""
    package = tmp_path / "site" / "mmocr"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "apis.py").write_text(
        "class MMOCRInferencer:\n"
        "    def __init__(self, det, rec, det_weights, rec_weights):\n"
        "        assert (det, rec) == ('DBNet', 'SAR')\n"
        "    def __call__(self, image, return_vis):\n"
        "        assert image.flags.c_contiguous and image[0, 0].tolist() == [3, 2, 1]\n"
        "        return {'predictions': [{\n"
        "            'det_polygons': [[5, 60, 20, 58, 40, 60, 40, 80, 5, 80],\n"
        "                             [1, 2, 30, 2, 30, 12, 1, 12]],\n"
        "            'det_scores': [0.8, 0.9],\n"
        "            'rec_texts': ['below', 'above'], 'rec_scores': [0.7, 0.6]}]}\n"
    )
    monkeypatch.syspath_prepend(str(package.parent))
    for name in ("mmocr", "mmocr.apis"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    assert fresh_mmocr.wrapper.wrapperInit(mmocr_keys) == 0, fresh_mmocr.wrapper.wrapperError(1)
    result = fresh_mmocr.boxes(encode(Image.new("RGB", (50, 90), (1, 2, 3))))
    assert result["lines"] == [
        {"box": [[1, 2], [30, 2], [30, 12], [1, 12]], "text": "above", "score": 0.6},
        {"box": [[5, 58], [40, 58], [40, 80], [5, 80]], "text": "below", "score": 0.7},
    ]
