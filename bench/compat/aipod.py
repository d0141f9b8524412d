#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compares predict of AIPOD's own server with ours: the same model, the same client, in turns.

    bench/compat/aipod.py [--seconds 2] [--turns 3]

The client is xtest, with gRPC. Prints calls/s at 32 in flight and the median of a call at 1 in
flight. The original has an environment of its own (tests/peers); AIGES_BIN names the folder of
AIService and xtest.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "scripts"), str(ROOT / "tests" / "peers")]

from environments import python_of  # noqa: E402
from free_ports import free_ports  # noqa: E402

BIN = Path(os.environ.get("AIGES_BIN", ROOT / "build" / "bin")).resolve()
MODEL = """
from aipod.model import AIModelBase
from aipod.rpc.server import serve


class Model(AIModelBase):
    def predict(self, x=0, **kwargs):
        return {"y": x}


serve(Model)
"""
REQUEST = b'\x0a\x08{"x": 1}\x12\x02v1'


class Server:
    """One of the two, with the model of this bench."""

    def __init__(self, name, python, folder, environment):
        self.name, self.port, self.runs = name, free_ports(1)[0], 0
        folder.mkdir()
        (folder / "main.py").write_text(MODEL)
        env = {**os.environ, "AIPOD_LISTEN_PORT": str(self.port), "PYTHONUNBUFFERED": "1"}
        env.pop("PYTHONPATH", None)
        self.process = subprocess.Popen(
            [python, "main.py"],
            cwd=folder,
            env={**env, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        line = self.process.stdout.readline()
        assert line == f"listening address: [::]:{self.port}\n", line

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    def load(self, folder, in_flight, seconds):
        """(calls/s, p50 in µs) of xtest with so many calls in flight."""
        self.runs += 1
        body, out = folder / "request", folder / f"{self.name}-{self.runs}.json"
        body.write_bytes(REQUEST)
        command = [BIN / "xtest", "-protocol=grpc", "-path=/ai.AI/predict", f"-body={body}"]
        command += [f"-target=127.0.0.1:{self.port}", f"-concurrency={in_flight}", "-metrics=off"]
        command += [f"-duration={seconds}s", "-warmup=1s", f"-json={out}", "-no-results", "-quiet"]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        step = json.loads(out.read_text())["steps"][0]
        assert step["failed"] == 0, step["codes"]
        return step["throughput"], step["latency"]["p50_ns"] / 1000


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=2.0, help="of each turn (default 2)")
    parser.add_argument("--turns", type=int, default=3, help="default 3; medians are shown")
    given = parser.parse_args()
    python, seconds, turns = python_of("aipod"), given.seconds, given.turns
    ours = {"PYTHONPATH": f"{ROOT / 'compat/aipod'}:{ROOT / 'sdk'}", "AIGES_BIN": str(BIN)}
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        servers = [
            stack.enter_context(Server("original", str(python), folder / "original", {})),
            stack.enter_context(Server("aiges", sys.executable, folder / "aiges", ours)),
        ]
        got = {server.name: {32: [], 1: []} for server in servers}
        for _ in range(turns):
            for in_flight in (32, 1):
                for server in servers:
                    got[server.name][in_flight].append(server.load(folder, in_flight, seconds))
    rates = {name: statistics.median(rate for rate, _ in runs[32]) for name, runs in got.items()}
    times = {name: statistics.median(p50 for _, p50 in runs[1]) for name, runs in got.items()}
    for name in rates:
        print(f"{name:9} {rates[name]:9.0f} calls/s at 32   p50 {times[name]:7.0f} us at 1")
    print(
        f"ratio     {rates['aiges'] / rates['original']:9.1f}                 "
        f"    {times['aiges'] / times['original']:7.2f}"
    )


if __name__ == "__main__":
    main()
