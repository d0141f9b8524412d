#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compares Triton's Python backend with ours: the same model folders, one client, in turns.

    bench/compat/triton.py [--seconds 2] [--turns 3] [--only NAME,..] [--clients xtest,..]

The clients are xtest and perf_analyzer, and bench_client for streams. Rows: an identity of FP32[64]
by gRPC and by HTTP with binary tensors at 32 and 1 in flight, the same with dynamic batching,
tensors of 1 MB, one request with 10 000 decoupled responses, and an MLP: onnxruntime inside a
model.py there, the ONNX file alone here. Triton has an environment of its own (tests/peers);
AIGES_BIN names the folder of AIService and xtest, AIGES_BENCH_BIN that of bench_client.
"""

import argparse
import base64
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
from contextlib import ExitStack
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PEER = ROOT / "tests" / "peers" / "triton"
sys.path[:0] = [str(PEER), str(PEER.parent), str(ROOT / "scripts"), str(ROOT / "tests" / "e2e")]

import numpy as np  # noqa: E402
import triton_repository  # noqa: E402
from environments import python_of  # noqa: E402
from triton_ask import Server, request_of  # noqa: E402
from triton_parts import LENGTH, binary, call, raw_request, stream, wanted  # noqa: E402
from triton_start import Triton, Wheel  # noqa: E402

BIN = Path(os.environ.get("AIGES_BIN", ROOT / "build" / "bin")).resolve()
BENCH_BIN = Path(os.environ.get("AIGES_BENCH_BIN", ROOT / "build" / "bench")).resolve()
SERVICE = "/inference.GRPCInferenceService"
START_LIMIT_S = 60
RESPONSES, WIDTH, BIG = 10_000, 256, 1 << 18
CONFIG = """
backend: "python"
max_batch_size: {batch}
input [ {{ name: "{input}" data_type: TYPE_FP32 dims: [ {width} ] }} ]
output [ {{ name: "{output}" data_type: TYPE_FP32 dims: [ {wide} ] }} ]
instance_group [ {{ count: 1 kind: KIND_CPU }} ]
{more}
"""
MLP = """
import numpy as np
import onnxruntime
import triton_python_backend_utils as pb_utils


class TritonPythonModel:
    def initialize(self, args):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        path = f"{args['model_repository']}/{args['model_version']}/mlp.onnx"
        self.session = onnxruntime.InferenceSession(path, options, ["CPUExecutionProvider"])

    def execute(self, requests):
        given = [pb_utils.get_input_tensor_by_name(each, "X").as_numpy() for each in requests]
        made = self.session.run(["Y"], {"X": np.concatenate(given)})[0]
        answers, start = [], 0
        for each in given:
            rows, start = made[start : start + len(each)], start + len(each)
            answers.append(pb_utils.InferenceResponse([pb_utils.Tensor("Y", rows)]))
        return answers
"""


class Row:
    """A request, who answers it, and how it is asked: ``at`` calls in flight."""

    def __init__(self, name, by, at, request, target):
        self.name, self.by, self.at, self.request, self.target = name, by, at, request, target

    @property
    def model(self):
        if self.by == "http":
            return self.request["path"].split("/")[3]
        return self.request["request"]["model_name"]

    @property
    def better(self):
        """Whether a larger figure is the better one."""
        return self.at > 1 or self.by == "stream"

    def written(self, folder):
        """The arguments of its client."""
        file = folder / f"{self.name}.request"
        if self.by == "http":
            file.write_bytes(self.request["body"])
            length = self.request["headers"][LENGTH]
            return ["-protocol=http", f"-path={self.request['path']}", f"-body={file}",
                    f"-header={LENGTH}: {length}"]  # fmt: skip
        case = self.request
        if self.by == "stream":
            case = call("", "ModelInfer", case["requests"][0])
        file.write_bytes(request_of(case).SerializeToString())
        if self.by == "stream":
            return [f"--method={SERVICE}/ModelStreamInfer", f"--request={file}"]
        return ["-protocol=grpc", f"-path={SERVICE}/ModelInfer", f"-body={file}"]


def rows():
    small = np.arange(64, dtype=np.float32)
    big, features = np.arange(BIG, dtype=np.float32), np.ones(WIDTH, np.float32)

    def both(name, model, data, input_name, at, targets, output):
        given = [(input_name, "FP32", [1, len(data)], data)]
        by_http = binary(name, model, given, [wanted(output, binary_data=True)])
        by_grpc = call(name, "ModelInfer", raw_request(model, given))
        yield Row(f"{name}_grpc_{at}", "grpc", at, by_grpc, targets[0])
        yield Row(f"{name}_http_{at}", "http", at, by_http, targets[1])

    numbers = np.arange(RESPONSES, dtype=np.int32)
    return [
        *both("identity", "identity", small, "INPUT0", 32, (4, 2), "OUTPUT0"),
        *both("identity", "identity", small, "INPUT0", 1, (0.5, 0.5), "OUTPUT0"),
        *both("batched", "batched64", small, "INPUT0", 32, (4, 2), "OUTPUT0"),
        *both("1mb", "big", big, "INPUT0", 8, (2, 2), "OUTPUT0"),
        Row("decoupled", "stream", 1, stream("", raw_request("repeat", [
            ("IN", "INT32", [RESPONSES], numbers)])), 4),
        *both("mlp", "mlp", features, "X", 32, (2, 2), "Y"),
    ]  # fmt: skip


def add_model(repository, name, more="", source=None, **fields):
    version = repository / name / "1"
    version.mkdir(parents=True)
    values = {"input": "INPUT0", "output": "OUTPUT0", **fields}
    values.setdefault("wide", values["width"])
    (repository / name / "config.pbtxt").write_text(CONFIG.format(more=more, **values))
    (version / "model.py").write_text(
        source or (triton_repository.MODELS / "identity" / "1" / "model.py").read_text()
    )


def write_mlp(file):
    """WIDTH -> 512 -> 512 -> 16 with ReLU between, weights by a fixed seed."""
    from onnx import TensorProto, checker, helper, numpy_helper, save

    dice, sizes = np.random.default_rng(14), [WIDTH, 512, 512, 16]
    nodes, weights, last = [], [], "X"
    for layer, (rows_, columns) in enumerate(zip(sizes, sizes[1:])):
        matrix = (dice.standard_normal((rows_, columns)) / np.sqrt(rows_)).astype(np.float32)
        weights.append(numpy_helper.from_array(matrix, f"W{layer}"))
        final = layer == len(sizes) - 2
        nodes.append(
            helper.make_node("MatMul", [last, f"W{layer}"], ["Y" if final else f"M{layer}"])
        )
        if not final:
            nodes.append(helper.make_node("Relu", [f"M{layer}"], [f"R{layer}"]))
        last = f"R{layer}"
    ends = [
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", size])]
        for name, size in (("X", WIDTH), ("Y", sizes[-1]))
    ]
    graph = helper.make_graph(nodes, "mlp", *ends, weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    checker.check_model(model)
    save(model, file)


def write_repositories(folder):
    """The models for both; only the MLP differs: code there, the file alone here."""
    theirs, ours = folder / "theirs", folder / "ours"
    for name in ("identity", "repeat"):
        shutil.copytree(triton_repository.MODELS / name, theirs / name)
    add_model(theirs, "big", batch=8, width=BIG)
    add_model(theirs, "batched64", "dynamic_batching { }", batch=32, width=64)
    shutil.copytree(theirs, ours)
    fields = {"batch": 32, "width": WIDTH, "wide": 16, "input": "X", "output": "Y"}
    add_model(theirs, "mlp", "dynamic_batching { }", MLP, **fields)
    write_mlp(theirs / "mlp" / "1" / "mlp.onnx")
    (ours / "mlp" / "1").mkdir(parents=True)
    shutil.copy(theirs / "mlp" / "1" / "mlp.onnx", ours / "mlp" / "1" / "model.onnx")
    config = CONFIG.format(more="dynamic_batching { }", **fields)
    one = 'parameters { key: "intra_op_thread_count" value { string_value: "1" } }'
    (ours / "mlp" / "config.pbtxt").write_text(
        config.replace('backend: "python"', 'platform: "onnxruntime_onnx"') + one
    )
    return theirs, ours


class Ours:
    """AIService with that repository; ``http`` and ``grpc`` are its ports."""

    def __init__(self, folder, repository):
        folder.mkdir()
        (folder / "aiges.toml").write_text(
            f'[svcName]\nhost = "127.0.0.1"\nport = 0\n[wrapper]\nhttp_listen = "127.0.0.1:0"\n'
            f'[instances]\npython = "{sys.executable}"\n[models]\nrepository = ["{repository}"]\n'
        )
        path = os.pathsep.join([str(ROOT / "sdk"), str(ROOT / "compat" / "triton")])
        self.log = folder / "log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", BIN / "AIService", "-m=0", "-c", "aiges.toml"]
                + ["-s", "svcName"],
                cwd=folder,
                env={**os.environ, "PYTHONPATH": path},
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )

    def __enter__(self):
        alarm = threading.Timer(START_LIMIT_S, self.process.kill)
        alarm.start()
        try:
            for line in self.process.stdout:
                listening = re.match(r"AIService listening grpc=\S+:(\d+) http=\S+:(\d+)", line)
                if listening:
                    self.grpc, self.http = (int(port) for port in listening.groups())
                if line.startswith("AIService ready"):
                    return self
        finally:
            alarm.cancel()
        raise RuntimeError(f"AIService does not serve:\n{self.log.read_text()[-4000:]}")

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(30)
        self.process.stdout.close()


def measure(row, server, folder, seconds):
    """Calls/s with several in flight, responses/s of a stream, µs of one call with one."""
    arguments, out = row.written(folder), folder / "xtest.json"
    out.unlink(missing_ok=True)  # xtest replaces nothing.
    if row.by == "stream":
        command = [BENCH_BIN / "bench_client", "count", f"127.0.0.1:{server.grpc}"]
        command += [word for each in arguments for word in each.split("=", 1)]
        command += ["--items", str(RESPONSES), "--seconds", str(seconds)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads(done.stdout)["calls_per_s"]
    port = server.http if row.by == "http" else server.grpc
    command = [BIN / "xtest", *arguments, f"-target=127.0.0.1:{port}", f"-concurrency={row.at}"]
    command += [f"-duration={seconds}s", "-warmup=500ms", f"-json={out}"]
    command += ["-no-results", "-quiet", "-metrics=off"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    step = json.loads(out.read_text())["steps"][0]
    assert step["failed"] == 0, step["codes"]
    return step["throughput"] if row.at > 1 else step["latency"]["p50_ns"] / 1000


def measure_by_perf_analyzer(row, server, python, seconds):
    """The same by perf_analyzer, which calls a run stable after three windows."""
    program, environment = Wheel(python).perf_analyzer()
    port = server.http if row.by == "http" else server.grpc
    command = [program, "-m", row.model, "-i", row.by, "-u", f"127.0.0.1:{port}"]
    command += ["--concurrency-range", str(row.at), "--percentile", "50"]
    command += ["--max-trials", "3", "--stability-percentage", "999"]
    for window_ms in (seconds * 1000 / 3, seconds * 1000, seconds * 3000):
        timed = [*command, "--measurement-interval", str(round(window_ms))]
        done = subprocess.run(timed, env=environment, capture_output=True, text=True, timeout=120)
        found = re.search(r"throughput: ([\d.]+) infer/sec, latency (\d+) usec", done.stdout)
        if found:
            break  # Else a window was too short for it.
    assert done.returncode == 0 and found, done.stdout + done.stderr
    return float(found[1]) if row.at > 1 else float(found[2])


def same_answer(row, servers):
    """Both say the same before either is measured; numbers of the MLP as near as FP32 allows."""
    found = []
    for server in servers:
        with Server(server.http, server.grpc) as asked:
            found.append(asked.ask(row.request))
    if row.name.startswith("mlp"):
        texts = [each["blocks"] if row.by == "http" else each["message"]["raw_output_contents"][0]
                 for each in found]  # fmt: skip
        numbers = [np.frombuffer(base64.b64decode(text), np.float32) for text in texts]
        assert np.allclose(*numbers, rtol=1e-4, atol=1e-5), row.name
    elif row.by == "stream":  # A last, empty response may be sent or left out.
        texts = [[each["infer_response"]["raw_output_contents"] for each in answer["responses"]]
                 for answer in found]  # fmt: skip
        assert texts[0] == texts[1], row.name
    else:
        assert found[0] == found[1], (row.name, str(found)[:2000])


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=2.0, help="of each turn (default 2)")
    parser.add_argument("--turns", type=int, default=3, help="default 3; medians are shown")
    parser.add_argument("--only", default="", help="begins of names of rows")
    parser.add_argument("--clients", default="xtest,perf_analyzer", help="of unary calls (both)")
    given = parser.parse_args()
    chosen = [row for row in rows() if row.name.startswith(tuple(given.only.split(",")))]
    python = python_of("triton")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        theirs, ours = write_repositories(folder)
        (folder / "xtest.toml").write_text("[svcMode]\ntimeout = 30000\n")
        servers = [
            stack.enter_context(Triton(python, theirs, log=folder / "triton.log")),
            stack.enter_context(Ours(folder / "aiges", ours)),
        ]
        clients = {
            "xtest": lambda row, server: measure(row, server, folder, given.seconds),
            "perf_analyzer": lambda row, server: measure_by_perf_analyzer(
                row, server, python, given.seconds
            ),
        }
        print(
            f"{'row':18} {'client':13} {'Triton':>10} {'AIService':>10} {'ratio':>8} {'target':>8}"
        )
        for row in chosen:
            same_answer(row, servers)
            for client in given.clients.split(","):
                if row.by != "stream" or client == "xtest":
                    show(row, client, clients[client], servers, given.turns)


def show(row, client, ask, servers, turns):
    """Measures in turns and prints the medians."""
    got = [[], []]
    for _ in range(turns):
        for server, figures in zip(servers, got):
            figures.append(ask(row, server))
    before, after = (statistics.median(figures) for figures in got)
    unit, sign = ("/s", ">=") if row.better else ("us", "<=")
    client = "bench_client" if row.by == "stream" else client
    print(
        f"{row.name:18} {client:13} {before:8.0f}{unit} {after:8.0f}{unit} {after / before:8.2f} "
        f"{sign} {row.target:<4}",
        flush=True,
    )


if __name__ == "__main__":
    main()
