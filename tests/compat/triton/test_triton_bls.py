# SPDX-License-Identifier: Apache-2.0
"""Calls of a model to others: its own side of them, with a host that the test has put there."""

import json
import sys
import types

import numpy as np
import pytest
from loader_process import ROOT

sys.path.append(str(ROOT / "compat" / "triton"))

import aiges
import triton_python_backend_utils as pb_utils
from aiges.contracts.triton import _state


class Answers:
    """What aiges.stream gives: an answer that is the last one says so."""

    def __init__(self, *answers, ends_alone):
        self._answers, self._ends_alone, self._over = list(answers), ends_alone, False
        self.taken = 0

    def __iter__(self):
        return self

    def __next__(self):
        self._over = not self._answers or (not self._ends_alone and len(self._answers) == 1)
        if not self._answers:
            raise StopIteration
        self.taken += 1
        return [self._answers.pop(0)]


def number(value):
    data = np.array([value], np.float32).tobytes()
    return {"key": "Y", "data": data, "desc": {"datatype": "FP32", "shape": "1"}}


def shown(responses):
    return [[float(t.as_numpy()[0]) for t in each.output_tensors()] for each in responses]


@pytest.fixture
def host(monkeypatch):
    """A host that answers with ``host.answers``, and keeps what it was asked in ``host.asked``."""
    made = types.SimpleNamespace(answers=None, asked=None)

    def ask(*asked, **options):
        made.asked = (*asked, options)
        return made.answers

    embed = types.SimpleNamespace(current_tag=lambda: "t", _enter=lambda tag: None)
    monkeypatch.setitem(sys.modules, "aiges_embed", embed)
    monkeypatch.setattr(aiges, "stream", ask, raising=False)
    monkeypatch.setattr(aiges, "call", ask, raising=False)
    monkeypatch.setattr(_state, "serving", True)
    return made


def request(**more):
    given = {"model_name": "other", "requested_output_names": [], "inputs": []}
    return pb_utils.InferenceRequest(**{**given, **more})


@pytest.mark.parametrize(("ends_alone", "end"), [(False, []), (True, [[]])])
def test_a_final_flag_alone_is_an_answer_without_outputs(host, ends_alone, end):
    host.answers = Answers(number(1), number(2), ends_alone=ends_alone)
    assert shown(request().exec(decoupled=True)) == [[1], [2], *end]


def test_answers_are_gone_through_again_once_all_are_there(host):
    host.answers = Answers(number(1), number(2), number(3), ends_alone=False)
    answers = request().exec(decoupled=True)
    assert shown([next(answers)]) == [[1]]
    for response in answers:  # Goes on where it was.
        assert shown([response]) == [[2]]
        break
    assert shown(answers) == [[3]]
    assert shown(answers) == [[1], [2], [3]]
    assert host.answers.taken == 3


def test_what_is_cancelled_gives_no_more(host):
    host.answers = Answers(number(1), number(2), ends_alone=False)
    answers = request().exec(decoupled=True)
    assert shown([next(answers)]) == [[1]]
    answers.cancel()
    assert next(answers, None) is None and host.answers.taken == 1


def test_errors_come_as_answers(host, monkeypatch):
    message = json.dumps({"message": "no", "code": 3}).encode()
    host.answers = Answers({"key": ":error", "data": message, "desc": {}}, ends_alone=False)
    (failed,) = request().exec(decoupled=True)
    assert (failed.error().message(), failed.error().code()) == ("no", 3)
    monkeypatch.setattr(_state, "serving", False)
    (failed,) = request().exec(decoupled=True)
    assert failed.error().message() == "BLS is only supported during the 'execute' function."


def test_what_a_request_says_goes_along(host):
    host.answers = [number(1)]
    asked = request(
        request_id="r",
        correlation_id=7,
        flags=pb_utils.TRITONSERVER_REQUEST_FLAG_SEQUENCE_END,
        timeout=2_000_000,
        requested_output_names=["Y"],
        parameters={"a": 'zwölf "12"', "b": True, "c": 3},
        model_version=4,
    )
    assert shown([asked.exec()]) == [[1]]
    name, inputs, params, options = host.asked
    assert (name, inputs, options) == ("other", [], {"version": "4", "timeout": 2.0})
    said = json.loads(params.pop(":oip"))
    assert params == {"a": 'zwölf "12"', "b": "true", "c": "3"}
    assert (said["id"], said["outputs"]) == ("r", [{"name": "Y"}])
    assert "checked" not in said  # So that the other model looks at its inputs.
    assert said["parameters"] == {
        "a": 'zwölf "12"',
        "b": True,
        "c": 3,
        "sequence_id": 7,
        "timeout": 2_000_000,
        "sequence_start": False,
        "sequence_end": True,
    }


@pytest.mark.parametrize(
    ("call", "instead"),
    [
        (pb_utils.load_model, "POST /v2/repository/models/other/load"),
        (lambda name: pb_utils.load_model(name, "{}", {"file:1/model.py": b""}), "a call loads"),
        (pb_utils.unload_model, "POST /v2/repository/models/other/unload"),
        (lambda name: pb_utils.unload_model(name, unload_dependents=True), "idle_unload_s"),
        (pb_utils.is_model_ready, "GET /v2/models/other/ready"),
        (lambda name: pb_utils.is_model_ready(name, "1"), "the error says so"),
    ],
)
def test_what_the_host_does_not_do_for_models_says_what_to_do_instead(call, instead):
    with pytest.raises(pb_utils.TritonModelException) as raised:
        call("other")
    assert "of model 'other': models cannot do that here; " in str(raised.value)
    assert instead in str(raised.value)
    with pytest.raises(TypeError):
        call(None)
