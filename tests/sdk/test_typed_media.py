# SPDX-License-Identifier: Apache-2.0
"""Inputs that need a library: pictures of Pillow, arrays of numpy, tables of pandas."""

import base64
import io
import json
import struct
import sys
import types
import zlib
from typing import Any, Optional

import numpy as np
import numpy.typing as npt
import PIL
import pytest
from PIL import Image
from typed_calls import (
    Typed,
    based,
    body,
    from_json,
    from_tensor,
    from_text,
    got,
    payload,
    predict_with,
    refused,
    refused_json,
    refused_text,
)


def picture(form="PNG", size=(4, 2), mode="RGB", **options):
    out = io.BytesIO()
    Image.new(mode, size, 1).save(out, form, **options)
    return out.getvalue()


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF"])
def test_pictures_of_all_kinds(form):
    data = picture(form)
    assert got(Image.Image, payload("x", data, content_type="application/octet-stream")).size == (
        4,
        2,
    )
    assert from_json(Image.Image, based(data)).size == (4, 2)
    url = f"data:image/x;base64,{base64.b64encode(data).decode()}"
    assert from_json(Image.Image, url).size == from_text(Image.Image, url).size == (4, 2)


def test_a_picture_may_be_asked_for_by_the_module_and_may_be_missing():
    """``from PIL import Image; def predict(x: Image)`` is what many people write."""
    assert got(Image, payload("x", picture())).size == (4, 2)
    assert got(PIL.Image, payload("x", picture())).size == (4, 2)
    assert got(Optional[Image.Image], body({"x": None})) is None
    assert len(got(list[Image.Image], payload("x", picture()), payload("x", picture()))) == 2


def test_a_picture_of_pixels():
    pixels = [[[0, 0, 0], [255, 255, 255]]]
    made = from_json(Image.Image, pixels)
    assert made.size == (2, 1) and made.getpixel((1, 0)) == (255, 255, 255)
    assert from_tensor(Image.Image, np.zeros((2, 3), "uint8")).mode == "L"
    assert from_tensor(Image.Image, np.zeros((2, 3, 4), "uint8")).mode == "RGBA"
    assert from_tensor(Image.Image, np.array([picture()], object)).size == (4, 2)
    node = payload("x", json.dumps(based(picture())).encode(), content_type="application/json")
    assert got(Image.Image, node).size == (4, 2)


def test_a_picture_stands_as_its_camera_says():
    exif = Image.Exif()
    exif[0x0112] = 6  # Turned by a quarter.
    assert got(Image.Image, payload("x", picture("JPEG", exif=exif))).size == (2, 4)


@pytest.mark.parametrize(
    ("data", "came"),
    [
        (b"", "no bytes"),
        (b"hello", "5 bytes that begin with the text 'hello'"),
        (b"%PDF-1.4", "8 bytes of a PDF document"),
        (picture()[:40], "a PNG that is broken or cut off"),
        (picture("JPEG")[:200], "a JPEG that is broken or cut off"),
        (b"\x00" * 64, "64 bytes that begin with 00 00"),
    ],
)
def test_what_is_no_picture(data, came):
    wanted = f"x: expected a picture (PNG, JPEG, WebP, ..), got {came}"
    assert refused(Image.Image, payload("x", data)).startswith(wanted)
    assert refused_json(Image.Image, based(data)).startswith(wanted)


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("a.png", 'x: expected a picture: a file of a form, {"base64": ".."} or a data: URL, got'),
        (5, "x: expected a picture: a file of a form, "),
        ([["a"]], "x: expected an array of UINT8, got "),
        ([[300]], "x: expected an array of UINT8, got "),
        ([[0.5]], "x: expected an array of UINT8, got numbers that are not whole"),
        ([1], "x: expected a picture as UINT8 [height, width, 3], got uint8 (1,)"),
        ([[[1, 2, 3, 4, 5]]], "x: expected a picture as UINT8 [height, width, 3], got "),
        ([], "x: expected a picture as UINT8 [height, width, 3], got uint8 (0,)"),
        ([[]], "x: expected a picture as UINT8 [height, width, 3], got "),
    ],
)
def test_json_that_is_no_picture(value, told):
    assert refused_json(Image.Image, value).startswith(told)


def test_a_picture_without_end_is_refused_before_it_is_unpacked():
    small = picture(mode="1")
    head = b"IHDR" + struct.pack(">II", 8000, 7000) + small[24:29]
    bomb = small[:12] + head + struct.pack(">I", zlib.crc32(head)) + small[33:]
    told = refused(Image.Image, payload("x", bomb))
    assert told == "x: expected a picture of at most 50000000 pixels, got (8000, 7000)"


@pytest.mark.parametrize("datatype", ["float32", "int64", "uint8", "bool"])
def test_arrays(datatype):
    hint = npt.NDArray[np.dtype(datatype).type]
    sent = np.array([[0, 1], [1, 0]], datatype)
    for made in (
        from_tensor(hint, sent),
        from_json(hint, sent.tolist()),
        from_text(hint, json.dumps(sent.tolist())),
        got(hint, payload("x", _npy(sent))),
        from_tensor(np.ndarray, sent),
        from_json(np.ndarray, sent.tolist()).astype(datatype),
        from_tensor(npt.NDArray[Any], sent),
    ):
        assert made.dtype == sent.dtype and made.tolist() == sent.tolist()


def _npy(array):
    out = io.BytesIO()
    np.save(out, array)
    return out.getvalue()


def test_a_tensor_is_a_view_of_the_request():
    assert not from_tensor(np.ndarray, np.zeros(2)).flags.writeable


def test_arrays_that_do_not_fit():
    whole, real = npt.NDArray[np.int64], npt.NDArray[np.float32]
    assert (
        refused_json(whole, [1.5])
        == "x: expected an array of INT64, got numbers that are not whole"
    )
    assert from_json(whole, [1.0, 2]).tolist() == [1, 2]
    assert from_json(real, [1, True, 2.5]).tolist() == [1, 1, 2.5]
    assert refused_json(real, [["a"]]).startswith("x: expected an array of FP32, got ")
    assert refused_json(real, {"base64": "AA=="}).startswith("x: expected an array as lists of ")
    assert refused_text(real, "a").startswith("x: expected JSON, got what is none: ")
    for node in (
        payload("x", _npy(np.zeros(1))),
        payload("x", bytes(8), datatype="FP64", shape="1"),
    ):
        assert refused(real, node) == "x: expected an array of FP32, got one of float64"


def test_schema_of_media():
    schema = Typed(predict_with(Image.Image)).inputs["properties"]["x"]
    assert schema == {"type": "string", "format": "binary", "contentMediaType": "image/*"}
    said = Typed(predict_with(npt.NDArray[np.float32])).schema["model"]
    assert "inputs" not in said  # Of the result nothing is known.

    def predict(x: npt.NDArray[np.float32], scale: float = 1) -> np.ndarray:
        return x * scale

    assert Typed(predict).schema["model"] == {
        "platform": "python",
        "decoupled": False,
    }


class Frame:
    """As much of a DataFrame as the contract touches; pandas itself is a large package."""

    def __init__(self, value):
        lengths = {len(each) for each in value.values()} if isinstance(value, dict) else {0}
        if len(lengths) > 1:
            raise ValueError("All arrays must be of the same length")
        self.value, self.iloc = value, None

    def to_json(self, orient, date_format):
        assert (orient, date_format) == ("records", "iso")
        return json.dumps(self.value)

    def to_csv(self, index):
        assert index is False
        return "a\n1\n"


Frame.__module__, Frame.__name__ = "pandas.core.frame", "DataFrame"


def read_csv(file):
    text = file.read().decode()
    if not text:
        raise ValueError("No columns to parse from file")
    return Frame([text])


@pytest.fixture
def pandas(monkeypatch):
    made = types.ModuleType("pandas")
    made.DataFrame, made.read_csv = Frame, read_csv
    monkeypatch.setitem(sys.modules, "pandas", made)


def test_tables(pandas):
    records, columns = [{"a": 1}], {"a": [1]}
    assert from_json(Frame, records).value == records
    assert from_json(Frame, columns).value == columns
    assert got(Frame, body(columns)).value == columns
    assert got(Frame, body(records)).value == records
    assert from_json(Frame, based(b"a\n1\n")).value == ["a\n1\n"]
    assert from_text(Frame, "a\n1\n").value == ["a\n1\n"]
    assert got(Frame, payload("x", b"a\n1", content_type="text/csv")).value == ["a\n1"]
    assert from_text(Frame, '[{"a": 1}]').value == records
    wanted = "x: expected a table: a list of objects, or an object of lists, got "
    for wrong in ([1], {"a": 1}, 5, "a\n1"):
        assert refused_json(Frame, wrong).startswith(wanted)
    told = refused_json(Frame, {"a": [1], "b": []})
    assert told == "x: expected columns of one length, got All arrays must be of the same length"
    assert (
        refused_text(Frame, "") == "x: expected a table in CSV, got No columns to parse from file"
    )
    assert refused(Frame, payload("x", b"\xff")).startswith("x: expected a table in CSV, got ")


def test_tables_that_come_back(pandas):
    model = Typed(predict_with(Any, lambda x: Frame([{"a": 1}])))
    assert model.json({"x": 1}) == [{"a": 1}]
    made = model.one(body({"x": 1}), accept="text/csv")
    assert (made["data"], made["desc"]) == (b"a\n1\n", {"content_type": "text/csv; charset=utf-8"})
    assert model.json({"x": 1}, accept="text/html, application/json;q=0.9") == [{"a": 1}]
    inside = Typed(predict_with(Any, lambda x: {"table": Frame([{"a": 1}])}))
    assert inside.json({"x": 1}) == {"table": [{"a": 1}]}
