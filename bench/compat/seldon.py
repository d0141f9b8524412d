#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compares predict of Seldon Core's own server with ours: one model, one client, in turns.

    bench/compat/seldon.py [--seconds 2] [--turns 3]

The client is xtest: REST with an ndarray of 1 x 4, gRPC with a tensor of 1 x 4. Prints calls/s at
32 in flight, the median of a call at 1 in flight, and the memory of all processes with a model of
200 MB. The original has an environment of its own (tests/peers); AIGES_BIN names the
folder of AIService and xtest.
"""

import argparse
import http.client
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, suppress
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / folder) for folder in ("scripts", "sdk", "tests/peers")]

from aiges.contracts.seldon import _messages  # noqa: E402
from environments import python_of  # noqa: E402
from free_ports import free_ports  # noqa: E402

BIN = Path(os.environ.get("AIGES_BIN", ROOT / "build" / "bin")).resolve()
MODEL = """
import numpy as np


class Model:
    def load(self):
        self.weights = np.ones((4, 3))
        self.rest = np.ones(25_000_000)

    def predict(self, X, names, meta=None):
        return X @ self.weights
"""
ROW = [5.1, 3.5, 1.4, 0.2]
LIMIT_S = 60


def requests(folder):
    """The arguments of xtest for each protocol."""
    message = _messages.message("SeldonMessage")()
    message.data.tensor.shape.extend([1, 4])
    message.data.tensor.values.extend(ROW)
    (folder / "grpc").write_bytes(message.SerializeToString())
    (folder / "rest").write_text(json.dumps({"data": {"ndarray": [ROW]}}))
    rest = ["-protocol=http", "-path=/api/v1.0/predictions", f"-body={folder / 'rest'}"]
    grpc = ["-protocol=grpc", "-path=/seldon.protos.Model/Predict", f"-body={folder / 'grpc'}"]
    return {"REST": [*rest, "-header=Content-Type: application/json"], "gRPC": grpc}


def tree_of(pid):
    """A process and all that it has started."""
    found = [pid]
    with suppress(OSError):
        for task in os.listdir(f"/proc/{pid}/task"):
            children = Path(f"/proc/{pid}/task/{task}/children").read_text().split()
            found += [each for child in children for each in tree_of(int(child))]
    return found


class Server:
    """One of the two, with the model of this bench."""

    def __init__(self, name, python, folder, environment):
        self.name, self.runs = name, 0
        self.ports = dict(zip(("REST", "gRPC", "metrics"), free_ports(3)))
        folder.mkdir()
        (folder / "Model.py").write_text(MODEL)
        (folder / "aiges.toml").write_text('[svcName]\nhost = "127.0.0.1"\n')
        env = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "AIGES_COMPAT")}
        flags = {"http": "REST", "grpc": "gRPC", "metrics": "metrics"}
        self.process = subprocess.Popen(
            [python, "-m", "seldon_core.microservice", "Model"]
            + [f"--{flag}-port={self.ports[name]}" for flag, name in flags.items()],
            cwd=folder,
            env={**env, **environment},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def __enter__(self):
        deadline = time.monotonic() + LIMIT_S
        while not self._serves():
            assert time.monotonic() < deadline and self.process.poll() is None, self.name
            time.sleep(0.05)
        return self

    def _serves(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.ports["REST"], timeout=5)
        with suppress(OSError, http.client.HTTPException):
            connection.request("GET", "/health/status")
            return connection.getresponse().status == 200
        return False

    def __exit__(self, *_):
        pids = tree_of(self.process.pid)
        self.process.terminate()
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(10)
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, 9)
        self.process.wait()

    def memory_mb(self):
        """What its processes hold, shared pages counted once."""
        total = 0
        for pid in tree_of(self.process.pid):
            for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
                total += int(line.split()[1]) if line.startswith("Pss:") else 0
        return total / 1024

    def load(self, folder, protocol, request, in_flight, seconds):
        """(calls/s, p50 in µs) of xtest with so many calls in flight."""
        self.runs += 1
        out = folder / f"{self.name}-{self.runs}.json"
        command = [BIN / "xtest", *request, f"-target=127.0.0.1:{self.ports[protocol]}"]
        command += [f"-concurrency={in_flight}", f"-duration={seconds}s", "-warmup=1s"]
        command += [f"-json={out}", "-no-results", "-quiet", "-metrics=off"]
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
    python, seconds, turns = python_of("seldon"), given.seconds, given.turns
    ours = {"PYTHONPATH": f"{ROOT / 'compat/seldon'}:{ROOT / 'sdk'}", "AIGES_BIN": str(BIN)}
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        servers = [
            stack.enter_context(Server("original", str(python), folder / "o", {})),
            stack.enter_context(Server("aiges", sys.executable, folder / "a", ours)),
        ]
        asked = requests(folder)
        got = {(server.name, p, n): [] for server in servers for p in asked for n in (32, 1)}
        for _ in range(turns):
            for protocol, request in asked.items():
                for in_flight in (32, 1):
                    for server in servers:
                        got[server.name, protocol, in_flight].append(
                            server.load(folder, protocol, request, in_flight, seconds)
                        )
        memory = {server.name: server.memory_mb() for server in servers}
    for protocol in asked:
        rate, time_us = {}, {}
        for name in memory:
            rate[name] = statistics.median(each for each, _ in got[name, protocol, 32])
            time_us[name] = statistics.median(each for _, each in got[name, protocol, 1])
            print(
                f"{protocol} {name:9}{rate[name]:9.0f} calls/s at 32   p50 {time_us[name]:7.0f} us "
                "at 1"
            )
        print(
            f"{protocol} ratio    {rate['aiges'] / rate['original']:9.1f}                 "
            f"    {time_us['aiges'] / time_us['original']:7.2f}"
        )
    print(f"memory   original {memory['original']:.0f} MB   aiges {memory['aiges']:.0f} MB")


if __name__ == "__main__":
    main()
