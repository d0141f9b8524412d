#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Calls of a served model of Paddle Serving, against Predictor.run of the same batch in a loop.

    bench/compat/paddle_serve.py [--turns 3] [--seconds 3] [--rows images words prices]

Both take turns call by call, so that they have the same machine. The client is
paddle_serving_client.Client (baidu_std), with batches of 32: pictures of 3 x 224 x 224 through a
small net of convolutions, rows of 256 numbers through layers of 1024, and fit_a_line's 13. Each row
says what share of the loop's rate the client has. Run it with a Python that has paddlepaddle;
AIGES_BIN names the folder of AIService.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
COMPAT = ROOT / "compat" / "paddle"
sys.path[:0] = [str(ROOT / "scripts"), str(ROOT / "sdk"), str(COMPAT)]

from aiges.contracts.paddle import _library  # noqa: E402
from free_ports import free_ports  # noqa: E402

BATCH, TARGET = 32, 0.7
SHAPES = {"images": (3, 224, 224), "words": (256,), "prices": (13,)}


def net_of(name, x):
    import paddle

    if name == "images":
        for channels in (16, 32, 64):
            x = paddle.static.nn.conv2d(x, channels, 3, padding=1, act="relu")
            x = paddle.nn.functional.max_pool2d(x, 2)
        return paddle.static.nn.fc(x, 1000)
    if name == "words":
        for _ in range(3):
            x = paddle.static.nn.fc(x, 1024, activation="relu")
        return paddle.static.nn.fc(x, 10)
    return paddle.static.nn.fc(x, 1)


def make(folder, name):
    import paddle
    import paddle_serving_client.io as serving_io

    with warnings.catch_warnings(), _library.old_programs():
        warnings.simplefilter("ignore")
        paddle.enable_static()
        main, start = paddle.static.Program(), paddle.static.Program()
        with paddle.static.program_guard(main, start):
            x = paddle.static.data("x", [None, *SHAPES[name]], "float32")
            y = net_of(name, x)
        with paddle.static.scope_guard(paddle.static.Scope()):
            paddle.static.Executor(paddle.CPUPlace()).run(start)
            places = (str(folder / "model"), str(folder / "client"))
            serving_io.save_model(*places, {"x": x}, {"y": y}, main)


def predictor_of(folder):
    """What a loop of one's own has: the settings are those of serve."""
    from paddle.inference import Config, create_predictor

    config = Config(str(folder / "model.pdmodel"), str(folder / "model.pdiparams"))
    config.disable_glog_info()
    config.disable_mkldnn()
    config.enable_memory_optim()
    config.set_cpu_math_library_num_threads(1)
    predictor = create_predictor(config)
    given = predictor.get_input_handle(predictor.get_input_names()[0])
    made = predictor.get_output_handle(predictor.get_output_names()[0])

    def run(x):
        given.copy_from_cpu(x)
        predictor.run()
        return made.copy_to_cpu()

    return run


def serve(folder, port):
    path = os.pathsep.join([str(COMPAT), str(ROOT / "sdk")])
    binaries = os.environ.get("AIGES_BIN", str(ROOT / "build" / "bin"))
    words = ["-m", "paddle_serving_server.serve", "--model", "model", "--port", str(port)]
    process = subprocess.Popen(
        [sys.executable, *words],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": path, "AIGES_BIN": binaries},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    for line in process.stdout:
        if line.startswith("AIService ready"):
            return process
    raise RuntimeError("the service ended")


def measure(local, client, x, seconds):
    """Return calls/s of both."""
    times = {"local": [], "client": []}
    until = time.perf_counter() + seconds
    while time.perf_counter() < until or len(times["client"]) < 5:
        for name, call in (("local", local), ("client", client)):
            begin = time.perf_counter()
            call(x)
            times[name].append(time.perf_counter() - begin)
    return [len(each) / sum(each) for each in times.values()]


def row(name, turns, seconds):
    from paddle_serving_client import Client

    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        make(folder, name)
        (port,) = free_ports(1)
        process = serve(folder, port)
        try:
            client = Client()
            client.load_client_config(str(folder / "client"))
            client.connect([f"127.0.0.1:{port}"])
            x = np.random.RandomState(1).rand(BATCH, *SHAPES[name]).astype("float32")
            local = predictor_of(folder / "model")

            def call(x):
                return client.predict({"x": x}, ["y"], batch=True)["y"]

            np.testing.assert_allclose(call(x), local(x), rtol=1e-5)
            rates = [measure(local, call, x, seconds) for _ in range(turns)]
        finally:
            process.terminate()
            process.wait(30)
    loop, served = (sorted(each)[len(each) // 2] for each in zip(*rates))
    return {"row": name, "loop_per_s": loop, "client_per_s": served, "share": served / loop}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--rows", nargs="+", choices=SHAPES, default=list(SHAPES))
    given = parser.parse_args()
    below = 0
    for name in given.rows:
        made = row(name, given.turns, given.seconds)
        below += name != "prices" and made["share"] < TARGET
        print(
            json.dumps({k: round(v, 3) if k != "row" else v for k, v in made.items()}), flush=True
        )
    sys.exit(1 if below else 0)


if __name__ == "__main__":
    main()
