# SPDX-License-Identifier: Apache-2.0
"""The oldest and the newest grpcio that PyPI has as a wheel for a Python, as clients."""

import base64
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from environment import run
from loader_process import Loader
from pythons import find_python
from xsf_client import STREAM, Answer

HERE = Path(__file__).resolve().parent
# Python, grpcio.
VERSIONS = [("3.9", "1.33.1"), ("3.9", "1.80.1"), ("3.13", "1.66.2"), ("3.13", "1.85.3")]


@pytest.fixture(scope="module")
def loader(binaries, tmp_path_factory):
    config = {"instances": {"library": str(binaries.engine)}}
    with Loader(binaries, tmp_path_factory.mktemp("engine"), config=config) as loader:
        yield loader


@pytest.fixture(scope="module", params=VERSIONS, ids="-grpcio".join)
def client(request, tmp_path_factory):
    """(version, program, environment) of a Python with that grpcio."""
    python, version = request.param
    program = find_python(python)
    if program is None:
        pytest.skip(f"no Python {python} on this machine")
    folder = tmp_path_factory.mktemp("grpcio")
    pip = [sys.executable, "-m", "pip", "install", "-q", "--disable-pip-version-check"]
    there = ["--target", folder, "--python-version", python, "--only-binary=:all:", "--no-compile"]
    run([*pip, *there, f"grpcio=={version}"])
    return version, program, {"PATH": os.environ["PATH"], "PYTHONPATH": str(folder)}


def call(path, kind, *messages):
    texts = [base64.b64encode(message.SerializeToString()).decode() for message in messages]
    return {"path": path, "kind": kind, "messages": texts}


def test_calls_streams_and_health_are_served(loader, client):
    import loader_pb2
    from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
    from xsf_pb2 import ResData

    version, program, env = client
    xsf = loader.xsf
    once = xsf.request(xsf.input(xsf.payload("in", b"hello")), wait_ms=60000)
    pieces = [
        xsf.input(xsf.payload("in", piece, status=str(status)), state=STREAM)
        for status, piece in enumerate((b"one", b"two", b"three"))
    ]
    asked = {
        "address": loader.grpc,
        "calls": [
            call("/utils.XsfCall/call", "unary_unary", once),
            call("/aiges.v1.Stream/Run", "stream_stream", *pieces),
            call("/grpc.health.v1.Health/Check", "unary_unary", HealthCheckRequest()),
        ],
    }
    said = subprocess.run(
        [program, "-W", "error", HERE / "grpcio_calls.py"],
        input=json.dumps(asked),
        env=env,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert said.returncode == 0, said.stderr
    answer = json.loads(said.stdout)
    assert answer["version"] == version
    (called,), streamed, (health,) = (
        [base64.b64decode(message) for message in messages] for messages in answer["answers"]
    )
    assert Answer(ResData.FromString(called)).data("out") == b"HELLO"
    outputs = [loader_pb2.LoaderOutput.FromString(message) for message in streamed]
    assert [p.data for output in outputs for p in output.pl if p.data] == [b"ONE", b"TWO", b"THREE"]
    assert (outputs[-1].code, outputs[-1].status) == (0, 2)
    assert HealthCheckResponse.FromString(health).status == HealthCheckResponse.SERVING
