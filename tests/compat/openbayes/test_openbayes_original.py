# SPDX-License-Identifier: Apache-2.0
"""The original still answers as it was recorded: a few of the cases, asked of it again."""

import base64
import json

import pytest
from openbayes_cases import all_cases, asked
from openbayes_served import PEERS

NAMES = [
    "result dict",
    "result nested-bytes",
    "result jpeg",
    "accept 'text/html' of dict",
    "json of text/plain",
    "json b'{'",
    "json b'NaN'",
    "GET",
    "PUT",
    "POST of a page",
    "preflight {}",
]
CASES = [case for case in all_cases() if case.name in NAMES]


@pytest.fixture(scope="module")
def python():
    """The Python that has openbayes-serving 0.5.0."""
    from environments import python_of

    return python_of("openbayes")


def test_original_answers_as_recorded(python):
    from openbayes_record import original

    recorded = json.loads((PEERS / "answers.json").read_text(encoding="utf-8"))["answers"]
    assert len(CASES) == len(NAMES) and {case.program for case in CASES} == {"by_json"}
    with original(python, "by_json", False) as address:
        for case in CASES:
            status, fields, body = asked(address, case)
            of_then = recorded[case.name]
            assert (status, body) == (of_then["status"], base64.b64decode(of_then["body"])), (
                case.name
            )
            kept = {tuple(field) for field in of_then["fields"] if field[0] != "allow"}
            assert {field for field in fields if field[0] != "allow"} == kept, case.name
