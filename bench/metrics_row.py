# SPDX-License-Identifier: Apache-2.0
"""What /metrics costs a loader with many models: pickers of endpoints ask for it every 50 ms."""

import http.client
import shutil
import statistics
import tempfile
from pathlib import Path

from processes import Loader
from report import Row

BENCH = Path(__file__).resolve().parent
MODELS, SCRAPES, ROUNDS = 20, 300, 5
TARGET_US = 300


def cpu_ns(pid):
    """Time that all threads of a process have had."""
    tasks = Path(f"/proc/{pid}/task").glob("*/schedstat")
    return sum(int(task.read_text(encoding="ascii").split()[0]) for task in tasks)


def metrics_rows(settings):
    """CPU time of the loader for one GET /metrics on an open connection, with 20 models"""
    with tempfile.TemporaryDirectory(prefix="aiges-bench-") as folder:
        for number in range(MODELS):
            shutil.copytree(BENCH / "echo", Path(folder, f"m{number}", "1"))
        sections = {"models": {"repository": folder, "default": "m0"}}
        with Loader(settings.binaries, BENCH / "echo", sections=sections) as loader:
            connection = http.client.HTTPConnection(loader.http, timeout=30)

            def scrape():
                connection.request("GET", "/metrics")
                return len(connection.getresponse().read())

            size, costs = scrape(), []
            for number in range(ROUNDS):
                settings.say(f"metrics: round {number + 1} of {ROUNDS}")
                begin = cpu_ns(loader.process.pid)
                for _ in range(SCRAPES):
                    scrape()
                costs.append((cpu_ns(loader.process.pid) - begin) / SCRAPES / 1000)
            connection.close()
    cost = statistics.median(costs)
    fields = {
        "cpu_us": round(cost, 1),
        "target_cpu_us": TARGET_US,
        "cpu_us_runs": [round(us, 1) for us in costs],
        "models": MODELS,
        "kb": round(size / 1000, 1),
    }
    yield Row("metrics_20", f"{cost:.0f} us", f"<= {TARGET_US} us", cost <= TARGET_US, fields)
