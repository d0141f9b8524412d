# SPDX-License-Identifier: Apache-2.0
"""The inputs of a function: how a request names them, their schema, and what is no signature."""

from __future__ import annotations

import enum
import functools
from pathlib import Path
from typing import Annotated, Any, Literal, Optional

import numpy as np
import PIL.Image
import pytest
from aiges.contracts.typed._inputs import Inputs
from typed_calls import Typed, body, payload, refused_at_load


class Mode(enum.Enum):
    FAST = "fast"
    BEST = "best"


def predict(text: str, top: int = 2, mode: Mode = Mode.FAST, tags: Optional[list[str]] = None):  # noqa: UP045
    """Rank words.

    Args:
        text (str): What to read.
        - top: how many
    :param mode: How well.
    ``tags``: only these

    note that:
    Returns: a list
    """
    return {"text": text, "top": top, "mode": mode.value, "tags": tags}


@pytest.fixture(scope="module")
def model():
    return Typed(predict)


def test_a_body_of_json_names_the_inputs(model):
    assert model.json({"text": "a"}) == {"text": "a", "top": 2, "mode": "fast", "tags": None}
    made = model.json({"tags": ["x"], "mode": "best", "top": 0, "text": ""})
    assert made == {"text": "", "top": 0, "mode": "best", "tags": ["x"]}


def test_payloads_and_parameters_name_them_too(model):
    def result(*nodes, **params):
        return model.one(*nodes, **params)["data"]

    whole = b'{"text":"a","top":3,"mode":"best","tags":["x","y"]}'
    tags = [payload("tags", b"x"), payload("tags", b"y")]
    assert result(payload("text", b"a"), *tags, top="3", mode="best") == whole
    assert result(body({"text": "a", "top": 3}), payload("mode", b"BEST"), *tags) == whole
    assert result(
        payload("tags", b'["x", "y"]'), body({"text": "a", "mode": "best", "top": 3})
    ) == (whole)


def test_a_payload_goes_before_a_parameter(model):
    """A gateway's parameters stand in all calls; what the client wrote itself is what it means."""
    node = payload("top", b"5")
    assert b'"top":5' in model.one(payload("text", b"a"), node, top="1", other="x")["data"]


@pytest.mark.parametrize(
    ("nodes", "params", "told"),
    [
        ([], {}, "text: expected a string, got none"),
        ([body({})], {}, "text: expected a string, got none"),
        ([body([])], {}, "the body: expected an object of the inputs (text, top, mode, tags), got"),
        (
            [body("x")],
            {},
            'the body: expected an object of the inputs (text, top, mode, tags), got "',
        ),
        (
            [body({"txt": "a"})],
            {},
            "txt: expected one of the inputs text, top, mode, tags, got that; did you mean text?",
        ),
        (
            [body({"zzzzz": 1})],
            {},
            "zzzzz: expected one of the inputs text, top, mode, tags, got that",
        ),
        (
            [payload("tpo", b"1")],
            {},
            "tpo: expected one of the inputs text, top, mode, tags, got that;",
        ),
        (
            [body({"text": "a"}), payload("text", b"b")],
            {},
            "text: expected it once, got it in the body and beside it",
        ),
        (
            [payload("text", b"b"), body({"text": "a"})],
            {},
            "text: expected it once, got it in the body and beside it",
        ),
        (
            [payload("text", b"b"), payload("text", b"b")],
            {},
            "text: expected it once, got it 2 times",
        ),
        ([body({"text": "a", "top": "x"})], {}, 'top: expected an integer, got "x"'),
        ([payload("text", b"a")], {"top": "x"}, 'top: expected an integer, got "x"'),
        ([payload("text", b"a")], {"mode": "x"}, 'mode: expected one of "fast", "best", got "x"'),
        ([body(b"{")], {}, "the body: expected JSON, got what is none: Expecting property name"),
        ([body(b"")], {}, "the body: expected JSON, got what is none: Expecting value"),
    ],
)
def test_what_does_not_fit_is_told_with_its_name(model, nodes, params, told):
    assert model.refusal(*nodes, **params).startswith(told)


def test_the_schema_has_types_defaults_and_descriptions(model):
    assert model.inputs == {
        "type": "object",
        "properties": {
            "text": {"type": "string", "description": "What to read."},
            "top": {"type": "integer", "default": 2, "description": "how many"},
            "mode": {"enum": ["fast", "best"], "default": "fast", "description": "How well."},
            "tags": {
                "anyOf": [{"type": "array", "items": {"type": "string"}}, {"type": "null"}],
                "description": "only these",
            },
        },
        "required": ["text"],
        "additionalProperties": False,
    }
    said = model.schema["predict"]
    assert (said["title"], said["streams"], said["routes"]) == ("predict", False, ["/predict"])
    assert said["description"].startswith("Rank words.")


def test_defaults_that_json_has_not_are_not_told():
    def predict(a: float = float("nan"), b: float = float("inf"), c: Any = object, d: str = ""):
        return [a is not None, b, c is object, d]

    model = Typed(predict)
    assert [each.get("default") for each in model.inputs["properties"].values()] == [
        None,
        None,
        None,
        "",
    ]


def test_none_as_the_default_means_that_none_may_come():
    """As typing had it before Python 3.11, and as readers of "x: int = None" take it."""

    def predict(top: int = None, picture: PIL.Image.Image = None):
        return {"top": top, "picture": picture}

    model = Typed(predict)
    for value in ({}, {"top": None}, {"picture": None}):
        assert model.json(value) == {"top": None, "picture": None}
    empty = payload("picture", b"", filename="", content_type="application/octet-stream")
    assert model.one(empty, payload("top", b""))["data"] == b'{"top":null,"picture":null}'


def test_words_of_annotated_go_before_those_of_the_docstring():
    def predict(a: Annotated[str, "Of the hint."], b: str = "x"):
        """a: of the docstring
        b: 2: two"""
        return a + b

    told = Typed(predict).inputs["properties"]
    assert told["a"]["description"] == "Of the hint." and told["b"]["description"] == "2: two"


def test_other_inputs_go_to_keywords():
    def predict(text: str, **options: int):
        return {"text": text, **options}

    model = Typed(predict)
    assert model.inputs["additionalProperties"] is True
    assert model.json({"text": "a", "b": [1]}) == {"text": "a", "b": [1]}
    made = model.one(payload("text", b"a"), payload("c", b"1"), payload("c", b"2"))
    assert made["data"] == b'{"text":"a","c":["1","2"]}'
    assert model.refusal(payload("text", b"a"), payload(":x", b"1")).startswith(":x: expected one ")


def test_keywords_of_a_method_are_not_its_self():
    """A client that named it got "multiple values for argument 'self'" as the model's failure."""

    class Model:
        def predict(self, text: str, **options):
            return {"text": text, **options}

    model = Typed(Model)
    assert model.refusal(body({"text": "a", "self": 1})).startswith("self: expected one of the ")
    assert model.json({"text": "a", "myself": 1}) == {"text": "a", "myself": 1}


@pytest.mark.parametrize(
    ("hint", "value"),
    [
        ("dict", {"a": 1}),
        ("dict[str, int]", {"a": 1}),
        ("Any", {"a": 1}),
        ("Optional[dict]", {"a": 1}),
        ("dict | list", {"a": 1}),
        ("list[int]", [1]),
        ("str", "a"),
        ("int", 4),
        ("Any", [1]),
        ("Any", None),
    ],
)
def test_a_body_may_be_the_value_of_the_only_input(hint, value):
    def predict(data):
        return {"got": data}

    predict.__annotations__ = {"data": hint}
    model = Typed(predict)
    assert model.json(value) == {"got": value}
    assert model.json({"data": value}) == {"got": value}


def test_a_function_without_inputs():
    def predict() -> str:
        return "ok"

    model = Typed(predict)
    assert model.one(body({})) == "ok" and model.one() == "ok"
    assert model.inputs == {"type": "object", "properties": {}, "additionalProperties": False}
    assert model.refusal(body({"a": 1})) == "a: expected no input, got that"
    assert model.refusal(body([1])).startswith(
        "the body: expected an object of the inputs (nothing"
    )


def test_a_name_of_an_input_may_be_any_word():
    def predict(*, type: str, ñ: int = 1):
        return type * ñ

    assert Typed(predict).one(body({"type": "a", "ñ": 2})) == "aa"


def test_several_files_are_a_list():
    def predict(files: list[bytes], more: list[Path] | None = None):
        return [each.decode() for each in files] + [p.read_text() for p in more or []]

    model = Typed(predict)
    some = [payload("files", b"a", filename="a"), payload("files", b"b", filename="b")]
    assert model.one(*some)["data"] == b'["a","b"]'
    assert model.one(some[0], payload("more", b"1"), payload("more", b"2"))["data"] == (
        b'["a","1","2"]'
    )
    assert model.one(payload("files", b"a"))["data"] == b'["a"]'
    assert model.json({"files": [{"base64": "YQ=="}]}) == ["a"]
    told = model.refusal(body({"files": ["a"]}))
    assert told.startswith("files[0]: expected bytes: a file of a form, ")


class Late:
    def predict(self, point: Missing):  # noqa: F821
        return point


def test_hints_that_name_nothing_are_refused_with_the_function():
    told = refused_at_load(Late)
    assert told == "Late.predict: a hint names what is not there: name 'Missing' is not defined"

    def predict(x: "int +"):  # noqa: F722
        return x

    assert "predict: a hint cannot be read: " in refused_at_load(predict)

    def predict(x: np.nothing):
        return x

    assert "predict: a hint cannot be read: " in refused_at_load(predict)


def test_hints_may_be_written_before_what_they_name():
    def predict(x: Later) -> Later:
        return x

    told = Typed(predict).inputs["properties"]["x"]
    assert told == {"enum": ["a", "b"]}


Later = Literal["a", "b"]


@pytest.mark.parametrize(
    "function",
    [lambda x, /: x, lambda *x: x, lambda x, *others: x],
    ids=["positional", "all", "others"],
)
def test_parameters_without_a_name_are_refused(function):
    told = refused_at_load(function)
    assert told.startswith("<lambda>: expected parameters that can be given by name, got ")
    assert told.endswith(": take the * or / away")


def test_functions_in_other_wrappings():
    def scaled(x: int, by: int = 1) -> int:
        return x * by

    @functools.wraps(scaled)
    def wrapped(*arguments, **named):
        return scaled(*arguments, **named) + 1

    class Called:
        def __call__(self, x: int) -> int:
            return -x

    assert Typed(functools.partial(scaled, by=3)).json({"x": 2}) == 6
    assert Typed(wrapped).json({"x": 2, "by": 2}) == 5
    assert Typed(functools.lru_cache(scaled)).json({"x": 2}) == 2
    assert Typed(Called()).json({"x": 2}) == -2
    assert Typed(wrapped).refusal(body({"x": "a"})) == 'x: expected an integer, got "a"'


def test_inputs_are_those_of_the_function_alone():
    class Model:
        @staticmethod
        def predict(x: int) -> int:
            return x

    class Other:
        @classmethod
        def predict(cls, x: int) -> str:
            return cls.__name__

    assert Typed(Model).json({"x": 1}) == 1
    assert Typed(Other).one(body({"x": 1})) == "Other"
    assert list(Inputs(predict).all) == ["text", "top", "mode", "tags"]
