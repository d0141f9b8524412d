#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Records what AIPOD's own server answers to aipod_cases.py.

    tests/peers/aipod/aipod_record.py <its python> [answers.json]

The Python has aipod 1.0.0, protobuf 3.20.3 and grpcio; ours has grpcio.
"""

import json
import os
import socket
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

import grpc

HERE = Path(__file__).resolve().parent
ANSWERS = HERE / "answers.json"
sys.path.insert(0, str(HERE))

from aipod_cases import CASES, ask  # noqa: E402

_VERSIONS = """
import importlib.metadata as m, json, sys
names = ("aipod", "grpcio", "protobuf")
print(json.dumps({"python": sys.version.split()[0], **{n: m.version(n) for n in names}}))
"""


def _free_port():
    with socket.create_server(("127.0.0.1", 0)) as one:
        return one.getsockname()[1]


@contextmanager
def original(python, folder, program=HERE / "recorded_model.py", **environment):
    """The original's server, with a channel to it."""
    port = _free_port()
    env = {**os.environ, "AIPOD_LISTEN_PORT": str(port), "PYTHONUNBUFFERED": "1", **environment}
    env.pop("PYTHONPATH", None)
    command = [python, str(program)]
    server = subprocess.Popen(
        command, cwd=folder, env=env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    try:
        line = server.stdout.readline()
        assert line == f"listening address: [::]:{port}\n", line
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            yield channel
    finally:
        server.kill()
        server.wait()
        server.stdout.close()


def main():
    given, *rest = sys.argv[1:]
    python = str(Path(given).absolute())
    versions = json.loads(subprocess.check_output([python, "-c", _VERSIONS]))
    with tempfile.TemporaryDirectory() as folder, original(python, folder) as channel:
        answers = {case[0]: ask(channel, case) for case in CASES}
    assert len(answers) == len(CASES), "two cases have one name"
    text = json.dumps({"versions": versions, "answers": answers}, indent=1)
    Path(rest[0] if rest else ANSWERS).write_text(text + "\n", encoding="utf-8")
    print(f"{len(answers)} answers of {versions}")


if __name__ == "__main__":
    main()
