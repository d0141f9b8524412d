# SPDX-License-Identifier: Apache-2.0
"""Inputs that are objects with declared members: dataclasses, TypedDict, models of pydantic."""

import dataclasses
import enum
import pathlib
import sys
from typing import Annotated, Any, Literal, Optional, TypedDict

import pydantic
import pytest
import typing_extensions
from typed_calls import (
    Typed,
    based,
    body,
    from_json,
    from_text,
    payload,
    predict_with,
    refused_at_load,
    refused_json,
)


class Unit(enum.Enum):
    PIXEL = "px"


@dataclasses.dataclass
class Point:
    x: int
    y: int = 2


@dataclasses.dataclass
class Box:
    corner: Point
    label: Annotated[str, "What is in it."] = "none"
    tags: list[str] = dataclasses.field(default_factory=list)
    unit: Unit = Unit.PIXEL
    score: float = float("nan")
    area: int = dataclasses.field(init=False, default=0)

    def __post_init__(self):
        if self.corner.x < 0:
            raise ValueError("a corner inside, please")


class Options(TypedDict, total=False):
    top: int
    name: typing_extensions.Required[str]


class Strict(TypedDict):
    top: int
    name: typing_extensions.NotRequired[Annotated[str, "Of the thing."]]


class Form(pydantic.BaseModel):
    text: str = pydantic.Field(min_length=1, description="What to read.")
    top: int = pydantic.Field(2, ge=1)
    boxes: list["Inner"] = []


class Inner(pydantic.BaseModel):
    label: Literal["a", "b"]


Form.model_rebuild()


def test_a_dataclass_is_made():
    assert from_json(Point, {"x": 1}) == Point(1, 2)
    assert from_json(list[Point], [{"x": 1, "y": 0}]) == [Point(1, 0)]
    made = from_json(Box, {"corner": {"x": 1}, "tags": ["a"], "unit": "px"})
    assert made.corner == Point(1) and made.tags == ["a"] and made.unit is Unit.PIXEL
    assert from_text(Point, '{"x": 5}') == Point(5)


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ({}, "x.corner: expected a value, got none"),
        ({"corner": {"x": "1"}}, 'x.corner.x: expected an integer, got "1"'),
        ({"corner": 1}, "x.corner: expected an object (Point), got 1"),
        (
            {"corner": {"x": 1}, "lable": "a"},
            "x.lable: expected one of corner, label, tags, unit, score, got that; "
            "did you mean label?",
        ),
        ({"corner": {"x": 1}, "tags": [1]}, "x.tags[0]: expected a string, got 1"),
        ({"corner": {"x": 1}, "area": 1}, None),
        (
            {"corner": {"x": -1}},
            "x: expected what Box takes, got what it refuses: a corner inside, please",
        ),
        (None, "x: expected an object (Box), got null"),
    ],
)
def test_what_a_dataclass_refuses(value, told):
    said = refused_json(Box, value)
    assert said == told if told else said.startswith("x.area: expected one of corner, ")


def test_schema_of_a_dataclass():
    schema = Typed(predict_with(Box)).inputs["properties"]["x"]
    assert schema["required"] == ["corner"] and schema["additionalProperties"] is False
    members = schema["properties"]
    assert list(members) == ["corner", "label", "tags", "unit", "score"]
    assert members["label"] == {
        "type": "string",
        "description": "What is in it.",
        "default": "none",
    }
    assert members["corner"]["properties"]["y"] == {"type": "integer", "default": 2}
    assert members["unit"] == {"enum": ["px"], "default": "px"}
    assert members["score"] == {"type": "number"}  # JSON has no NaN.


def test_typed_dicts():
    assert from_json(Options, {"name": "a"}) == {"name": "a"}
    assert from_json(Options, {"name": "a", "top": 1}) == {"name": "a", "top": 1}
    assert refused_json(Options, {"top": 1}) == "x.name: expected a value, got none"
    assert from_json(Strict, {"top": 1}) == {"top": 1}
    assert refused_json(Strict, {"top": 1, "name": 5}) == "x.name: expected a string, got 5"
    assert refused_json(Strict, {}) == "x.top: expected a value, got none"
    schema = Typed(predict_with(Strict)).inputs["properties"]["x"]
    assert schema["required"] == ["top"] and schema["title"] == "Strict"
    assert schema["properties"]["name"] == {"type": "string", "description": "Of the thing."}


def test_models_of_pydantic():
    made = from_json(Form, {"text": "a", "boxes": [{"label": "b"}]})
    assert made == Form(text="a", boxes=[Inner(label="b")])
    assert from_text(Form, '{"text": "a"}') == Form(text="a")


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ({}, "x.text: expected a value, got none"),
        ({"text": ""}, 'x.text: expected string should have at least 1 character, got ""'),
        ({"text": "a", "top": 0}, "x.top: expected greater than or equal to 1, got 0"),
        ({"text": "a", "boxes": [{"label": "c"}]}, "x.boxes[0].label: expected 'a' or 'b', got"),
        ([], None),
    ],
)
def test_what_pydantic_refuses(value, told):
    said = refused_json(Form, value)
    assert said.startswith(told or "x: expected a valid dictionary or instance of Form")


def test_schema_of_pydantic_has_no_references():
    schema = Typed(predict_with(Form)).inputs["properties"]["x"]
    assert "$defs" not in schema
    assert schema["properties"]["boxes"]["items"]["properties"]["label"]["enum"] == ["a", "b"]
    assert schema["properties"]["text"]["description"] == "What to read."


def test_a_model_that_holds_itself_ends():
    class Tree(pydantic.BaseModel):
        children: list["Tree"] = []
        far: float = float("inf")

    Tree.model_rebuild(_types_namespace={"Tree": Tree})
    model = Typed(predict_with(Tree, lambda x: len(x.children)))
    assert model.inputs["properties"]["x"]["properties"]["children"]["type"] == "array"
    assert model.json({"children": [{}, {"children": [{}]}]}) == 2


def test_a_model_without_a_schema_is_an_object():
    class Strange(pydantic.BaseModel):
        model_config = pydantic.ConfigDict(arbitrary_types_allowed=True)
        value: complex = 1j
        hook: Optional[type(sys)] = None

    model = Typed(predict_with(Strange, lambda x: abs(x.value)))
    assert model.inputs["properties"]["x"]["type"] == "object"
    assert model.json({"value": "2j"}) == 2.0


def test_validators_of_pydantic_speak_for_themselves():
    class Even(pydantic.BaseModel):
        number: int

        @pydantic.field_validator("number")
        @classmethod
        def check(cls, value):
            if value % 2:
                raise ValueError("an even number")
            return value

    assert refused_json(Even, {"number": 3}) == "x.number: expected an even number, got 3"


def test_fields_of_pydantic_in_annotated_bound_plain_hints():
    hint = Annotated[int, pydantic.Field(ge=1, le=3, description="How many.")]
    model = Typed(predict_with(hint))
    schema = {"type": "integer", "minimum": 1, "maximum": 3, "description": "How many."}
    assert model.inputs["properties"]["x"] == schema
    assert model.refusal(body({"x": 4})) == "x: expected an integer from 1 to 3, got 4"
    text = Annotated[str, pydantic.Field(pattern="^a", max_length=2)]
    assert refused_json(text, "b") == 'x: expected a string like ^a, got "b"'


@dataclasses.dataclass
class Node:
    children: list["Node"]


class Link(TypedDict):
    next: "Optional[Link]"


@pytest.mark.parametrize("hint", [Node, Link, list[Node], Optional[Link]])
def test_hints_that_hold_themselves_are_refused(hint):
    told = refused_at_load(predict_with(hint))
    assert told.startswith("predict: x: expected a hint that does not hold itself, got ")


def test_members_that_cannot_be_served_are_named():
    @dataclasses.dataclass
    class Wrong:
        hook: complex

    told = refused_at_load(predict_with(list[Wrong]))
    assert told.startswith("predict: x.hook: expected a hint of ")


def test_files_in_objects_are_there_while_the_call_runs():
    """Where a Path stood in a dataclass, a union or a dict, the call failed with AssertionError."""

    @dataclasses.dataclass
    class Upload:
        file: pathlib.Path

    read = {
        Upload: lambda x: x.file.read_text(),
        dict[str, pathlib.Path]: lambda x: x["file"].read_text(),
    }
    for hint, function in read.items():
        assert Typed(predict_with(hint, function)).one(body({"x": {"file": based(b"a")}})) == "a"
    union = Typed(predict_with(Optional[dict[str, Any]] | pathlib.Path, lambda x: x.read_text()))
    assert union.one(payload("x", b"hi", filename="a.txt")) == "hi"
    pair = Typed(predict_with(tuple[pathlib.Path, str], lambda x: x[0].read_text() + x[1]))
    assert pair.one(body({"x": [based(b"a"), "b"]})) == "ab"
