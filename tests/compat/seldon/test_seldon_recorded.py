# SPDX-License-Identifier: Apache-2.0
"""The same units give the answers that seldon-core 1.18.2 gave, but where docs say why not.

Recorded by tests/peers/seldon/seldon_record.py.
"""

import json

import grpc
import pytest
import seldon_cases
import seldon_record as record
from seldon_service import PEERS, Service

RECORDED = json.loads((PEERS / "answers.json").read_text(encoding="utf-8"))["answers"]
ORDER = list(seldon_cases.UNITS)
CASES, CALLS = seldon_cases.cases(), seldon_cases.grpc_cases()


def failure(info, reason="MICROSERVICE_INTERNAL_ERROR"):
    return {"status": {"code": -1, "info": info, "reason": reason, "status": 1}}


# Status and body of what we answer otherwise: docs/compat/seldon.md has the reasons.
NOT_ALLOWED = "405 Method Not Allowed: The method is not allowed for the requested URL."
DIFFERENT = {
    "wrong-method": (405, failure(NOT_ALLOWED)),
    "raw-feedback": (200, {"strData": "reward 0.5"}),
    "passes-json": (
        200,
        {"X": "b'{\"not\": [parsed'", "kind": "bytes", "meta": None, "names": []},
    ),
    "passes-form": (200, {"X": "'text'", "kind": "str", "meta": None, "names": []}),
}
RAGGED = (
    "setting an array element with a sequence. The requested array has an inhomogeneous shape "
    "after 1 dimensions. The detected shape was (2,) + inhomogeneous part."
)
BAD_TYPE = "Unknown data type returned as payload (must be list or np array):"


def status(code, details):
    return {"code": code, "details": details}


# Of gRPC: the text that the original drops, and a code that tells whose fault it is.
DIFFERENT_CALLS = {
    "grpc-result-bytearray": {"message": {"meta": {}, "binData": "cmF3"}},
    "grpc-result-tuple": status("INTERNAL", BAD_TYPE + "(1, 2)"),
    "grpc-result-float": status("INTERNAL", BAD_TYPE + "1.5"),
    "grpc-result-number": status("INTERNAL", BAD_TYPE + "7"),
    "grpc-result-set": status("INTERNAL", BAD_TYPE + "{1}"),
    "grpc-result-response-bad-metrics": status(
        "INTERNAL", 'Bad metric created during request: [{"type": "NOPE"}]'
    ),
    "grpc-result-raise": status("INTERNAL", "broken \u00e9"),
    "grpc-result-raise-seldon": status("INVALID_ARGUMENT", "my words"),
    "grpc-result-raise-default": status("INVALID_ARGUMENT", "my words"),
    "grpc-result-raise-teapot": status("INTERNAL", "short and stout"),
    "grpc-body-ndarray-ragged": status("INVALID_ARGUMENT", RAGGED),
    "grpc-body-tensor-shape": status(
        "INVALID_ARGUMENT", "cannot reshape array of size 2 into shape (3,)"
    ),
    "grpc-body-nothing": status(
        "INVALID_ARGUMENT",
        "Unknown data in SeldonMessage: expected data, binData, strData, jsonData or customData, "
        "got none of them",
    ),
    "grpc-graph-metadata": status(
        "UNIMPLEMENTED",
        "GraphMetadata is the orchestrator's: this service knows its own model only",
    ),
    "grpc-bare-route": status("UNIMPLEMENTED", "Route not defined"),
    "grpc-odd": status(
        "INTERNAL",
        'Bad metric created during request: [{"type": "COUNTER", "key": "k", "value": 1}]',
    ),
    "grpc-odd-metadata": status("INTERNAL", "Model metadata unavailable"),
}
# The host says so in its own words, whose text is not fixed here.
NOT_FOUND = "no-such-path"


@pytest.fixture(scope="module", params=ORDER)
def served(request, binaries, tmp_path_factory):
    """The unit's name, and a service of it."""
    name, arguments, environment = seldon_cases.UNITS[request.param]
    folder, source = tmp_path_factory.mktemp(request.param), PEERS / "peer_units.py"
    name = f"peer_units.{name}"
    with Service(binaries, folder, name, *arguments, sources=[source], env=environment) as service:
        yield request.param, service


def test_every_case_was_recorded():
    names = [case["name"] for case in CASES] + [name for name, *_ in CALLS]
    assert sorted(names) == sorted(RECORDED) and len(CASES) >= 60
    assert {*DIFFERENT, NOT_FOUND, *DIFFERENT_CALLS} <= set(names)


def test_rest_answers_like_the_original(served):
    unit, service = served
    wrong = []
    for case in CASES:
        if case["unit"] != unit:
            continue
        expected, answer = RECORDED[case["name"]], record.ask(service.rest, case)
        if case["name"] == NOT_FOUND:
            assert (answer["status"], expected["status"]) == (404, 500)
            continue
        if case["name"] in DIFFERENT:
            answer = (answer["status"], json.loads(answer["body"]))
            assert answer != (expected["status"], json.loads(expected["body"]))
            expected = DIFFERENT[case["name"]]
        if answer != expected:
            wrong.append((case["name"], expected, answer))
    assert not wrong


def test_grpc_answers_like_the_original(served):
    unit, service = served
    wrong = []
    with grpc.insecure_channel(f"127.0.0.1:{service.grpc}") as channel:
        for name, its, method, request in CALLS:
            if its != unit:
                continue
            expected, answer = RECORDED[name], record.ask_grpc(channel, method, request)
            if name in DIFFERENT_CALLS:
                assert answer != expected
                expected = DIFFERENT_CALLS[name]
            if answer != expected:
                wrong.append((name, expected, answer))
    assert not wrong
