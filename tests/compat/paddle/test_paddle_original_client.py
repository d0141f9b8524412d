# SPDX-License-Identifier: Apache-2.0
"""paddle-serving-client 0.9.0 itself, with its library in C++, against our GeneralModelService.

It runs in an environment of tests/peers with Python 3.9, where there is one; the service needs
Paddle for its models.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from free_ports import free_ports

PEERS = Path(__file__).resolve().parents[2] / "peers"
sys.path += [str(PEERS), str(PEERS / "paddle_server")]

import paddle_client_cases  # noqa: E402
from environments import NoSuchPython, python_of  # noqa: E402
from paddle_client_libraries import environment  # noqa: E402

NAMES = list(paddle_client_cases.cases({}, {}, {}))
LIMIT_S = 120


@pytest.fixture(scope="module")
def original_python():
    try:
        return python_of("paddle_server")
    except NoSuchPython as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def given(original_python, models, tmp_path_factory):
    """{name: (what the original's client gives, what is expected)}"""
    from paddle_command import Service

    ports = dict(zip(("fit_a_line", "imdb", "dead"), free_ports(3)))
    folder = tmp_path_factory.mktemp("services")
    about = {
        name: {"config": str(models / f"{model}_client"), "port": ports[name]}
        for name, model in (("fit_a_line", "fit_a_line"), ("imdb", "imdb"), ("dead", "fit_a_line"))
    }
    asked = paddle_client_cases.cases(*(about[name] for name in ports))
    housing = Service(folder / "a", ports["fit_a_line"], "--model", models / "fit_a_line_model")
    reviews = Service(folder / "b", ports["imdb"], "--model", models / "imdb_model")
    with housing, reviews:
        done = subprocess.run(
            [original_python, PEERS / "paddle_server" / "paddle_client_calls.py"],
            input=json.dumps([call for call, _ in asked.values()]),
            env=environment(original_python),
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
        )
    assert done.returncode == 0, done.stderr[-2000:]
    answers = json.loads(done.stdout)
    return {name: (each, asked[name][1]) for name, each in zip(asked, answers)}


def same(answer, expected):
    if isinstance(expected, float):
        return answer == pytest.approx(expected, rel=1e-5)
    if isinstance(expected, dict) and isinstance(answer, dict):
        return answer.keys() == expected.keys() and all(
            same(answer[key], each) for key, each in expected.items()
        )
    if isinstance(expected, list) and isinstance(answer, list):
        pairs = zip(answer, expected)
        return len(answer) == len(expected) and all(same(*pair) for pair in pairs)
    return answer == expected


@pytest.mark.parametrize("name", NAMES)
def test_original_client_is_served(given, name):
    answer, expected = given[name]
    assert same(answer, expected), answer
