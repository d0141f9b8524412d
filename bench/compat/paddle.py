#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Pipelines of Paddle Serving on AIGES, against what the original does on the same machine.

    bench/compat/paddle.py [--turns 3] [--seconds 3] [--rows pipeline_http_32 ..]
        [--original pipeline_http_32=525 ..]

Ops have no model: what is measured is the host. The client is h2load, over HTTP/1.1 with
connections that stay open. Figures of the original are given; each row says by how much ours is
better, and rows with a target fail below it. AIGES_BIN names the folder of AIService.
"""

import argparse
import base64
import contextlib
import http.client
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))

from free_ports import free_ports  # noqa: E402

HEAD = """
import base64, time
import numpy as np
from paddle_serving_server.web_service import WebService, Op

class First(Op):
    def preprocess(self, input_dicts, data_id, log_id):
        (_, given), = input_dicts.items()
        return given, False, None, ""
"""
TAIL = """
class Service(WebService):
    def get_pipeline_response(self, read_op):
        return graph(read_op)

service = Service(name="bench")
service.prepare_pipeline_config("config.yml")
service.run_service()
"""
ONE = """
    def postprocess(self, input_dicts, fetch_dict, log_id):
        return {"y": fetch_dict["x"]}, None, ""

def graph(read_op):
    return First(name="one", input_ops=[read_op])
"""
IMAGE = """
    def postprocess(self, input_dicts, fetch_dict, log_id):
        data = base64.b64decode(fetch_dict["x"])
        return {"image": np.frombuffer(data, np.uint8).reshape(-1, 1024)}, None, ""

class Second(First):
    def postprocess(self, input_dicts, fetch_dict, log_id):
        return {"y": str(fetch_dict["image"][0, 0])}, None, ""

def graph(read_op):
    return Second(name="two", input_ops=[First(name="one", input_ops=[read_op])])
"""
BATCH = """
    def preprocess(self, input_dicts, data_id, log_id):
        return {"x": np.zeros((1, 128), np.float32)}, False, None, ""
    def process(self, feed_batch, typical_logid):
        time.sleep(0.01)
        return {"y": feed_batch[0]["x"]}, None, ""
    def postprocess(self, input_dicts, fetch_dict, log_id):
        return {"y": str(fetch_dict["y"].shape)}, None, ""

def graph(read_op):
    return First(name="one", input_ops=[read_op])
"""
SMALL = {"key": ["x"], "value": ["hello"]}
MEGABYTE = {"key": ["x"], "value": [base64.b64encode(bytes(1 << 20)).decode()]}
BATCHES = {"one": {"batch_size": 32, "auto_batching_timeout": 5}}
# Row: (ops, dag, op, body, in flight, what of the two figures, least gain).
ROWS = {
    "pipeline_http_32": (ONE, True, {}, SMALL, 32, "calls/s", 15.0),
    "pipeline_p50_1": (ONE, True, {}, SMALL, 1, "p50 us", 2.0),
    "processes_http_32": (ONE, False, {}, SMALL, 32, "calls/s", None),
    "dag_image_1mb": (IMAGE, False, {}, MEGABYTE, 4, "calls/s", None),
    "dag_image_1mb_threads": (IMAGE, True, {}, MEGABYTE, 4, "calls/s", None),
    "auto_batching": (BATCH, True, BATCHES, SMALL, 32, "calls/s", None),
}


@contextlib.contextmanager
def served(folder, ops, threads, conf):
    """The port of a service that answers."""
    rpc, port = free_ports(2)
    config = {"rpc_port": rpc, "http_port": port, "op": conf}
    config["dag"] = {"is_thread_op": threads}
    (folder / "config.yml").write_text(json.dumps(config))  # YAML, too.
    (folder / "web_service.py").write_text(HEAD + ops + TAIL)
    path = os.pathsep.join([str(ROOT / "compat" / "paddle"), str(ROOT / "sdk")])
    env = {**os.environ, "PYTHONPATH": path}
    with open(folder / "log", "wb") as log:
        command = [sys.executable, "web_service.py"]
        process = subprocess.Popen(command, cwd=folder, env=env, stdout=log, stderr=log)
    try:
        for _ in range(600):
            if process.poll() is not None:
                raise RuntimeError(f"the service ended:\n{(folder / 'log').read_text()}")
            if answers(port):
                break
            time.sleep(0.1)
        yield port
    finally:
        process.terminate()
        process.wait(60)


def answers(port):
    with contextlib.suppress(OSError, ValueError, http.client.HTTPException):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        connection.request("POST", "/bench/prediction", json.dumps(SMALL))
        return json.loads(connection.getresponse().read()).get("err_no", 9000) != 9000
    return False


def measured(port, folder, body, in_flight, seconds):
    """(calls/s, p50 in us)"""
    file, log = folder / "body", folder / "calls"
    file.write_text(json.dumps(body))
    log.unlink(missing_ok=True)
    url = f"http://127.0.0.1:{port}/bench/prediction"
    command = ["h2load", "--h1", "-t1", f"-c{in_flight}", f"-D{seconds}", "-d", str(file)]
    done = subprocess.run(
        [*command, f"--log-file={log}", url], capture_output=True, text=True, check=True
    )
    rate = float(re.search(r"([\d.]+) req/s", done.stdout)[1])
    codes = re.search(r"(\d+) 2xx, (\d+) 3xx, (\d+) 4xx, (\d+) 5xx", done.stdout)
    if codes is None or codes[1] == "0" or any(codes[n] != "0" for n in (2, 3, 4)):
        raise RuntimeError(f"expected good answers alone, got:\n{done.stdout}")
    times = [int(line.split("\t")[2]) for line in log.read_text().splitlines()]
    return rate, statistics.median(times)


def main():
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    asked.add_argument("--turns", type=int, default=3)
    asked.add_argument("--seconds", type=int, default=3)
    asked.add_argument("--rows", nargs="*", default=list(ROWS), choices=list(ROWS))
    asked.add_argument("--original", nargs="*", default=[], metavar="ROW=FIGURE")
    given = asked.parse_args()
    original = {row: float(figure) for row, figure in (e.split("=") for e in given.original)}
    good = True
    for row in given.rows:
        ops, threads, conf, body, in_flight, what, target = ROWS[row]
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            with served(folder, ops, threads, conf) as port:
                turns = [
                    measured(port, folder, body, in_flight, given.seconds)
                    for _ in range(given.turns)
                ]
        at = 0 if what == "calls/s" else 1
        ours = statistics.median(turn[at] for turn in turns)
        line = f"{row:24} {ours:10.0f} {what}"
        if row in original:
            gain = ours / original[row] if at == 0 else original[row] / ours
            line += f", original {original[row]:.0f}: x {gain:.1f}"
            if target is not None:
                line += f" (target {target:g})"
                good = good and gain >= target
        print(line, flush=True)
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
