# SPDX-License-Identifier: Apache-2.0
"""Which function or class of a module is served, how its life goes, and what it tells of itself."""

import abc
import functools
import json
import sys
import types
from collections.abc import AsyncIterator, Iterator

import numpy as np
import pytest
from aiges.contracts._detect import find_contracts, typed_module_here
from aiges.contracts.typed import Wrapper
from aiges.contracts.typed._engine import make_engine
from aiges.contracts.typed._model import Model, find_model
from typed_calls import Typed, body, refused_at_load


def module(**members):
    made = types.ModuleType("mine")
    made.__file__ = "/x/mine.py"
    for member in members.values():
        if isinstance(member, type):
            member.__module__ = "mine"
    vars(made).update(members)
    return made


def made_class(name, *bases, **members):
    return type(name, bases, {"predict": lambda self, x: x, **members})


def test_a_function_predict_goes_first_then_model_then_the_only_class():
    one, model, other = (made_class(name) for name in ("One", "Model", "Other"))

    def predict():
        return 1

    assert find_model(module(predict=predict, Model=model), "") is predict
    assert find_model(module(Model=model, Other=other), "") is model
    assert find_model(module(One=one, helper=print, Empty=type("Empty", (), {})), "") is one
    base = abc.ABCMeta("Base", (), {"predict": abc.abstractmethod(lambda self: 0)})
    assert find_model(module(Base=base, One=one), "") is one
    assert find_model(module(Model=model, Other=other), "Other") is other
    assert find_model(module(space=types.SimpleNamespace(Other=other)), "space.Other") is other


@pytest.mark.parametrize(
    ("members", "path", "told"),
    [
        ({}, "", "/x/mine.py: expected a function predict, or a class with one, got none"),
        (
            {"A": made_class("A"), "B": made_class("B")},
            "",
            '/x/mine.py: expected one class with predict, got A and B: set [aiges] app = "mine:A"',
        ),
        ({}, "A", '[aiges] app: expected "A" in /x/mine.py, got none there'),
        (
            {"A": 5},
            "A",
            '[aiges] app: expected a function or a class in "A" of /x/mine.py, got int',
        ),
    ],
)
def test_a_module_that_has_no_model(members, path, told):
    with pytest.raises(ValueError) as fault:
        find_model(module(**members), path)
    assert str(fault.value) == told


def test_a_class_is_made_set_up_and_closed():
    events = []

    class Mine:
        """A model.

        x: how many
        """

        def __init__(self, size=1):
            events.append("made")

        def setup(self, config):
            events.append(config)

        def predict(self, x: int) -> int:
            return x

        def close(self):
            events.append("closed")

    model = Typed(Mine)
    config = {"a": "b"}
    assert model.engine.wrapperInit(config) == 0 and model.json({"x": 1}) == 1
    assert model.engine.wrapperFini() == 0
    assert events == ["made", {"a": "b"}, "closed"] and events[1] is not config
    assert model.schema["predict"]["title"] == "Mine"
    assert model.schema["predict"]["description"] == "A model.\n\nx: how many"


def test_setup_and_close_may_be_missing_and_may_take_nothing():
    class Bare:
        def predict(self):
            return 1

    class Short(Bare):
        def setup(self):
            self.ready = True

        def predict(self):
            return self.ready

    for target, expected in ((Bare, 1), (Short, True), (Short(), True)):
        model = Typed(target)
        model.engine.wrapperInit({})
        assert model.json({}) == expected
        model.engine.wrapperFini()
    assert Typed(lambda: 1).engine.wrapperInit({"a": "b"}) == 0


def test_models_that_cannot_be_served():
    class Wants:
        def __init__(self, path):
            pass

        def predict(self):
            pass

    told = refused_at_load(Wants)
    assert told == (
        "class Wants: expected one that is made without arguments, got __init__ that wants path: "
        "load the model in setup(self, config)"
    )

    class Later:
        async def setup(self):
            pass

        def predict(self):
            pass

    assert refused_at_load(Later) == "setup: expected a plain function, got an async one"

    class End(Later):
        setup = None

        async def close(self):
            pass

    assert refused_at_load(End) == "close: expected a plain function, got an async one"


def kinds():
    def plain(x: int) -> list[int]:
        return [x, x]

    async def later(x: int) -> list[int]:
        return [x, x]

    def stream(x: int) -> Iterator[int]:
        yield from (x, x)

    async def stream_later(x: int) -> AsyncIterator[int]:
        yield x
        yield x

    def gives_stream(x: int):
        return stream(x)

    return plain, later, stream, stream_later, gives_stream, functools.partial(stream)


@pytest.mark.parametrize("function", kinds(), ids=lambda f: getattr(f, "__name__", "partial"))
def test_functions_of_all_kinds(function):
    model = Typed(function)
    assert model.json({"x": 3}) == [3, 3]
    assert model.refusal(body({"x": "a"})) == 'x: expected an integer, got "a"'
    streams = getattr(function, "__name__", "stream").startswith("stream")
    if streams:
        events = model.raw(body({"x": 3}), accept="text/event-stream")
        assert [json.loads(each["data"]) for each in events] == [3, 3]
        assert [each["data"] for each in model.raw(body({"x": 3}), accept=None)] == [b"3", b"3"]
    of_each = {"type": "integer"}
    wanted = of_each if streams else {"type": "array", "items": of_each}
    unsaid = getattr(function, "__name__", "") == "gives_stream"
    assert model.schema["predict"]["output"] == ({} if unsaid else wanted)


@pytest.mark.parametrize(
    ("values", "whole"),
    [
        ([], ""),
        (["a"], "a"),
        (["a", "b"], "ab"),
        ([1], b"1"),
        ([1, "a"], b'[1,"a"]'),
        ([{"a": 1}, {"a": 2}], b'[{"a":1},{"a":2}]'),
        ([b"a"], b"a"),
        ([np.zeros(1)], b"[0.0]"),
    ],
)
def test_a_stream_as_one_answer(values, whole):
    def plain(x=0):
        yield from values

    async def later(x=0):
        for value in values:
            yield value

    for function in (plain, later):
        made = Typed(function).one(body({}))
        assert made == whole or made["data"] == whole


def test_several_files_of_a_stream_are_several_answers():
    def predict(x=0):
        yield b"a"
        yield b"b"

    assert [each["data"] for each in Typed(predict).raw(body({}))] == [b"a", b"b"]


def test_a_stream_that_fails_gives_what_there_was_before():
    ended = []

    def predict(x=0):
        try:
            yield 1
            raise RuntimeError("no")
        finally:
            ended.append(True)

    values = Typed(predict).engine.wrapperOnceExec({}, types.SimpleNamespace(list=[]))
    assert next(values)["data"] == b"1"
    with pytest.raises(RuntimeError, match="no"):
        next(values)
    assert ended == [True]


def test_what_the_schema_tells_of_the_result():
    def told(function):
        said = Typed(function).schema
        accept = said["meta"]["svcName"]["accept"]["result"]["dataType"]
        return said["predict"]["output"], accept, said["model"].get("outputs")

    def text(x: str) -> str:
        return x

    def nothing(x: str):
        return x

    def none(x: str) -> None:
        return None

    def own(x: str) -> "Missing":  # noqa: F821
        return x

    def strange(x: str) -> complex:
        return 1j

    result = {"name": "result", "datatype": "BYTES", "shape": [-1]}
    assert told(text) == ({"type": "string"}, "text", [result])
    for function in (nothing, none, strange):
        assert told(function) == ({}, "text", None)
    with pytest.raises(TypeError, match="own: a hint names what is not there: name 'Missing'"):
        Typed(own)


def test_the_model_of_a_folder_is_found(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PYTHONPATH", raising=False)
    monkeypatch.delenv("AIGES_APP", raising=False)
    monkeypatch.syspath_prepend(str(tmp_path))
    code = "def predict(x: int) -> int:\n    return x + 1\n\n\ndef other() -> int:\n    return 7\n"
    (tmp_path / "typed_folder.py").write_text(code, encoding="utf-8")
    (tmp_path / "helper.py").write_text("def predictions():\n    pass\n", encoding="utf-8")
    assert [name for name, _ in find_contracts(tmp_path)] == ["typed"]
    assert typed_module_here() == "typed_folder"
    assert hasattr(Wrapper(), "wrapperOnceExec")
    monkeypatch.setenv("AIGES_APP", "typed_folder:other")
    engine = make_engine()
    assert engine.wrapperOnceExec({}, types.SimpleNamespace(list=[]))["data"] == b"7"
    sys.modules.pop("typed_folder", None)


@pytest.mark.parametrize(
    ("text", "contract"),
    [
        ("def predict(x):\n    return x\n", "typed"),
        ("async def predict(x):\n    return x\n", "typed"),
        ("class A:\n    def predict(self, x):\n        return x\n", "typed"),
        ("class Wrapper:\n    def predict(self, x):\n        return x\n", "typed"),
        ("# wrapperOnceExec was here\ndef predict(x):\n    return x\n", "typed"),
        ("def wrapperOnceExec():\n    pass\ndef predict(x):\n    return x\n", "aiges"),
        ("def predict(x):\n    return x\nwrapperOnceExec = hook(predict)\n", "aiges"),
        ("from base import wrapperOnceExec\ndef predict(x):\n    return x\n", "aiges"),
        ("from base import (\n    wrapperOnceExec,\n)\ndef predict(x):\n    return x\n", "aiges"),
        (
            "from impl import Wrapper\nclass Net:\n    def predict(self, x):\n        pass\n",
            "aiges",
        ),
        ("class Wrapper(Base):\n    def predict(self, x):\n        return x\n", "aiges"),
        ("class Wrapper(WrapperBase):\n    def predict(self, x):\n        return x\n", "aiges"),
        ("x = 1\n", "aiges"),
    ],
)
def test_a_wrapper_with_hooks_of_its_own_is_no_typed_model(tmp_path, text, contract):
    """A wrapper.py whose hooks come from elsewhere, and which has a predict too, was served so."""
    (tmp_path / "wrapper.py").write_text(text, encoding="utf-8")
    assert [name for name, _ in find_contracts(tmp_path)] == [contract]


def test_a_model_may_be_given_as_a_module():
    def predict(x: int) -> int:
        return x

    assert Model(module(predict=predict)).name == "predict"
