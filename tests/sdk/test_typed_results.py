# SPDX-License-Identifier: Apache-2.0
"""What a function returns, as clients of HTTP, of tensors and of the other protocols get it."""

import collections
import dataclasses
import datetime
import decimal
import enum
import fractions
import io
import json
import pathlib
import struct
import uuid
from typing import Any

import numpy as np
import pydantic
import pytest
from aiges import Answer, Audio
from PIL import Image
from typed_calls import Typed, body, predict_with

TEXT, AUDIO, IMAGE, OTHER = 0, 1, 2, 4


class Level(enum.Enum):
    HIGH = "high"


class Number(enum.IntEnum):
    ONE = 1


@dataclasses.dataclass
class Inner:
    box: tuple[int, int]
    when: Any = None


class Form(pydantic.BaseModel):
    name: str
    at: datetime.date = datetime.date(2026, 1, 2)


Pair = collections.namedtuple("Pair", "a b")


def result(value, **options):
    """What a call that returns the value hands to the host."""
    return Typed(predict_with(Any, lambda x: value)).one(body({"x": 0}), **options)


def answered(value, **options):
    """The same of JSON."""
    made = result(value, **options)
    assert (made["type"], made["desc"]["format"]) == (TEXT, "json")
    assert made["len"] == len(made["data"]) and made["key"] == "result"
    return json.loads(made["data"])


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        (True, True),
        (3, 3),
        (1.5, 1.5),
        ([], []),
        ({"é": [1, None]}, {"é": [1, None]}),
        ((1, "a"), [1, "a"]),
        ({1: 2, None: 3}, {"1": 2, "null": 3}),
        (10**30, 10**30),
        (Level.HIGH, "high"),
        ([Number.ONE], [1]),
        (Inner((1, 2)), {"box": [1, 2], "when": None}),
        ([Inner((1, 2), Inner((0, 0)))], [{"box": [1, 2], "when": {"box": [0, 0], "when": None}}]),
        (Form(name="a"), {"name": "a", "at": "2026-01-02"}),
        ({"forms": [Form(name="a")]}, {"forms": [{"name": "a", "at": "2026-01-02"}]}),
        (datetime.datetime(2026, 1, 2, 3, 4), "2026-01-02T03:04:00"),
        (datetime.time(3, 4), "03:04:00"),
        ({1}, [1]),
        (frozenset(), []),
        (range(3), [0, 1, 2]),
        ({"values": {"a": 1}.values(), "keys": {"a": 1}.keys()}, {"values": [1], "keys": ["a"]}),
        (collections.deque([1]), [1]),
        (collections.Counter("aab"), {"a": 2, "b": 1}),
        ({"m": map(str, [1])}, {"m": ["1"]}),
        (uuid.UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        (decimal.Decimal("1.50"), "1.50"),
        (np.arange(4).reshape(2, 2), [[0, 1], [2, 3]]),
        (np.float32(0.5), 0.5),
        (np.int64(7), 7),
        (np.bool_(True), True),
        ({"scores": np.ones(2), "n": np.int8(1)}, {"scores": [1.0, 1.0], "n": 1}),
        ({"data": b"\0\1"}, {"data": {"base64": "AAE="}}),
        ([bytearray(b"a"), memoryview(b"b")], [{"base64": "YQ=="}, {"base64": "Yg=="}]),
    ],
)
def test_what_is_json(value, expected):
    assert answered(value) == expected


def test_a_picture_inside_json():
    (made,) = answered([Image.new("RGB", (1, 1))])
    assert made["type"] == "image/png" and made["base64"].startswith("iVBOR")


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (float("nan"), "the result has NaN or infinity, which JSON has not"),
        ({"a": [float("inf")]}, "the result has NaN or infinity"),
        (np.array([np.nan]), "the result has NaN or infinity"),
        (
            object(),
            "expected a result that JSON, a picture, sound, a file or a tensor can be made ",
        ),
        ([fractions.Fraction(1, 2)], "expected a result that .*, got Fraction"),
        ({(1, 2): 3}, "keys must be str, int"),
        (len, "expected a result that .*, got builtin_function_or_method"),
        (Inner, "expected a result that .*, got type"),
        (Image.Image, "expected a result that .*, got type"),
        (pathlib.Path("/nothing/here"), "the result is a path: expected a file there, got none"),
        (pathlib.Path("/"), "the result is a path: expected a file there, got none"),
        ({"a": pathlib.Path("/nothing")}, "the result is a path: expected a file there, got none"),
        ([Answer(1)], "expected a result that .*, got Answer"),
    ],
)
def test_what_is_nothing_at_all(value, told):
    with pytest.raises((TypeError, ValueError), match=told):
        result(value)


def test_what_holds_itself_or_is_too_deep():
    circle: list[Any] = []
    circle.append(circle)
    with pytest.raises(ValueError, match="Circular reference"):
        result(circle)
    made = Inner((0, 0))
    made.when = made
    with pytest.raises(ValueError, match="Circular reference"):
        result(made)
    deep: Any = 0
    for _ in range(20_000):
        deep = [deep]
    with pytest.raises(ValueError, match="the result is nested too deep for JSON"):
        result(deep)


def test_texts():
    assert result("é") == "é"
    assert result("") == ""
    assert result("a\ud800b") == "a\ufffdb"
    assert result("\udcff") == "\udcff"  # A byte of the client's that is no UTF-8, as it came.
    assert result("é", accept=None) == "é"
    made = result("é", accept="text/event-stream")
    assert (made["data"], made["desc"]) == ('"é"'.encode(), {"format": "json"})

    class Text(str):
        pass

    assert result(Text("a"))["data"] == b"a"


@pytest.mark.parametrize("value", [b"\0a", bytearray(b"\0a"), memoryview(b"\0a")], ids=range(3))
def test_bytes(value):
    made = result(value)
    assert (made["data"], made["type"], made["desc"]) == (b"\0a", OTHER, {})
    assert answered(value, accept="text/event-stream") == {"base64": "AGE="}


def test_files(tmp_path):
    for name, kind, media in (
        ("a.txt", TEXT, "text/plain"),
        ("a.png", IMAGE, "image/png"),
        ("a.wav", AUDIO, "audio/x-wav"),
        ("a.unknown", OTHER, "application/octet-stream"),
    ):
        (tmp_path / name).write_bytes(b"data")
        made = result(tmp_path / name)
        assert (made["data"], made["type"]) == (b"data", kind)
        assert made["desc"]["content_type"] in (media, "audio/wav", "audio/vnd.wave")
        assert made["desc"]["filename"] == name
    assert answered([tmp_path / "a.txt"]) == [{"base64": "ZGF0YQ==", "type": "text/plain"}]


@pytest.mark.parametrize(
    ("accept", "media"),
    [
        ("*/*", "image/png"),
        ("", "image/png"),
        ("image/*", "image/png"),
        ("image/jpeg", "image/jpeg"),
        ("IMAGE/JPEG", "image/jpeg"),
        ("text/html, image/webp", "image/webp"),
        ("image/webp;q=0.5, image/gif;q=0.9", "image/gif"),
        ("image/gif, image/webp", "image/gif"),
        ("image/*;q=0.9, image/jpeg;q=0.9", "image/jpeg"),
        ("image/jpeg;q=0, image/webp", "image/webp"),
        ("image/png;q=0, */*", "image/jpeg"),
        ("image/png;q=0, image/*;q=0.1", "image/jpeg"),
        ("image/jpeg;q=x, image/webp;q=0.1", "image/webp"),
        ("image/jpeg; q=0.2 ;x=y, image/webp; q=0.3", "image/webp"),
        ("image/avif,image/webp,image/apng,image/*,*/*;q=0.8", "image/webp"),
        ("application/json", "image/png"),
        ("image/jpeg;q=nan", "image/png"),
        (",,;;q=1,", "image/png"),
        (", ".join(["text/x"] * 5000), "image/png"),
    ],
    ids=range(19),
)
def test_a_picture_is_what_the_client_likes_best(accept, media):
    made = result(Image.new("RGB", (2, 1)), accept=accept)
    assert made["desc"] == {"content_type": media} and made["type"] == IMAGE
    assert Image.open(io.BytesIO(made["data"])).get_format_mimetype() == media


@pytest.mark.parametrize(
    "mode", "1 L P RGB RGBA CMYK YCbCr LAB HSV I F LA PA RGBX RGBa La I;16".split()
)
@pytest.mark.parametrize("media", ["image/png", "image/jpeg", "image/webp", "image/gif"])
def test_pictures_of_each_mode(mode, media):
    made = result(Image.new(mode, (2, 1)), accept=media)
    assert Image.open(io.BytesIO(made["data"])).size == (2, 1)


def test_arrays_are_tensors_where_the_protocol_has_them():
    array = np.ones((2, 3), "float32")
    assert result(array, accept=None)["result"] is array
    many = {"a": array, "b": array}
    assert result(many, accept=None, **{":oip": "1"}) is many
    assert result(array, accept=None, **{":oip": "1"})["result"] is array
    strange = result(np.ones(2, complex), accept=None)
    assert strange["result"].dtype == complex  # The host says what is wrong with it.


@pytest.mark.parametrize(
    ("value", "datatype", "data"),
    [
        (True, "BOOL", b"\1"),
        (7, "INT64", struct.pack("<q", 7)),
        (-(2**63), "INT64", struct.pack("<q", -(2**63))),
        (1.5, "FP64", struct.pack("<d", 1.5)),
        (float("nan"), "FP64", struct.pack("<d", float("nan"))),
        ("é", "BYTES", b"\2\0\0\0\xc3\xa9"),
        ("\ud800", "BYTES", b"\3\0\0\0\xef\xbf\xbd"),
        (b"\0", "BYTES", b"\1\0\0\0\0"),
        ({"a": 1}, "BYTES", b'\7\0\0\0{"a":1}'),
        ([1, 2], "BYTES", b"\5\0\0\0[1,2]"),
        (2**63, "BYTES", b"\x13\0\0\x009223372036854775808"),
        ({}, "BYTES", b"\2\0\0\0{}"),
        (Answer("a", status=201), "BYTES", b"\1\0\0\0a"),
        ([Level.HIGH], "BYTES", b'\x08\0\0\0["high"]'),
    ],
)
def test_everything_is_a_tensor_to_the_protocol_of_tensors(value, datatype, data):
    made = result(value, accept=None, **{":oip": "1"})
    assert made["desc"] == {"datatype": datatype, "shape": "1"} and made["data"] == data


def test_media_are_tensors_too(tmp_path):
    (tmp_path / "a").write_bytes(b"data")
    for value in (Image.new("L", (1, 1)), Audio([0.0], 8000), tmp_path / "a"):
        made = result(value, accept=None, **{":oip": "1"})
        assert made["desc"]["datatype"] == "BYTES"
        assert struct.unpack("<I", made["data"][:4])[0] == len(made["data"]) - 4


def test_an_answer_has_a_status_and_fields():
    made = result(Answer({"a": 1}, status=201, headers={"X-Model": "m", "Set-Cookie": "a=b"}))
    assert made["desc"][":status"] == "201" and made["data"] == b'{"a":1}'
    assert json.loads(made["desc"][":headers"]) == {"X-Model": "m", "Set-Cookie": "a=b"}
    assert result(Answer("é", status=404))["data"] == "é".encode()
    assert result(Answer("\udcff", status=404))["data"] == b"\xff"
    assert result(Answer("a")) == "a"
    assert ":status" not in result(Answer([1], status=201), accept="text/event-stream")["desc"]
    assert result(Answer("a", status=201), accept=None) == "a"
    assert result(Answer(Answer("a", status=202), headers={"X-A": "1"}))["desc"][":status"] == "202"


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"status": 199}, "status: expected a number from 200 to 599, got 199"),
        ({"status": 600}, "status: expected a number"),
        ({"status": "200"}, "status: expected a number"),
        ({"status": 204.0}, "status: expected a number"),
        ({"status": True}, "status: expected a number"),
        ({"headers": {"a": 1}}, "headers: expected str to str"),
        ({"headers": {1: "a"}}, "headers: expected str to str"),
        ({"headers": {"": "a"}}, "headers: expected a field that is not the host's, got ''"),
        ({"headers": {"a b": "a"}}, "headers: expected a field"),
        ({"headers": {"a:": "a"}}, "headers: expected a field"),
        ({"headers": {"é": "a"}}, "headers: expected a field"),
        ({"headers": {":status": "1"}}, "headers: expected a field"),
        ({"headers": {"Content-Length": "1"}}, "headers: expected a field"),
        ({"headers": {"TRANSFER-ENCODING": "a"}}, "headers: expected a field"),
        ({"headers": {"Connection": "close"}}, "headers: expected a field"),
        ({"headers": {"Keep-Alive": "a"}}, "headers: expected a field"),
        ({"headers": {"TE": "a"}}, "headers: expected a field"),
        ({"headers": {"X-Request-Id": "a"}}, "headers: expected a field"),
        ({"headers": {"X-A": "a\r\nSet-Cookie: b"}}, "headers: X-A: expected printable ASCII"),
        ({"headers": {"X-A": "a\nb"}}, "headers: X-A: expected printable ASCII"),
        ({"headers": {"X-A": "é"}}, "headers: X-A: expected printable ASCII"),
        ({"headers": {"X-A": "\0"}}, "headers: X-A: expected printable ASCII"),
    ],
)
def test_an_answer_that_is_none(options, told):
    with pytest.raises((TypeError, ValueError), match=told):
        Answer("a", **options)
