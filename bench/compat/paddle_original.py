#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compares Paddle Serving's pipeline server with ours: the same services, one client, in turns.

    bench/compat/paddle_original.py [--seconds 2] [--turns 3] [--only ROW,..] [--sides original,..]

The client is xtest. Rows: one op that does nothing, by HTTP and gRPC at 32 and 1 in flight; two ops
with an array of 1 MB between them, as threads and as processes; and an op that answers up to 8
requests together in 5 ms. The original has an environment of its own (tests/peers);
AIGES_BIN names the folder of AIService and xtest.
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
PEERS = ROOT / "tests" / "peers"
sys.path[:0] = [str(PEERS), str(PEERS / "paddle_server")]

import paddle_wire  # noqa: E402
from environments import python_of  # noqa: E402
from paddle_pipeline_ask import METHOD  # noqa: E402
from paddle_pipeline_start import Service  # noqa: E402

BIN = Path(os.environ.get("AIGES_BIN", ROOT / "build" / "bin")).resolve()
HEAD = """import time

import numpy as np
from paddle_serving_server.web_service import Op, WebService
"""
TAIL = """
class BenchService(WebService):
    def get_pipeline_response(self, read_op):
        return graph(read_op)


service = BenchService(name="bench")
service.prepare_pipeline_config("config.yml")
service.run_service()
"""
NOP = """
def graph(read_op):
    return Op(name="nop", input_ops=[read_op])
"""
TWO = """
class ImageOp(Op):
    def preprocess(self, input_dicts, data_id, log_id):
        return {"image": np.ones((1, 3, 295, 296), np.float32)}, False, None, ""


class SizeOp(Op):
    def postprocess(self, input_dicts, fetch_dict, data_id, log_id):
        return {"size": str(fetch_dict["image"].nbytes)}, None, ""


def graph(read_op):
    return SizeOp(name="size", input_ops=[ImageOp(name="image", input_ops=[read_op])])
"""
BATCHED = """
class BatchedOp(Op):
    def preprocess(self, input_dicts, data_id, log_id):
        return {"x": np.ones((1, 4), np.float32)}, False, None, ""

    def process(self, feed_batch, typical_logid=0):
        time.sleep(0.005)
        return {"y": feed_batch[0]["x"] * 2}, 0, ""

    def postprocess(self, input_dicts, fetch_data, data_id, log_id):
        return {"y": repr(fetch_data["y"])}, None, ""


def graph(read_op):
    return BatchedOp(name="batched", input_ops=[read_op])
"""
CONFIG = "rpc_port: 9998\nhttp_port: 18082\nworker_num: 40\ndag:\n  is_thread_op: true\nop: {}\n"
REMOTE = {"server_endpoints": ["127.0.0.1:9"], "client_type": "pipeline_grpc", "fetch_list": ["y"]}
BATCHING = {"concurrency": 1, "timeout": -1, "retry": 1, "batch_size": 8}
BATCHING = {**BATCHING, "auto_batching_timeout": 2, **REMOTE}
SERVICES = {  # Program, and what config.yml has more.
    "nop": (NOP, {}),
    "two_threads": (TWO, {}),
    "two_processes": (TWO, {"dag": {"is_thread_op": False}}),
    "batched": (BATCHED, {"op": {"batched": BATCHING}}),
}
ROWS = {  # Service, protocol, calls in flight.
    "nop_http_32": ("nop", "http", 32),
    "nop_http_1": ("nop", "http", 1),
    "nop_grpc_32": ("nop", "grpc", 32),
    "nop_grpc_1": ("nop", "grpc", 1),
    "1mb_threads_8": ("two_threads", "http", 8),
    "1mb_processes_8": ("two_processes", "http", 8),
    "1mb_processes_1": ("two_processes", "http", 1),
    "batched_http_32": ("batched", "http", 32),
}
LIMIT_MS = 30_000  # The original has calls that wait for seconds.
ASKED = {"key": ["x"], "value": ["0.0137, -0.1136, 0.2553, -0.0692"]}


def written(folder):
    """The services' folders, and the arguments of xtest for each protocol."""
    for name, (program, _) in SERVICES.items():
        place = folder / "services" / name
        place.mkdir(parents=True)
        (place / "web_service.py").write_text(HEAD + program + TAIL)
        (place / "config.yml").write_text(CONFIG)
    (folder / "xtest.toml").write_text(f"[svcMode]\ntimeout = {LIMIT_MS}\n")
    (folder / "http").write_text(json.dumps(ASKED))
    (folder / "grpc").write_bytes(paddle_wire.request(paddle_wire.NEW, ASKED))
    http = ["-protocol=http", "-path=/bench/prediction", f"-body={folder / 'http'}"]
    grpc = ["-protocol=grpc", f"-path={METHOD}", f"-body={folder / 'grpc'}"]
    return {"http": [*http, "-header=Content-Type: application/json"], "grpc": grpc}


def load(folder, service, request, in_flight, seconds):
    """(calls/s, p50 in µs) of xtest with so many calls in flight."""
    http, out = "-protocol=http" in request, folder / "load.json"
    out.unlink(missing_ok=True)
    port = service.http_port if http else service.rpc_port
    command = [BIN / "xtest", *request, f"-target=127.0.0.1:{port}"]
    command += [f"-concurrency={in_flight}", f"-duration={seconds}s", "-warmup=1s"]
    command += [f"-json={out}", "-no-results", "-quiet", "-metrics=off"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    step = json.loads(out.read_text())["steps"][0]
    assert step["failed"] == 0, step["codes"]
    return step["throughput"], step["latency"]["p50_ns"] / 1000


def measured(folder, sides, only, given):
    """{(row, side): [(calls/s, p50)]}; the sides of a service run beside each other, in turns."""
    requests, found = written(folder), {}
    for name, (_, more) in SERVICES.items():
        rows = [row for row in only if ROWS[row][0] == name]
        if not rows:
            continue
        with ExitStack() as stack:
            running = {}
            for side, (python, environment) in sides.items():
                place = folder / f"{name}-{side}"
                place.mkdir()
                service = Service(python, folder / "services" / name, place, more, environment)
                running[side] = stack.enter_context(service)
            for row in rows * given.turns:
                _, protocol, in_flight = ROWS[row]
                for side, service in running.items():
                    each = load(folder, service, requests[protocol], in_flight, given.seconds)
                    found.setdefault((row, side), []).append(each)
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=2.0, help="of each turn (default 2)")
    parser.add_argument("--turns", type=int, default=3, help="default 3; medians are shown")
    parser.add_argument("--only", default=",".join(ROWS), help="rows, with commas between")
    parser.add_argument("--sides", default="original,aiges", help="who is measured")
    given = parser.parse_args()
    path = os.pathsep.join([str(ROOT / "sdk"), str(ROOT / "compat" / "paddle")])
    sides = {
        "original": (python_of("paddle_server"), None),
        "aiges": (sys.executable, {"PYTHONPATH": path, "AIGES_BIN": str(BIN)}),
    }
    sides = {side: sides[side] for side in given.sides.split(",")}
    only = given.only.split(",")
    with tempfile.TemporaryDirectory() as folder:
        found = measured(Path(folder), sides, only, given)
    for row in only:
        for side in sides:
            rates, times = zip(*found[row, side])
            rate, p50 = statistics.median(rates), statistics.median(times)
            print(f"{row:16} {side:9}{rate:9.0f} calls/s   p50 {p50:8.0f} us")


if __name__ == "__main__":
    main()
