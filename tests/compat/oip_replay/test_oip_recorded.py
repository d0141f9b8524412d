# SPDX-License-Identifier: Apache-2.0
"""The same models give the answers that Triton gave, but where docs/protocol_oip.md says why not.

Recorded by tests/peers/triton/triton_record.py.
"""

import contextlib
import json
from pathlib import Path

import pytest
from loader_process import Loader, wait_until

import triton_cases  # isort: skip
import triton_repository  # isort: skip
from triton_ask import Server  # isort: skip
from triton_record import ANSWERS  # isort: skip

HERE = Path(__file__).resolve().parent
# Why, then name and answer.
GROUPS = json.loads((HERE / "different.json").read_text(encoding="utf-8"))
DIFFERENT = {name: answer for group in GROUPS.values() for name, answer in group.items()}
RECORDED = json.loads(ANSWERS.read_text(encoding="utf-8"))["answers"]
CASES = triton_cases.cases()
START_LIMIT_S = 120


@pytest.fixture(scope="module")
def answers(binaries, tmp_path_factory):
    """What we answer, asked in the order of the recording."""
    folder = tmp_path_factory.mktemp("ours")
    repository = triton_repository.copied_to(folder / "models")
    config = {
        "models": {
            "repository": [str(repository)],
            "load": triton_repository.LOADED,
            "on_demand": False,  # As Triton's control mode "explicit".
        },
        "oip": {"server_name": "triton"},
    }
    loader = Loader(binaries, folder / "loader", config=config)
    with contextlib.ExitStack() as stack:
        stack.callback(loader.kill)
        loader.start(ready=False)
        wait_until(
            lambda: loader.web.get("/v2/health/ready").status == 200, "all models", START_LIMIT_S
        )
        ports = (int(each.rpartition(":")[2]) for each in (loader.http, loader.grpc))
        server = stack.enter_context(Server(*ports))
        yield {case["name"]: server.ask(case) for case in CASES}


def test_every_case_was_recorded():
    assert [case["name"] for case in CASES] == list(RECORDED)
    assert sum(not name.startswith("random-") for name in RECORDED) >= 80
    assert sum(name.startswith("random-") for name in RECORDED) == 20


def test_every_difference_is_one():
    assert [name for name, answer in DIFFERENT.items() if answer == RECORDED[name]] == []


@pytest.mark.parametrize("name", RECORDED)
def test_answer_is_that_of_the_original(answers, name):
    assert answers[name] == DIFFERENT.get(name, RECORDED[name])
