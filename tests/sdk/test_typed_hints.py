# SPDX-License-Identifier: Apache-2.0
"""What each hint takes from JSON, from a text and from a payload, and how the rest is refused."""

import enum
import pathlib
import typing
from typing import Annotated, Any, Literal, Optional, Union

import annotated_types
import numpy as np
import pytest
from typed_calls import (
    Typed,
    body,
    from_json,
    from_tensor,
    from_text,
    got,
    payload,
    predict_with,
    refused,
    refused_at_load,
    refused_json,
    refused_text,
)


class Colour(enum.Enum):
    RED = "red"
    DARK = 2
    HALF = 0.5


class Size(enum.IntEnum):
    S = 1
    L = 2


Name = typing.NewType("Name", str)
Short = Annotated[str, annotated_types.Len(1, 3)]
Percent = Annotated[int, annotated_types.Interval(ge=0, le=100)]
Open = Annotated[float, annotated_types.Gt(0), annotated_types.Lt(1)]


@pytest.mark.parametrize(
    ("hint", "value", "expected"),
    [
        (str, "é", "é"),
        (Name, "n", "n"),
        (int, 3, 3),
        (int, -0.0, 0),
        (int, 3.0, 3),
        (int, 10**30, 10**30),
        (float, 3, 3.0),
        (float, 1e-300, 1e-300),
        (bool, True, True),
        (Any, {"a": [None]}, {"a": [None]}),
        (object, 1, 1),
        (Literal["a", 2, None, True], "a", "a"),
        (Literal["a", 2, None, True], 2, 2),
        (Literal["a", 2, None, True], None, None),
        (Literal["a", 2, None, True], True, True),
        (Colour, "red", Colour.RED),
        (Colour, "RED", Colour.RED),
        (Colour, 2, Colour.DARK),
        (Colour, "DARK", Colour.DARK),
        (Colour, 0.5, Colour.HALF),
        (Size, 2, Size.L),
        (Size, "L", Size.L),
        (Literal[Colour.DARK], 2, Colour.DARK),
        (Optional[int], None, None),
        (Optional[int], 4, 4),
        (Union[int, str], "7", "7"),
        (Union[int, str, None], None, None),
        (Union[float, list[str]], ["a"], ["a"]),
        (list, [1, "a"], [1, "a"]),
        (list[int], [1, 2.0], [1, 2]),
        (typing.List[int], [1], [1]),  # noqa: UP006
        (typing.Sequence[str], ["a"], ["a"]),
        (typing.Iterable[str], [], []),
        (set[int], [1, 1], {1}),
        (frozenset[str], ["a"], frozenset("a")),
        (tuple, [1, "a"], (1, "a")),
        (tuple[int, str], [1, "a"], (1, "a")),
        (tuple[int, ...], [1, 2, 3], (1, 2, 3)),
        (dict, {"a": 1}, {"a": 1}),
        (dict[str, float], {"a": 1}, {"a": 1.0}),
        (typing.Mapping[str, list[int]], {"a": [1]}, {"a": [1]}),
        (dict[str, Any], {"a": {}}, {"a": {}}),
        (Percent, 100, 100),
        (Open, 0.5, 0.5),
        (Short, "abc", "abc"),
        (list[Percent], [0], [0]),
        (typing.TypeVar("T"), [1], [1]),
    ],
)
def test_json_that_fits(hint, value, expected):
    made = from_json(hint, value)
    assert made == expected and type(made) is type(expected)


@pytest.mark.parametrize(
    ("hint", "value", "text"),
    [
        (str, 1, "x: expected a string, got 1"),
        (str, None, "x: expected a string, got null"),
        (int, "x", 'x: expected an integer, got "x"'),
        (int, "3", 'x: expected an integer, got "3"'),
        (int, True, "x: expected an integer, got true"),
        (int, 1.5, "x: expected an integer, got 1.5"),
        (int, 1e300, "x: expected an integer, got 1e+300"),
        (int, [1], "x: expected an integer, got a list"),
        (float, False, "x: expected a number, got false"),
        (float, {}, "x: expected a number, got an object"),
        (bool, 1, "x: expected true or false, got 1"),
        (bool, "true", 'x: expected true or false, got "true"'),
        (Literal["a", 2], True, 'x: expected one of "a", 2, got true'),
        (Literal[1], True, "x: expected one of 1, got true"),
        (Colour, "blue", 'x: expected one of "red", 2, 0.5, got "blue"'),
        (Optional[int], "", 'x: expected an integer, got ""'),
        (Union[int, str], [], "x: expected an integer or a string, got a list"),
        (Union[int, list[int]], ["a"], 'x[0]: expected an integer, got "a"'),
        (list[int], [1, "a"], 'x[1]: expected an integer, got "a"'),
        (list[int], "a", 'x: expected a list, got "a"'),
        (list[int], {"a": 1}, "x: expected a list, got an object"),
        (list[list[int]], [[1], [1, None]], "x[1][1]: expected an integer, got null"),
        (tuple[int, str], [1], "x: expected a list of 2, got one of 1"),
        (tuple[int, str], [1, 2], "x[1]: expected a string, got 2"),
        (tuple[int, str], 5, "x: expected a list of 2, got 5"),
        (dict[str, int], {"a": "b"}, 'x.a: expected an integer, got "b"'),
        (dict, [], "x: expected an object, got a list"),
        (Percent, 101, "x: expected an integer from 0 to 100, got 101"),
        (Percent, "a", 'x: expected an integer from 0 to 100, got "a"'),
        (Open, 1, "x: expected a number above 0 below 1, got 1.0"),
        (Short, "", "x: expected at least 1 characters, got 0"),
        (Short, "abcd", "x: expected at most 3 characters, got 4"),
        (list[Percent], [-1], "x[0]: expected an integer from 0 to 100, got -1"),
    ],
)
def test_json_that_does_not_fit(hint, value, text):
    assert refused_json(hint, value) == text


@pytest.mark.parametrize(
    ("hint", "text", "expected"),
    [
        (str, "", ""),
        (str, " a ", " a "),
        (int, " -3 ", -3),
        (int, "+3", 3),
        (float, "1e3", 1000.0),
        (bool, "Yes", True),
        (bool, "off", False),
        (bool, "1", True),
        (Any, "5", "5"),
        (Literal["a", 2, None, True], "2", 2),
        (Literal["a", 2, None, True], "null", None),
        (Literal["a", 2, None, True], "true", True),
        (Colour, "DARK", Colour.DARK),
        (Colour, "2", Colour.DARK),
        (Optional[int], "", None),
        (Optional[float], "2", 2.0),
        (Optional[str], "", ""),
        (Optional[list[int]], "[1]", [1]),
        (Union[int, str], "7", 7),
        (Union[int, str], "a", "a"),
        (Union[str, int], "7", "7"),
        (list[int], "[1, 2]", [1, 2]),
        (list[int], "5", [5]),
        (list[str], "a,b", ["a,b"]),
        (list[dict], "[{}]", [{}]),
        (dict[str, int], '{"a": 1}', {"a": 1}),
        (Percent, "7", 7),
    ],
)
def test_text_that_fits(hint, text, expected):
    made = from_text(hint, text)
    assert made == expected and type(made) is type(expected)


@pytest.mark.parametrize(
    ("hint", "text", "told"),
    [
        (int, "x", 'x: expected an integer, got "x"'),
        (int, "1.0", 'x: expected an integer, got "1.0"'),
        (int, "1_000", 'x: expected an integer, got "1_000"'),
        (int, "\u0661", 'x: expected an integer, got "\u0661"'),
        (int, "", 'x: expected an integer, got ""'),
        (float, "1_000", 'x: expected a number, got "1_000"'),
        (float, "\u0661", 'x: expected a number, got "\u0661"'),
        (float, "a", 'x: expected a number, got "a"'),
        (bool, "2", 'x: expected true or false, got "2"'),
        (Colour, "blue", 'x: expected one of "red", 2, 0.5, got "blue"'),
        (Union[int, bool], "a", 'x: expected an integer or true or false, got "a"'),
        (list[int], "a", 'x[0]: expected an integer, got "a"'),
        (list[dict], "a", None),
        (dict, "{", None),
        (Percent, "-1", "x: expected an integer from 0 to 100, got -1"),
    ],
)
def test_text_that_does_not_fit(hint, text, told):
    said = refused_text(hint, text)
    assert said == told if told else said.startswith("x: expected JSON, got what is none: ")


@pytest.mark.parametrize("text", ["nan", "inf", "-Infinity", "1e400", "9" * 5000])
def test_numbers_without_a_value_are_none(text):
    assert refused_text(float, text).startswith("x: expected a finite number, got ")


@pytest.mark.parametrize(
    ("hint", "array", "expected"),
    [
        (int, np.array([7]), 7),
        (int, np.array([[7]], "int8"), 7),
        (int, np.array(7, "uint64"), 7),
        (float, np.array([1.5], "float32"), 1.5),
        (bool, np.array([True]), True),
        (str, np.array([b"hi"], object), "hi"),
        (int, np.array([b"7"], object), 7),
        (list[int], np.array([1, 2]), [1, 2]),
        (list[int], np.array(3), [3]),
        (list[list[float]], np.array([[1.0]]), [[1.0]]),
        (list[str], np.array([b"a", b"b"], object), ["a", "b"]),
        (Optional[int], np.array([7]), 7),
        (Colour, np.array([2]), Colour.DARK),
        (bytes, np.array([b"\xff"], object), b"\xff"),
        (Union[int, str], np.array([b"a"], object), "a"),
    ],
)
def test_tensors_that_fit(hint, array, expected):
    assert from_tensor(hint, array) == expected


@pytest.mark.parametrize(
    ("hint", "node", "told"),
    [
        (int, payload("x", bytes(16), datatype="INT64", shape="2"), "an integer, got a list"),
        (int, payload("x", bytes(8), datatype="FP32", shape="1"), 'payload "x": expected 4 bytes'),
        (int, payload("x", bytes(8), datatype="WHAT", shape="1"), "expected a datatype such as"),
        (str, payload("x", bytes(8), datatype="BYTES", shape="2"), "one BYTES element, got BYTES"),
        (str, payload("x", b"\xff\xfe"), "x: expected text in UTF-8, got 2 bytes, invalid start"),
        (list[str], payload("x", b"\1\0\0\0\xff", datatype="BYTES", shape="1"), "text in UTF-8"),
    ],
)
def test_payloads_that_do_not_fit(hint, node, told):
    said = refused(hint, node)
    assert said.startswith("x: ") and told in said


def test_anything_is_json_text_or_bytes():
    assert got(Any, payload("x", b"[1]", content_type="application/json")) == [1]
    assert got(Any, payload("x", b"[1]")) == "[1]"
    assert got(Any, payload("x", b"\xff")) == b"\xff"
    assert from_tensor(Any, np.array([[1, 2]])).tolist() == [[1, 2]]


def test_bytes():
    assert from_json(bytes, {"base64": "AAE="}) == b"\0\1"
    assert from_json(bytes, {"base64": "", "type": "a/b"}) == b""
    assert from_json(bytes, "data:;base64,AAE=") == b"\0\1"
    assert from_json(bytes, "data:image/png;x=y;base64,AAE=") == b"\0\1"
    assert got(bytes, payload("x", b"\xff\0")) == b"\xff\0"
    wanted = 'x: expected bytes: a file of a form, {"base64": ".."} or a data: URL, got '
    assert refused_json(bytes, "hello") == wanted + '"hello"'
    assert refused_json(bytes, {"base64": "AAE=", "other": 1}) == wanted + "an object"
    assert refused_json(bytes, {"base64": 5}) == "x.base64: expected base64, got 5"
    assert refused_json(bytes, "data:text/plain,hi").startswith("x: expected a data: URL with ")
    assert refused_json(bytes, {"base64": "A"}).startswith("x: expected base64, got 'A': ")
    assert refused_json(bytes, {"base64": "AA E="}).startswith("x: expected base64, got ")


@pytest.mark.parametrize(
    ("hint", "told"),
    [
        (complex, "predict: x: expected a hint of str, int, "),
        (dict[int, str], "predict: x: expected dict[str, ..], as JSON has it, got dict[int, str]"),
        (type, "predict: x: expected a hint of"),
        (typing.Callable[[int], int], "predict: x: expected a hint of"),
        (list[complex], "predict: x: expected a hint of"),
        (5, "predict: x: expected a hint of"),
        (pathlib, "predict: x: expected a hint of"),
        (type("Plain", (), {}), "predict: x: expected a hint of"),
    ],
)
def test_hints_that_cannot_be_served(hint, told):
    assert refused_at_load(predict_with(hint)).startswith(told)


class Odd(enum.Enum):
    TUPLE = (1, 2)
    OBJECT = object()


def test_members_of_an_enum_that_json_has_not_go_by_their_names():
    model = Typed(predict_with(Odd, lambda x: x.name))
    assert model.inputs["properties"]["x"] == {"enum": ["TUPLE", "OBJECT"]}
    assert model.one(body({"x": "OBJECT"})) == "OBJECT"
    assert model.refusal(body({"x": 1})) == 'x: expected one of "TUPLE", "OBJECT", got 1'


def test_an_empty_text_or_file_is_none_where_that_may_be():
    """Browsers send each field of a form, also those that nobody filled in."""
    for hint in (Optional[int], Optional[bytes], Optional[list[int]], Optional[pathlib.Path]):
        assert got(hint, payload("x", b"")) is None
        assert got(hint, payload("x", b"", filename="", content_type="a/b")) is None
    assert got(Optional[str], payload("x", b"")) == ""
    assert got(Optional[int], x="") is None
    assert from_tensor(Optional[list[int]], np.array([], "int64")) == []


def test_pattern_of_annotated():
    class Pattern:
        pattern = "^[a-z]+$"

    assert from_json(Annotated[str, Pattern()], "ab") == "ab"
    told = refused_json(Annotated[str, Pattern()], "A")
    assert told == 'x: expected a string like ^[a-z]+$, got "A"'
