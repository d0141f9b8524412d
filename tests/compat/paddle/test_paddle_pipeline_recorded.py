# SPDX-License-Identifier: Apache-2.0
"""The same services give the answers that Paddle Serving's pipeline server gave.

Recorded by tests/peers/paddle_server/paddle_server_record.py. pipeline_different.json has what we
answer otherwise, and why; a text "*" there is any text. What the original's PipelineClient sent is
sent again, and it makes some of its calls itself.
"""

import itertools
import json
import os
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
PEERS = ROOT / "tests" / "peers"
sys.path += [str(PEERS), str(PEERS / "paddle_server"), str(ROOT / "scripts")]

import paddle_cases_models  # noqa: E402
from environments import NoSuchPython, python_of  # noqa: E402
from paddle_pipeline_ask import Server, called  # noqa: E402
from paddle_pipeline_cases import CONFIGS, cases, starts  # noqa: E402
from paddle_pipeline_start import Service  # noqa: E402

BIN = Path(os.environ.get("AIGES_BIN", ROOT / "build" / "bin")).resolve()
ENVIRONMENT = {
    "AIGES_BIN": str(BIN),
    "PYTHONPATH": os.pathsep.join([str(ROOT / "sdk"), str(ROOT / "compat" / "paddle")]),
}
RECORDED = json.loads((PEERS / "paddle_server" / "pipeline_answers.json").read_text("utf-8"))
ANSWERS, STARTS = RECORDED["answers"], RECORDED["starts"]
# Why, then name and answer.
GROUPS = json.loads((HERE / "pipeline_different.json").read_text(encoding="utf-8"))
DIFFERENT = {name: answer for group in GROUPS.values() for name, answer in group.items()}
CASES = {each["name"]: each for each in cases()}
BY_SERVICE = {key: list(some) for key, some in itertools.groupby(cases(), lambda c: c["service"])}
CALLS = 10


def wanted(name):
    if name in DIFFERENT:
        return DIFFERENT[name]
    found = ANSWERS[name]
    return found["answer"] if CASES[name]["by"] == "client" else found


def asked(server, case):
    if case["by"] != "client":
        return server.ask(case)
    sent = ANSWERS[case["name"]]["sent"]
    # Without a message the client has refused what it was given.
    return server.ask({"by": "bytes", "bytes": sent[0]}) if sent else wanted(case["name"])


def same(answer, expected):
    if expected == "*":
        return isinstance(answer, str)
    if isinstance(expected, dict) and isinstance(answer, dict):
        return answer.keys() == expected.keys() and all(
            same(answer[key], each) for key, each in expected.items()
        )
    if isinstance(expected, list) and isinstance(answer, list):
        pairs = zip(answer, expected)
        return len(answer) == len(expected) and all(same(*pair) for pair in pairs)
    return answer == expected


@pytest.fixture(scope="module")
def answers(tmp_path_factory):
    """answers(service): {name: what we answer}, asked in the order of the recording."""

    found = {}

    def of(key):
        if key in paddle_cases_models.SERVICES:
            if find_spec("paddle") is None:
                pytest.skip("no PaddlePaddle here")
        if key not in found:
            found[key] = None  # It is tried once.
            name, more = CONFIGS.get(key, (key, None))
            folder = tmp_path_factory.mktemp(key)
            with Service(sys.executable, name, folder, more, ENVIRONMENT) as service:
                with Server(service) as server:
                    found[key] = {each["name"]: asked(server, each) for each in BY_SERVICE[key]}
        assert found[key] is not None, f"the service {key} was not served"
        return found[key]

    return of


def test_every_case_was_recorded():
    assert list(CASES) == list(ANSWERS)
    assert [name for name, _ in starts()] == list(STARTS)
    assert len(ANSWERS) >= 300


def test_every_difference_is_one():
    recorded = {**ANSWERS, **STARTS}
    assert [name for name, answer in DIFFERENT.items() if answer == recorded[name]] == []


@pytest.mark.parametrize("name", CASES)
def test_answer_is_that_of_the_original(answers, name):
    answer, expected = answers(CASES[name]["service"])[name], wanted(name)
    assert same(answer, expected), f"{answer}\n  expected\n{expected}"


@pytest.mark.parametrize("name", STARTS)
def test_configuration_is_refused_as_by_the_original(tmp_path, name):
    service, more = dict(starts())[name]
    started = Service(sys.executable, service, tmp_path, more, ENVIRONMENT)
    status = started.ended()
    lines = started.said().strip().splitlines()
    answer = {} if status is None else {"status": status, "said": "".join(lines[-1:])}
    expected = DIFFERENT.get(name, STARTS[name])
    assert same(answer, expected), started.said()


@pytest.fixture(scope="module")
def original_python():
    """The Python that has paddle-serving-server 0.9.0."""
    try:
        return python_of("paddle_server")
    except NoSuchPython as error:
        pytest.skip(str(error))


def test_original_client_calls_us(original_python, tmp_path):
    some = [each for each in CASES.values() if each["by"] == "client"]
    some = [each for each in some if each["name"] not in DIFFERENT][:CALLS]
    assert len(some) == CALLS
    with Service(sys.executable, "echo", tmp_path, None, ENVIRONMENT) as service:
        got = called(original_python, service.rpc_port, some, tmp_path)
    assert got == [ANSWERS[each["name"]] for each in some]
