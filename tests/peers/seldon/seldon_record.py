#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Records what the original answers: starts it once for each unit, and asks all of seldon_cases.

    tests/peers/seldon/seldon_record.py <python of the environment with seldon-core>

Writes answers.json beside itself, with the versions. make peers calls it.
"""

import contextlib
import http.client
import json
import os
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
sys.path[:0] = [str(HERE), str(ROOT / "scripts"), str(ROOT / "sdk")]

import grpc  # noqa: E402
import seldon_cases  # noqa: E402
from aiges.contracts.seldon import _messages, _stubs  # noqa: E402
from free_ports import free_ports  # noqa: E402
from google.protobuf import json_format  # noqa: E402

ANSWERS = HERE / "answers.json"
NAMED_HEADERS = ("content-type", "access-control-allow-origin")
START_LIMIT_S = 60


@contextlib.contextmanager
def original(unit, python, folder=HERE):
    """The original's server with that unit; gives its ports: REST, gRPC, metrics."""
    name, arguments, environment = seldon_cases.UNITS[unit]
    ports = free_ports(3)
    flags = [f"--{kind}-port={port}" for kind, port in zip(("http", "grpc", "metrics"), ports)]
    command = [str(python), "-m", "seldon_core.microservice", f"peer_units.{name}"]
    clean = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "AIGES_COMPAT")}
    process = subprocess.Popen(
        ["setpriv", "--pdeathsig", "KILL", *command, *arguments, *flags],
        cwd=folder,
        env={**clean, **environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        wait_until_served(ports[0], process)
        yield ports
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, 15)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(10)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, 9)
        process.wait()


def wait_until_served(port, process):
    deadline = time.monotonic() + START_LIMIT_S
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(OSError, http.client.HTTPException):
            if ask(port, {"method": "GET", "path": "/health/ping"})["status"] == 200:
                return
        time.sleep(0.05)
    raise RuntimeError(f"the original did not answer on port {port}")


def ask(port, case):
    """What is answered: status, the named headers, the body as text."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request(case["method"], case["path"], case.get("body"), case.get("headers", {}))
        answer = connection.getresponse()
        headers = {name: answer.getheader(name) for name in NAMED_HEADERS}
        body = answer.read().decode("utf-8", "backslashreplace")
        return {"status": answer.status, "headers": headers, "body": body}
    finally:
        connection.close()


def ask_grpc(channel, method, request):
    """What is answered: the message as JSON, or the status."""
    service, _, name = method.partition("/")
    taken = _messages.message(_messages.SERVICES[service][name][0])
    call = getattr(_stubs.made()[f"{service}Stub"](channel), name)
    try:
        answer = call(json_format.ParseDict(request, taken()), timeout=30)
    except grpc.RpcError as fault:
        return {"code": fault.code().name, "details": fault.details()}
    return {"message": json.loads(json_format.MessageToJson(answer))}


def versions(python):
    code = (
        "import importlib.metadata as m, json, sys;"
        "names = 'seldon-core Flask Werkzeug gunicorn numpy protobuf grpcio'.split();"
        "print(json.dumps({'python': sys.version.split()[0], **{n: m.version(n) for n in names}}))"
    )
    return json.loads(subprocess.check_output([str(python), "-c", code]))


def record(python):
    found = {}
    for unit in seldon_cases.UNITS:
        with original(unit, python) as ports:
            for case in seldon_cases.cases():
                if case["unit"] == unit:
                    found[case["name"]] = ask(ports[0], case)
            with grpc.insecure_channel(f"127.0.0.1:{ports[1]}") as channel:
                grpc.channel_ready_future(channel).result(30)
                for name, its, method, request in seldon_cases.grpc_cases():
                    if its == unit:
                        found[name] = ask_grpc(channel, method, request)
    return {"versions": versions(python), "answers": found}


if __name__ == "__main__":
    recorded = record(sys.argv[1])
    ANSWERS.write_text(json.dumps(recorded, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    print(f"{ANSWERS}: {len(recorded['answers'])} answers")
