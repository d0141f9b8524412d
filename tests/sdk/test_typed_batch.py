# SPDX-License-Identifier: Apache-2.0
"""Typed models that answer many calls at once: no call spoils another's answer."""

from typing import Any

import aiges
import numpy as np
import pytest
from aiges.errors import BadInput
from typed_calls import Typed, body, payload, predict_with, refused_at_load


@aiges.batch(max_size=8, max_delay_ms=5)
def predict(text: list[str], top: list[int] = 2):
    return [{"text": t, "top": n, "of": len(text)} for t, n in zip(text, top)]


def texts(results):
    return [r if isinstance(r, str) else r["data"].decode() for r in results]


def test_each_call_gets_its_own_result():
    made = Typed(predict).batch([body({"text": "a"})], [body({"text": "b", "top": 5})])
    assert texts(made) == ['{"text":"a","top":2,"of":2}', '{"text":"b","top":5,"of":2}']


def test_what_it_asks_of_the_host():
    model = Typed(predict)
    wishes = {"threads": 1, "batch_size": 8, "batch_delay_us": 5000}
    assert model.engine.wrapperWishes() == wishes
    assert not hasattr(model.engine, "wrapperOnceExec")
    assert model.inputs["properties"]["text"] == {"type": "string"}
    assert model.inputs["properties"]["top"] == {"type": "integer", "default": 2}
    plain = Typed(aiges.threads(3)(predict_with(int)))
    assert plain.engine.wrapperWishes() == {"threads": 3, "batch_size": 0, "batch_delay_us": 0}
    both = Typed(aiges.threads(2)(aiges.batch()(predict_with(list[int]))))
    assert both.engine.wrapperWishes() == {"threads": 2, "batch_size": 16, "batch_delay_us": 0}


def test_a_wrong_call_is_refused_alone():
    made = Typed(predict).batch(
        [body({"text": "a"})], [body({"text": 5})], [body(b"{")], [body({"text": "b"})], []
    )
    assert texts([made[0], made[3]]) == [
        '{"text":"a","top":2,"of":2}',
        '{"text":"b","top":2,"of":2}',
    ]
    assert [type(made[at]) for at in (1, 2, 4)] == [BadInput] * 3
    assert str(made[1]) == "text: expected a string, got 5"
    assert str(made[4]) == "text: expected a string, got none"


def test_where_all_calls_are_wrong_the_model_is_not_asked():
    def never(x):
        raise AssertionError(x)

    made = Typed(aiges.batch()(predict_with(list[int], never))).batch([body("a")], [body("b")])
    assert [str(each) for each in made] == [
        'x: expected an integer, got "a"',
        'x: expected an integer, got "b"',
    ]


def test_results_that_cannot_be_written_fail_alone():
    values = ["a", object(), ValueError("no"), float("nan"), BadInput("x: no"), None]
    model = Typed(aiges.batch()(predict_with(list[int], lambda x: values)))
    made = model.batch(*([[body(1)]] * 6))
    assert made[0] == "a" and made[5]["data"] == b"null"
    assert [type(each) for each in made[1:5]] == [TypeError, ValueError, ValueError, BadInput]


@pytest.mark.parametrize(
    ("value", "got"),
    [
        ([], "0"),
        ([1], "1"),
        ([1, 2, 3], "3"),
        ("ab", "str"),
        (b"ab", "bytes"),
        ({"a": 1, "b": 2}, "dict"),
        (None, "NoneType"),
        (5, "int"),
        (iter([1, 2]), "list_iterator"),
    ],
)
def test_the_wrong_number_of_results_fails_all(value, got):
    model = Typed(aiges.batch()(predict_with(list[int], lambda x: value)))
    with pytest.raises(TypeError, match=f"a list of 2 results, one of each call, got {got}$"):
        model.batch([body(1)], [body(2)])


def test_arrays_and_tuples_are_lists_of_results():
    for value in ((1, 2), np.array([1, 2]), np.array([[1], [2]])[:, 0]):
        model = Typed(aiges.batch()(predict_with(list[int], lambda x, value=value: value)))
        assert texts(model.batch([body(1)], [body(2)])) == ["1", "2"]


def test_hints_of_a_batch_are_lists():
    for hint in (Any, list, list[Any]):
        model = Typed(aiges.batch()(predict_with(hint, lambda x: x)))
        assert texts(model.batch([body({"x": {"a": 1}})], [payload("x", b"b")])) == ['{"a":1}', "b"]
    for hint in (str, dict[str, int], list[int] | None):
        told = refused_at_load(aiges.batch()(predict_with(hint)))
        assert told.startswith("predict: x: expected list[..], as @aiges.batch gives all calls of ")


def test_what_cannot_be_a_batch():
    async def later(x: list[int]):
        return x

    def stream(x: list[int]):
        yield x

    def others(x: list[int], **more):
        return x

    assert refused_at_load(aiges.batch()(later)).endswith("@aiges.batch, got an async one")
    assert refused_at_load(aiges.batch()(stream)).endswith("@aiges.batch, got a generator")
    told = refused_at_load(aiges.batch()(others))
    assert told == "others: expected parameters that each call has with @aiges.batch, got **more"


@pytest.mark.parametrize("size", [0, -1, 1025, True, "8", 1.0])
def test_sizes_that_are_none(size):
    with pytest.raises(ValueError, match="max_size: expected a number from 1 to 1024, got "):
        aiges.batch(max_size=size)
    with pytest.raises(ValueError, match="threads: expected a number from 1 to 1024, got "):
        aiges.threads(size)


@pytest.mark.parametrize("delay", [-1, 1001, float("nan"), "1", None])
def test_delays_that_are_none(delay):
    with pytest.raises(ValueError, match="max_delay_ms: expected a number from 0 to 1000, got "):
        aiges.batch(max_delay_ms=delay)
