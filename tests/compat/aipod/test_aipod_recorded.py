# SPDX-License-Identifier: Apache-2.0
"""We answer what the original has answered, byte for byte; each difference is listed here."""

import json

import pytest
from aipod_host import AipodCommand
from loader_process import ROOT

from aipod_cases import CASES, ask  # isort: skip
from aipod_record import ANSWERS, original  # isort: skip

RECORDED_MODEL = ROOT / "tests" / "peers" / "aipod" / "recorded_model.py"
ANSWERS_OF = json.loads(ANSWERS.read_text())["answers"]
TO_ORIGINAL = CASES[::12]  # Asked of the original, too, wherever this runs.

# docs/compat/aipod.md, "What is different".
_NO_FOLDER = (
    "version {!r}: expected a name, or names joined by single slashes, without "
    '"." and ".." among them: it is a folder in the data folder'
)
DIFFERENT = {
    f"version {version}": ["INVALID_ARGUMENT", _NO_FOLDER.format(version), None]
    for version in ("../out", "a//b", "./v1", "a/..")
}


@pytest.fixture(scope="module")
def answers(binaries, tmp_path_factory):
    with AipodCommand(binaries, tmp_path_factory.mktemp("ours"), RECORDED_MODEL) as command:
        yield {case[0]: ask(command.channel, case) for case in CASES}


def test_every_case_has_been_recorded():
    assert [case[0] for case in CASES] == list(ANSWERS_OF) and len(CASES) >= 80


@pytest.mark.parametrize("name", [case[0] for case in CASES])
def test_answer_is_that_of_the_original(answers, name):
    assert list(answers[name]) == DIFFERENT.get(name, ANSWERS_OF[name])


def test_the_original_still_answers_so(original_python, tmp_path):
    with original(str(original_python), tmp_path) as channel:
        for case in TO_ORIGINAL:
            assert list(ask(channel, case)) == ANSWERS_OF[case[0]], case[0]
