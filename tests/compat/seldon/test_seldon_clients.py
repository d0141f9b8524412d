# SPDX-License-Identifier: Apache-2.0
"""Seldon's own clients against us, our client beside them, and the original as it is today."""

import json
import os
import subprocess
import sys

import pytest
import seldon_cases
import seldon_record as record
from loader_process import ROOT
from seldon_service import COMPAT, HERE, PEERS, Service

RECORDED = json.loads((PEERS / "answers.json").read_text(encoding="utf-8"))
CONTRACT = {
    "features": [
        {"name": "a", "dtype": "FLOAT", "ftype": "continuous", "range": [0, 1]},
        {"name": "b", "dtype": "FLOAT", "ftype": "continuous", "range": [0, 1]},
    ],
    "targets": [
        {"name": "left", "dtype": "FLOAT", "ftype": "continuous", "range": [0, 1]},
        {"name": "right", "dtype": "FLOAT", "ftype": "continuous", "range": [0, 1]},
    ],
}


@pytest.fixture(scope="module")
def service(binaries, tmp_path_factory):
    source = PEERS / "peer_units.py"
    folder = tmp_path_factory.mktemp("unit")
    with Service(binaries, folder, "peer_units.Unit", sources=[source]) as service:
        yield service


def run(*command, env=None, folder=None):
    clean = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    done = subprocess.run(
        list(map(str, command)),
        env={**clean, **(env or {})},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr if env is None else done.stdout


def client_calls(service, python, env):
    addresses = [f"127.0.0.1:{port}" for port in (service.rest, service.grpc)]
    text = run(python, HERE / "seldon_client_calls.py", *addresses, env=env)
    return json.loads(text.splitlines()[-1])


@pytest.fixture(scope="module")
def originals_calls(service, original_python):
    return client_calls(service, original_python, {"PYTHONPATH": ""})


def test_client_of_the_original_works_with_every_gateway(originals_calls):
    failed = [name for name, success, answer in originals_calls if not success or answer is None]
    assert not failed and len(originals_calls) > 60
    answers = {name: answer for name, _, answer in originals_calls}
    for transport in ("rest", "grpc"):
        for gateway in ("seldon", "ambassador", "istio"):
            tensor = answers[f"{transport} {gateway} tensor dict"]["data"]["tensor"]
            assert tensor == {"shape": [1, 2], "values": [1.0, 2.0]}
            assert answers[f"{transport} {gateway} ndarray proto"]["data"]["ndarray"] == [[1, 2]]


def test_our_client_gets_what_the_originals_gets(service, originals_calls):
    paths = os.pathsep.join([str(COMPAT), str(ROOT / "sdk")])
    ours = client_calls(service, sys.executable, {"PYTHONPATH": paths})

    def told(calls):
        return [call for call in calls if "random" not in call[0]]

    assert told(ours) == told(originals_calls)


@pytest.mark.parametrize("flags", [[], ["-t"], ["--grpc"], ["--grpc", "-t"]])
@pytest.mark.parametrize("endpoint", ["predict", "send-feedback", "transform-input"])
def test_tester_of_the_original_is_content(service, original_python, tmp_path, flags, endpoint):
    file = tmp_path / "contract.json"
    file.write_text(json.dumps(CONTRACT))
    port = service.grpc if "--grpc" in flags else service.rest
    tester = original_python.parent / "seldon-core-microservice-tester"
    text = run(
        *(tester, file, "127.0.0.1", port, "--endpoint", endpoint, "-n", 2, "-b", 2, "-p", *flags)
    )
    assert "RECEIVED RESPONSE" in text and "FAILURE" not in text


@pytest.mark.parametrize("flags", [["-t"], ["--grpc"]])
def test_tester_through_a_gateway_is_content(service, original_python, tmp_path, flags):
    file = tmp_path / "contract.json"
    file.write_text(json.dumps(CONTRACT))
    port = service.grpc if "--grpc" in flags else service.rest
    tester = original_python.parent / "seldon-core-api-tester"
    where = ("127.0.0.1", port, "name", "--namespace", "space")
    assert "'names': ['left', 'right']" in run(tester, file, *where, "-p", *flags)


@pytest.mark.parametrize(
    ("transport", "gateway", "size"),
    [("rest", "seldon", 1), ("rest", "istio", 4), ("grpc", "seldon", 4), ("rest", "ambassador", 2)],
)
def test_batch_processor_of_the_original_gets_every_answer(
    service, original_python, tmp_path, transport, gateway, size
):
    rows, out = tmp_path / "in.txt", tmp_path / "out.txt"
    rows.write_text("".join(f"[[{n}.0, {n + 1}.0]]\n" for n in range(10)))
    port = service.grpc if transport == "grpc" else service.rest
    options = {"deployment-name": "name", "gateway-type": gateway, "namespace": "space",
               "host": f"127.0.0.1:{port}", "transport": transport, "data-type": "data",
               "payload-type": "ndarray", "workers": 3, "batch-size": size,
               "input-data-path": rows, "output-data-path": out}  # fmt: skip
    flags = [text for name, value in options.items() for text in (f"--{name}", value)]
    run(original_python.parent / "seldon-batch-processor", *flags)
    answers = [json.loads(line) for line in out.read_text().splitlines()]
    indexes = {int(answer["meta"]["tags"]["batch_index"]) for answer in answers}
    assert indexes == set(range(10))
    for answer in answers:
        number = int(answer["meta"]["tags"]["batch_index"])
        assert answer["data"]["ndarray"] == [[number, number + 1]], answer


def test_the_original_still_answers_what_was_recorded(original_python):
    versions = {**record.versions(original_python), "python": RECORDED["versions"]["python"]}
    assert versions == RECORDED["versions"]
    wanted = [case for case in seldon_cases.cases() if case["unit"] == "seen"][:10]
    with record.original("seen", original_python) as ports:
        for case in wanted:
            assert record.ask(ports[0], case) == RECORDED["answers"][case["name"]], case["name"]


def test_environment_of_the_original_runs_us(binaries, original_python, tmp_path):
    """protobuf 3.20, prometheus-client 0.8, Flask 2.2: what requirements of users bring."""
    source = HERE / "seldon_units.py"
    with Service(binaries, tmp_path, "seldon_units.Counted", sources=[source],
                 python=str(original_python)) as service:  # fmt: skip
        for _ in range(2):
            status, answer = service.post("/predict", {"data": {"ndarray": [[1]]}})
            assert status == 200 and answer["data"]["ndarray"] == [[1]]
        text = service.get("/metrics", service.metrics)[1]
        assert "answers_total{" in text and "level{" in text
        calls = client_calls(service, original_python, {"PYTHONPATH": ""})
        assert calls[0][1] and [c for c in calls if c[0].startswith("grpc seldon")][0][1]
