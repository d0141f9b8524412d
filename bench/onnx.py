# SPDX-License-Identifier: Apache-2.0
"""An MLP behind the loader without code, over ONNX Runtime alone in a loop at batch 8, in turns.

    .venv/bin/python bench/onnx.py [--bin build/bin] [--turns 5] [--seconds 3]

Both have one thread for the model and run the same file. `rows_1`: each call has one row, and the
loader runs those that wait together, 8 at most. `rows_8`: each call has 8 rows. What is compared
are rows per second. The client is wrk over HTTP with raw bodies; it looks at the status of answers,
and what is in them is compared before and after each turn. Needs wrk.
"""

import argparse
import contextlib
import http.client
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
HERE = str(ROOT / "bench")
sys.path = [folder for folder in sys.path if folder != HERE]  # This file is no package onnx.
sys.path += [str(ROOT / "sdk"), str(ROOT / "tests" / "compat" / "onnx")]

import numpy as np  # noqa: E402
import onnx_models  # noqa: E402
import onnxruntime  # noqa: E402

BATCH = 8
SIZES = {"large": (784, 1024, 1024, 10), "small": (64, 64, 10)}
TARGET = {"large": 0.9}
SCRIPT = """\
wrk.method = "POST"
local file = io.open("{body}", "rb")
wrk.body = file:read("*a")
file:close()
done = function(summary, latency, requests)
  io.write(string.format("p50_us=%d rate=%.1f bad=%d\\n", latency:percentile(50.0),
    summary.requests / summary.duration * 1e6, summary.errors.status + summary.errors.timeout +
    summary.errors.read + summary.errors.write + summary.errors.connect))
end
"""
DEEP = 4  # Batches in flight: one runs, others come and go.


def loop(file, sizes, seconds):
    """Rows/s of ONNX Runtime alone."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
    feed = {"x": rows(BATCH, sizes)}
    session.run(None, feed)
    runs, begin = 0, time.perf_counter()
    while time.perf_counter() - begin < seconds:
        session.run(None, feed)
        runs += 1
    return runs * BATCH / (time.perf_counter() - begin)


def rows(count, sizes):
    return np.random.default_rng(1).standard_normal((count, sizes[0])).astype(np.float32)


@contextlib.contextmanager
def loader(binaries, file):
    with tempfile.TemporaryDirectory(prefix="aiges-bench-") as folder:
        Path(folder, "aiges.toml").write_text(
            '[svcName]\nhost = "127.0.0.1"\nport = 0\n'
            f'[wrapper]\nhttp_listen = "127.0.0.1:0"\nintra_op_threads = 1\nmodel = "{file}"\n'
            f'[aiges]\ncontract = "onnx"\n[batch]\nmax_size = {BATCH}\n'
            f'[instances]\npython = "{sys.executable}"\n',
            encoding="utf-8",
        )
        command = [binaries / "AIService", "-m=0", "-c", "aiges.toml", "-s", "svcName"]
        with subprocess.Popen(
            [str(part) for part in command],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(ROOT / "sdk")},
            stdout=subprocess.PIPE,
            text=True,
        ) as process:
            try:
                for line in process.stdout:
                    if found := re.match(r"AIService listening grpc=\S+ http=(\S+)", line):
                        address = found[1]
                    if line.startswith("AIService ready"):
                        break
                else:
                    raise SystemExit("expected AIService to be ready, it ended")
                yield address
            finally:
                process.terminate()


def query(x):
    desc = onnx_models.desc_of(x)
    return "/v1/raw/svcName?key=x&" + "&".join(f"desc.{key}={desc[key]}" for key in desc)


def check(address, x, expected):
    connection = http.client.HTTPConnection(address, timeout=30)
    connection.request("POST", query(x), x.tobytes())
    answer = connection.getresponse()
    data = answer.read()
    connection.close()
    if answer.status != 200:
        raise SystemExit(f"expected 200, got {answer.status}: {data[:300]!r}")
    found = np.frombuffer(data, np.float32).reshape(expected.shape)
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4)


def calls(address, count, sizes, seconds, folder):
    """Rows/s, and the median of the milliseconds, of calls with that many rows."""
    x = rows(count, sizes)
    expected = onnx_models.mlp_answer(x, sizes)
    check(address, x, expected)
    Path(folder, "body").write_bytes(x.tobytes())
    script = Path(folder, "load.lua")
    script.write_text(SCRIPT.format(body=Path(folder, "body")), encoding="utf-8")
    command = ["wrk", "-t1", f"-c{DEEP * BATCH // count}", f"-d{seconds}s", "-s", str(script)]
    command.append(f"http://{address}{query(x)}")
    shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    result = re.search(r"p50_us=(\d+) rate=([0-9.]+) bad=(\d+)", shown)
    if result is None or int(result[3]):
        raise SystemExit(f"expected answers only, got:\n{shown}")
    check(address, x, expected)
    return float(result[2]) * count, int(result[1]) / 1000


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bin", type=Path, default=ROOT / "build" / "bin")
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=3)
    parser.add_argument("--only", choices=SIZES)
    said = parser.parse_args()
    met = True
    for name, sizes in SIZES.items():
        if said.only not in (None, name):
            continue
        with tempfile.TemporaryDirectory(prefix="aiges-bench-") as folder:
            file = onnx_models.mlp(Path(folder, "mlp.onnx"), sizes)
            with loader(said.bin.resolve(), file) as address:
                for count in (1, BATCH):
                    ratios = []
                    for turn in range(said.turns):
                        alone = loop(file, sizes, said.seconds)
                        rate, p50 = calls(address, count, sizes, said.seconds, folder)
                        ratios.append(rate / alone)
                        print(
                            f"{name} {sizes}, rows_{count}, turn {turn}: alone {alone:,.0f} rows/s,"
                            f" loader {rate:,.0f} rows/s, p50 {p50:.2f} ms, {ratios[-1]:.0%}"
                        )
                    ratio, target = statistics.median(ratios), TARGET.get(name)
                    verdict = "" if target is None else f", target {target:.0%}"
                    print(f"{name}_rows_{count}: {ratio:.0%} of ONNX Runtime in a loop{verdict}")
                    met &= target is None or ratio >= target
    sys.exit(0 if met else 1)


if __name__ == "__main__":
    main()
