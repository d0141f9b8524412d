# SPDX-License-Identifier: Apache-2.0
"""What clients send who mean harm or know no better: it is refused in few words."""

import dataclasses
import json
from typing import Any, Optional, TypedDict

import numpy as np
import pytest
from typed_calls import Typed, body, payload, predict_with, refused, refused_json

DEEP = 100_000
LONG = "x" * 3_000_000
MOST_TOLD = 1000  # Characters of a message.


def predict(text: str = "", count: int = 0, share: float = 0.0, more: Optional[dict] = None):
    return {"text": text, "count": count, "share": share, "more": more}


@pytest.fixture(scope="module")
def model():
    return Typed(predict)


@pytest.mark.parametrize(
    "data",
    [
        b"[" * DEEP,
        b"[" * DEEP + b"]" * DEEP,
        b'{"more":' * DEEP,
        b'{"more":' + b'{"a":' * DEEP + b"1" + b"}" * DEEP + b"}",
        b'{"count": ' + b"9" * 5000 + b"}",
        b'{"text": NaN}',
        b'{"share": NaN}',
        b'{"share": Infinity}',
        b'{"more": {"a": [-Infinity]}}',
        b'{"text": "\xff"}',
        b'{"text": "\xed\xa0\x80"}',
        b'{"text": "a\nb"}',
        b"\xff\xfe{",
        b"\0\0\0",
        b'{"text": "a"} {"text": "b"}',
        b"{'text': 'a'}",
        b'{"text": "a",}',
        b"// a\n{}",
    ],
    ids=range(18),
)
def test_bodies_that_are_no_json(model, data):
    told = model.refusal(body(data))
    assert told.startswith("the body: expected JSON, got what is none: ") and len(told) < 300


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ({"count": 10**4000}, None),
        ({"share": 10**400}, "share: expected a number of 64 bits, got 1"),
        ({"count": True}, "count: expected an integer, got true"),
        ({"share": True}, "share: expected a number, got true"),
        ({"text": {"base64": "AA=="}}, "text: expected a string, got an object"),
        ({LONG: 1}, '"xxx'),
        ({"text": "", LONG: 1}, '"xxx'),
        (
            {"te\nxt": 1},
            '"te\\nxt": expected one of the inputs text, count, share, more, got that;',
        ),
        ({"": 1}, '"": expected one of the inputs text, count, share, more, got that'),
        ({str(n): n for n in range(100_000)}, "0: expected one of the inputs "),
        ({":json": 1}, ":json: expected one of the inputs "),
        ({"count": LONG}, 'count: expected an integer, got "xxx'),
        ({"count": "\ud800"}, 'count: expected an integer, got "\\ud800"'),
        ({"count": 'a"b'}, "count: expected an integer, got "),
    ],
)
def test_values_that_do_not_fit_are_told_in_few_words(model, value, told):
    if told is None:
        assert model.json(value)["count"] == value["count"]
        return
    said = model.refusal(body(value))
    assert said.startswith(told) and len(said) < MOST_TOLD
    assert said.isprintable() or "\n" not in said


def test_a_number_beyond_all_bounds_is_none(model):
    assert model.refusal(body(b'{"share": 1e400}')) == "share: expected a finite number, got inf"
    assert model.refusal(body(b'{"share": -1e400}')) == "share: expected a finite number, got -inf"
    assert model.refusal(body(b'{"count": 1e400}')) == "count: expected an integer, got inf"
    assert model.refusal(payload("count", b"9" * 5000)).startswith("count: expected an integer, ")


def test_the_last_of_several_members_of_one_name_counts(model):
    """As all parsers of Python and of browsers have it."""
    assert json.loads(model.one(body(b'{"text": "a", "text": "b"}'))["data"])["text"] == "b"


def test_a_lone_surrogate_comes_back_as_it_came(model):
    """JSON can say it, though UTF-8 cannot: the call failed as the model's mistake."""
    made = model.one(body(b'{"text": "a\\ud800"}'))["data"]
    assert made.isascii() and json.loads(made)["text"] == "a\ud800"


def test_nesting_as_deep_as_json_may_be_comes_back(model):
    """A depth that the parser takes, the writer takes as well, or the client is told."""
    deep: Any = 1
    for _ in range(400):
        deep = {"a": [deep]}
    assert model.json({"more": deep})["more"] == deep


def test_unknown_payloads_and_their_names(model):
    for key in ("x" * 300, "\u202e", "a b", "text ", "TEXT", "__class__"):
        assert "expected one of the inputs text, " in model.refusal(payload(key, b"a"))


def test_texts_that_are_no_texts(model):
    assert model.refusal(payload("text", b"\xff")).startswith("text: expected text in UTF-8, got 1")
    assert model.refusal(payload("more", b"[" * DEEP)).startswith("more: expected JSON, got what ")
    assert model.refusal(payload("more", b"\x00")).startswith("more: expected JSON, got what is ")


class Members(TypedDict):
    name: str


def test_long_names_of_members(model):
    told = refused_json(Members, {LONG: 1})
    assert told.startswith('x."xxx') and "expected one of name, got that" in told
    assert len(told) < MOST_TOLD
    told = refused_json(dict[str, int], {LONG: "a"})
    assert told.endswith(': expected an integer, got "a"') and len(told) < MOST_TOLD


def npy(dtype, count):
    head = f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': ({count},), }}"
    return b"\x93NUMPY\x01\x00v\x00" + head.ljust(118).encode()


@pytest.mark.parametrize(
    "data",
    [
        b"\x93NUMPY",
        b"\x93NUMPY\x01\x00",
        b"\x93NUMPY\x09\x00v\x00{}",
        b"\x93NUMPY\x01\x00v\x00" + b"(" * 118,
        b"\x93NUMPY\x01\x00v\x00" + b"{" * 118,
        b"\x93NUMPY\x01\x00v\x00" + b"'" * 118,
        npy("|O", "1"),
        npy("<f8", "9"),
        npy("<f8", "99999999999999999"),
        b"\x93NUMPY\x03\x00\xff\xff\xff\x7f" + b" " * 64,
    ],
    ids=range(10),
)
def test_broken_files_of_numpy(data):
    told = refused(np.ndarray, payload("x", data))
    assert told.startswith("x: expected an .npy file, got ") and len(told) < MOST_TOLD


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("a", 'x: expected an array as lists of numbers, got "a"'),
        ({}, "x: expected an array as lists of numbers, got an object"),
        (None, "x: expected an array as lists of numbers, got null"),
        ([[1], [1, 2]], "x: expected an array of numbers, got "),
        ([{}], "x: expected an array of numbers, got "),
        ([1, [2]], "x: expected an array of numbers, got "),
        ([10**400], "x: expected an array of numbers, got "),
    ],
)
def test_lists_that_are_no_arrays(value, told):
    said = refused_json(np.ndarray, value)
    assert said.startswith(told) and len(said) < MOST_TOLD


def test_lists_that_are_too_deep_for_arrays():
    deep: Any = 1
    for _ in range(200):
        deep = [deep]
    assert refused_json(np.ndarray, deep).startswith("x: expected an array of numbers, got ")


def test_no_call_leaves_anything_behind_for_the_next(model):
    model.refusal(body({"text": 1}))
    assert model.json({})["text"] == ""
    model = Typed(predict_with(list, lambda x: x.append(1) or x, default=[]))
    assert model.json({"x": [2]}) == [2, 1]


def test_a_number_beyond_all_bounds_is_none_wherever_it_stands():
    @dataclasses.dataclass
    class Item:
        x: float

    for hint, data in (
        (list[float], b'{"x": [1.5, 1e400]}'),
        (list[Optional[float]], b'{"x": [1.5, null, 0.0, -1e400]}'),
        (dict[str, float], b'{"x": {"a": 1e400}}'),
        (Item, b'{"x": {"x": 1e400}}'),
    ):
        assert ": expected a finite number, got " in refused(hint, body(data))
