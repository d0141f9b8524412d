# SPDX-License-Identifier: Apache-2.0
"""Calls that the loader has not compared with what a model declares: its rules, in its words."""

import json

import pytest
from aiges.contracts._oip import (
    Checker,
    Declared,
    count_elements,
    is_checked,
    outputs_of,
    said_of,
)
from aiges.contracts.triton import _config
from aiges.contracts.triton._inputs import Inputs
from aiges.errors import BadInput
from triton_models import config, tensor

WHO = "[request id: <id_unknown>] "
NONE = '{"id":"","parameters":{},"outputs":[]}'
CHECKED = '{"checked":true,"id":"","parameters":{},"outputs":[]}'


def of(*inputs, batched=False, most_rows=0, outputs=("Y",)):
    declared = dict(inputs)
    return Checker("m", declared, outputs, batched=batched, most_rows=most_rows)


def check(checker, *inputs, params=None, data=()):
    """``inputs``: name, datatype, shape and size of each."""
    kinds = tuple((name, datatype, shape) for name, datatype, shape, _ in inputs)
    checker.check(kinds, tuple(size for *_, size in inputs), params or {}, data)


def refusal(*arguments, **options):
    with pytest.raises(BadInput) as raised:
        check(*arguments, **options)
    return str(raised.value)


PAIR = (("A", Declared("FP32", (4,))), ("B", Declared("FP32", (4,))))
SOME = (PAIR[0], ("B", Declared("FP32", (4,), optional=True)))
TEXT = (("T", Declared("BYTES", (-1,))),)


def four(name, datatype="FP32", shape=(4,), size=16):
    return name, datatype, shape, size


@pytest.mark.parametrize(
    ("declared", "names", "text"),
    [
        (
            PAIR,
            "ABX",
            "expected 2 inputs but got 3 inputs for model 'm'. Got input(s) ['A','B','X'], but "
            "missing required input(s) []. Please provide all required input(s).",
        ),
        (
            PAIR,
            "X",
            "expected 2 inputs but got 1 inputs for model 'm'. Got input(s) ['X'], but missing "
            "required input(s) ['A','B']. Please provide all required input(s).",
        ),
        (PAIR, "AX", "unexpected inference input 'X' for model 'm'"),
        (PAIR, "AA", "input 'A' already exists in request"),
        (
            SOME,
            "",
            "expected number of inputs between 1 and 2 but got 0 inputs for model 'm'. Got "
            "input(s) [], but missing required input(s) ['A']. Please provide all required "
            "input(s).",
        ),
        (SOME, "X", "unexpected inference input 'X' for model 'm'"),
    ],
)
def test_names(declared, names, text):
    assert refusal(of(*declared), *map(four, names)) == WHO + text


@pytest.mark.parametrize(
    ("given", "text"),
    [
        (
            four("B", "INT32"),
            "inference input 'B' data-type is 'INT32', but model 'm' expects 'FP32'",
        ),
        (four("B", "ODD"), "inference input 'B' data-type is 'ODD', but model 'm' expects 'FP32'"),
        (
            four("B", shape=(2, 2)),
            "unexpected shape for input 'B' for model 'm'. Expected [4], got [2,2].",
        ),
        (
            four("B", size=12),
            "input byte size mismatch for input 'B' for model 'm'. Expected 16, got 12",
        ),
    ],
)
def test_one_input(given, text):
    checker = of(*PAIR)
    check(checker, four("A"), four("B"))
    for _ in range(2):  # What fits is remembered, what does not is not.
        assert refusal(checker, four("A"), given) == WHO + text
    check(checker, four("A"), four("B"))


def test_sizes_without_end():
    checker = of(("A", Declared("FP32", (-1, -1))))
    told = refusal(checker, ("A", "FP32", (2**40, 2**40), 4))
    assert told == WHO + f"input 'A': expected a shape of sizes, got [{2**40},{2**40}]"


def test_batches():
    rows = [(name, Declared("FP32", (-1, 4))) for name in "AB"]
    checker = of(*rows, batched=True, most_rows=8)
    check(checker, four("A", shape=(2, 4), size=32), four("B", shape=(2, 4), size=32))
    told = refusal(checker, four("A"), four("B"))
    assert told.startswith(
        WHO + "unexpected shape for input 'A' for model 'm'. Expected [-1,4], got [4]. NOTE: "
        "Setting a non-zero max_batch_size in the model config requires a batch dimension"
    )
    nine = four("A", shape=(9, 4), size=144), four("B", shape=(9, 4), size=144)
    assert refusal(checker, *nine) == WHO + "inference request batch-size must be <= 8 for 'm'"
    check(of(*rows, batched=True), *nine)
    told = refusal(checker, four("A", shape=(2, 4), size=32), four("B", shape=(1, 4)))
    assert told == WHO + "input 'B' batch size does not match other inputs for 'm'"


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (
            b"\1\0\0\0a",
            WHO + "unexpected number of string elements 1 for inference input 'T' for model 'm', "
            "expecting 2",
        ),
        (
            b"\1\0\0\0a\1\0",
            "incomplete string length indicator for inference input 'T', expecting 4 bytes but "
            "only 2 bytes available",
        ),
        (
            b"\5\0\0\0abc",
            "incomplete string data for inference input 'T', expecting string of length 5 but only "
            "3 bytes available",
        ),
    ],
)
def test_texts(data, text):
    checker = of(*TEXT)
    good = b"\1\0\0\0a\0\0\0\0"
    assert count_elements(good, "T") == 2
    check(checker, ("T", "BYTES", (2,), len(good)), data=[good])
    assert refusal(checker, ("T", "BYTES", (2,), len(data)), data=[data]) == text


def test_outputs_are_those_that_there_are():
    checker = of(PAIR[0])
    params = {":oip": '{"id":"r1","parameters":{},"outputs":[{"name":"Y"},{"name":"Z"}]}'}
    assert outputs_of(params) == ["Y", "Z"]
    told = refusal(checker, four("A"), params=params)
    assert told == "unexpected inference output 'Z' for model 'm'"
    assert refusal(checker, params=params).startswith("[request id: r1] expected 1 inputs")


def test_only_the_loaders_own_word_counts():
    assert is_checked({":oip": CHECKED})
    own = json.dumps({"checked": True}, separators=(",", ":"))
    for text in (NONE, "{}", "", f'{{"id":"","parameters":{own},"outputs":[]}}'):
        assert not is_checked({":oip": text})
    assert not is_checked({}) and not is_checked({"checked": "true"})


@pytest.mark.parametrize("text", ["{", "[]", "7", '{"parameters":[]}', '{"outputs":[1]}'])
def test_what_the_protocol_never_says(text):
    with pytest.raises(BadInput, match=":oip: expected"):
        said_of({":oip": text})
        outputs_of({":oip": text})


def inputs_of(tmp_path, text):
    (file := tmp_path / "config.pbtxt").write_text(text, encoding="utf-8")
    return Inputs(_config.to_dict(_config.normalised(_config.read(file), "m", True)))


def node(key, data, **desc):
    return {"key": key, "data": data, "desc": desc}


def test_calls_of_the_protocol_are_checked_unless_the_loader_has(tmp_path):
    """The first call of a model that was not loaded, and calls of other models."""
    inputs = inputs_of(tmp_path, config(dims="[ 4 ]"))
    wrong = [node("INPUT0", bytes(12), datatype="FP32", shape="3")]
    for params in ({}, {":oip": NONE}, {":oip": "{}"}):
        with pytest.raises(BadInput, match=r"Expected \[4\], got \[3\]\."):
            inputs.read(wrong, params)
    assert inputs.read(wrong, {":oip": CHECKED})[0].shape() == [3]
    right = [node("INPUT0", bytes(16), datatype="FP32", shape="4")]
    assert inputs.read(right, {":oip": NONE})[0].as_numpy().tolist() == [0, 0, 0, 0]


def test_shapes_that_come_are_those_of_clients_and_not_of_the_model(tmp_path):
    text = tensor("input", "A", dims="[ 6 ]", more="reshape { shape: [ 2, 3 ] }")
    inputs = inputs_of(tmp_path, text + tensor("output", "B"))
    for params in ({}, {":oip": CHECKED}):
        found = inputs.read([node("A", bytes(24), datatype="FP32", shape="6")], params)
        assert found[0].shape() == [2, 3]


def test_a_text_alone_is_one_element(tmp_path):
    """Of wrappers and plain bodies in any shape; of the protocol, the loader has made it of [1]."""
    inputs = inputs_of(tmp_path, config(dtype="TYPE_STRING", more="max_batch_size: 4"))
    found = inputs.read([node("other", b"hello")], {})
    assert found[0].name() == "INPUT0" and found[0].as_numpy().tolist() == [[b"hello"]]
    with pytest.raises(BadInput, match=r"Expected \[-1,-1\], got \[1\]\. NOTE"):
        inputs.read([node("INPUT0", b"hello")], {":oip": NONE})
