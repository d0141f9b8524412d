# SPDX-License-Identifier: Apache-2.0
"""A JSON echo for OpenBayes, by the original and by us: one client (wrk), in turns.

    bench/compat/openbayes.py [--turns 5] [--seconds 3]

The original runs as its users run it: python predictor.py (openbayes-serving 0.5.0), in an
environment of its own (tests/peers). Needs wrk.
"""

import argparse
import contextlib
import json
import os
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "peers"))

from environments import python_of  # noqa: E402

PROGRAM = """\
import openbayes_serving as serv

class Predictor:
    def predict(self, json):
        return json

if __name__ == "__main__":
    serv.run(Predictor)
"""
BODY = json.dumps({"url": "http://example.org/cat.jpg", "threshold": "0.5", "values": [1.5] * 8})
SCRIPT = f"""\
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.body = '{BODY}'
done = function(summary, latency, requests)
  io.write(string.format("p50_us=%d rate=%.1f bad=%d\\n", latency:percentile(50.0),
    summary.requests / summary.duration * 1e6, summary.errors.status + summary.errors.timeout +
    summary.errors.read + summary.errors.write + summary.errors.connect))
end
"""
TARGET_RATE, TARGET_P50 = 8.0, 0.5


def free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


@contextlib.contextmanager
def served(python, folder, **variables):
    """The port of a predictor that answers."""
    port = free_port()
    env = {**os.environ, **variables, "OPENBAYES_SERVING_PRODUCTION": "1"}
    command = [python, "predictor.py", "--host", "127.0.0.1", "--port", str(port)]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen(command, cwd=folder, env=env, **quiet)
    try:
        for _ in range(300):
            if answers(port):
                break
            time.sleep(0.1)
        else:
            raise RuntimeError(f"{command}: no answer within 30 s")
        yield port
    finally:
        process.terminate()
        process.wait(30)


def answers(port):
    """Whether a POST comes back as it was sent."""
    with contextlib.suppress(OSError):
        line = ["curl", "-s", "-d", BODY, "-H", "Content-Type: application/json"]
        done = subprocess.run([*line, f"http://127.0.0.1:{port}/"], capture_output=True, text=True)
        return done.stdout == BODY
    return False


def measured(port, in_flight, seconds, script):
    """(calls/s, p50 in us)"""
    command = ["wrk", "-t1", f"-c{in_flight}", f"-d{seconds}s", "-s", script]
    done = subprocess.run(
        [*command, f"http://127.0.0.1:{port}/"], capture_output=True, text=True, check=True
    )
    found = re.search(r"p50_us=(\d+) rate=([\d.]+) bad=(\d+)", done.stdout)
    if found is None or found[3] != "0":
        raise RuntimeError(f"expected good answers alone, got:\n{done.stdout}")
    return float(found[2]), float(found[1])


def main():
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    asked.add_argument("--turns", type=int, default=5)
    asked.add_argument("--seconds", type=int, default=3)
    given = asked.parse_args()
    ours = {"PYTHONPATH": os.pathsep.join([str(ROOT / "compat/openbayes"), str(ROOT / "sdk")])}
    found = {(who, n): [] for who in ("original", "aiges") for n in (32, 1)}
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as both:
        folder = Path(name)
        (folder / "predictor.py").write_text(PROGRAM)
        script = folder / "post.lua"
        script.write_text(SCRIPT)
        ports = {
            "original": both.enter_context(served(python_of("openbayes"), folder, PYTHONPATH="")),
            "aiges": both.enter_context(served(sys.executable, folder, **ours)),
        }
        for _ in range(given.turns):
            for in_flight in (32, 1):
                for who, port in ports.items():
                    one = measured(port, in_flight, given.seconds, script)
                    found[who, in_flight].append(one)
    rates = {who: statistics.median(rate for rate, _ in found[who, 32]) for who in ports}
    p50s = {who: statistics.median(p50 for _, p50 in found[who, 1]) for who in ports}
    ratio, part = rates["aiges"] / rates["original"], p50s["aiges"] / p50s["original"]
    print(f"calls/s, 32 in flight: original {rates['original']:.0f}, aiges {rates['aiges']:.0f}")
    print(f"p50 us, 1 in flight: original {p50s['original']:.0f}, aiges {p50s['aiges']:.0f}")
    print(f"calls/s x {ratio:.1f} (target {TARGET_RATE}), p50 x {part:.2f} (target {TARGET_P50})")
    sys.exit(0 if ratio >= TARGET_RATE and part <= TARGET_P50 else 1)


if __name__ == "__main__":
    main()
