# SPDX-License-Identifier: Apache-2.0
"""What the loader costs when the engine is a real one: a page read through it and without it."""

import http.client
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

from processes import BenchError, Loader, Server
from report import Row

BENCH = Path(__file__).resolve().parent
PLUGIN = BENCH.parent / "plugins" / "mmocr"
PICTURE = PLUGIN / "test_data" / "page.png"
OPTIONS = {"engine": "rapidocr", "threads": 0}
TIMEOUT_S = 120
TARGET_PERCENT = 2


class PlainOcr(Server):
    """The plugin in plain Python, without a host: the process of ocr_plain.py."""

    stdin = subprocess.PIPE

    def __init__(self):
        script = BENCH / "ocr_plain.py"
        super().__init__(sys.executable, script, PLUGIN, PICTURE, json.dumps(OPTIONS))
        self.name = script.name

    def wait_ready(self):
        self.wait_line("ready$")

    def read(self):
        """The text found, and the milliseconds that it took."""
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        answer = json.loads(self.wait_line(r"\{.*", TIMEOUT_S)[0])
        return answer["result"], answer["ms"]


class LoaderOcr:
    """The same plugin behind the loader, by the HTTP raw body on one connection."""

    def __init__(self, address):
        self.picture = PICTURE.read_bytes()
        self.connection = http.client.HTTPConnection(address, timeout=TIMEOUT_S)
        self.engine_ms = 0.0  # Of the last call, as the loader says.

    def read(self):
        started = time.perf_counter()
        path = "/v1/raw/svcName?key=img&type=image"
        self.connection.request("POST", path, self.picture, {"Content-Type": "image/png"})
        answer = self.connection.getresponse()
        result = answer.read().decode()
        elapsed_ms = (time.perf_counter() - started) * 1000
        if answer.status != 200:
            raise BenchError(f"ocr: expected 200 from the loader, got {answer.status}: {result}")
        for part in answer.headers.get("Server-Timing", "").split(","):
            name, _, duration = part.strip().partition(";dur=")
            if name == "engine":
                self.engine_ms = float(duration)
        return result, elapsed_ms


def ocr_rows(settings):
    """a page read through the loader, over the same plugin in plain Python"""
    with PlainOcr() as plain:
        with Loader(settings.binaries, PLUGIN, OPTIONS) as loader:
            through = LoaderOcr(loader.http)
            plain_ms, loader_ms, outside_ms = measure(settings, plain, through)
    # Pair by pair, because the machine's pace changes over a minute by more than the target.
    cost = (statistics.median(b / a for a, b in zip(plain_ms, loader_ms)) - 1) * 100
    seen_ms = statistics.median(loader_ms)
    fields = {
        "in_flight": 1,
        "bytes": PICTURE.stat().st_size,
        "calls_per_s": round(1000 / seen_ms, 3),
        "p50_us": round(seen_ms * 1000, 1),
        "plain_p50_us": round(statistics.median(plain_ms) * 1000, 1),
        "cost_percent": round(cost, 2),
        "target_cost_percent": TARGET_PERCENT,
        "outside_engine_us": round(statistics.median(outside_ms) * 1000, 1),
        "plain_ms_runs": [round(ms, 2) for ms in plain_ms],
        "loader_ms_runs": [round(ms, 2) for ms in loader_ms],
    }
    shown = f"{cost:+.1f} % over plain Python"
    yield Row("ocr", shown, f"<= +{TARGET_PERCENT} %", cost <= TARGET_PERCENT, fields)


def measure(settings, plain, through):
    plain_ms, loader_ms, outside_ms = [], [], []
    # Pair 0 is the warm-up. The order changes, so that neither always finds the caches cold.
    for number in range(settings.pictures + 1):
        settings.say(f"ocr: picture {number} of {settings.pictures}")
        answers = {}
        for side in (plain, through) if number % 2 else (through, plain):
            time.sleep(0.05)  # The threads of the other one have stopped spinning by then.
            answers[side] = side.read()
        if answers[plain][0] != answers[through][0]:
            raise BenchError("ocr: the loader and plain Python read different texts in one picture")
        if number > 0:
            plain_ms.append(answers[plain][1])
            loader_ms.append(answers[through][1])
            outside_ms.append(answers[through][1] - through.engine_ms)
    return plain_ms, loader_ms, outside_ms
