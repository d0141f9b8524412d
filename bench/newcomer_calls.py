# SPDX-License-Identifier: Apache-2.0
"""What a typed call costs over one of contract v1, and what it takes to check 2 KB of JSON."""

import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
import timeit
from pathlib import Path
from types import SimpleNamespace

from processes import BenchError, Loader
from report import Row

ROOT = Path(__file__).resolve().parents[1]
HERE = ROOT / "bench" / "newcomer"
TEXT = "a word in capitals. " * 13  # 260 bytes.
MORE_US, VALIDATION_US = 15, 20
SCRIPT = """\
wrk.method = "POST"
wrk.headers["Content-Type"] = "text/plain"
wrk.body = "{body}"
response = function(status, headers, body)
  if status ~= 200 or body ~= "{answer}" then os.exit(1) end
end
done = function(summary, latency, requests)
  io.write(string.format("p50_us=%.1f calls=%d bad=%d\\n", latency:percentile(50.0),
    summary.requests, summary.errors.status + summary.errors.timeout + summary.errors.read +
    summary.errors.write + summary.errors.connect))
end
"""
RAW, PREDICT = "/v1/raw/svcName?key=text&type=text", "/predict"


def call_row(binaries, turns, seconds, say):
    """p50 of one call in flight, by wrk, in turns; typed by the same route as v1, and its own."""
    typed_sections = {"aiges": {"contract": "typed", "app": "model"}}
    p50s = {"v1": [], "typed": [], "typed, /predict": []}
    cpu = {name: [] for name in p50s}
    with (
        tempfile.TemporaryDirectory(prefix="aiges-bench-") as folder,
        Loader(binaries, HERE / "given" / "v1") as v1,
        Loader(binaries, HERE / "aiges" / "text", sections=typed_sections) as typed,
    ):
        script = Path(folder, "load.lua")
        script.write_text(SCRIPT.format(body=TEXT, answer=TEXT.upper()), encoding="utf-8")
        asked = ((v1, RAW), (typed, RAW), (typed, PREDICT))
        for number in range(turns + 1):
            sides = list(zip(p50s, asked))
            for name, (loader, path) in sides if number % 2 else sides[::-1]:
                before = cpu_s(loader)
                us, calls = loaded(loader.http + path, script, seconds if number else 1)
                used = (cpu_s(loader) - before) / calls * 1e6
                say(f"typed call, turn {number}: {name} {us:.0f} us, {used:.0f} us of CPU")
                if number:  # The first is for caches.
                    p50s[name].append(us)
                    cpu[name].append(used)
    medians = {name: statistics.median(all_) for name, all_ in p50s.items()}
    more = medians["typed"] - medians["v1"]
    fields = {
        "in_flight": 1,
        "bytes": len(TEXT),
        "p50_us": medians["typed"],
        "of": {name: round(us, 1) for name, us in medians.items()},
        "p50_us_runs": p50s,
        "cpu_us": {name: round(statistics.median(all_), 1) for name, all_ in cpu.items()},
        "more_us": round(more, 1),
        "target_more_us": MORE_US,
    }
    shown = f"v1 call {more:+.1f} us"
    return Row("newcomer_typed_call", shown, f"<= v1 call +{MORE_US} us", more <= MORE_US, fields)


def cpu_s(loader):
    """CPU seconds of a loader's workers, in which a call of one contract differs from another's."""
    fields = [Path(f"/proc/{pid}/stat").read_text("ascii") for pid in loader.workers()]
    after_name = [text.rpartition(")")[2].split() for text in fields]
    return sum(int(said[11]) + int(said[12]) for said in after_name) / os.sysconf("SC_CLK_TCK")


def loaded(url, script, seconds):
    """(p50 in us, calls)"""
    command = ["wrk", "-t1", "-c1", f"-d{seconds}s", "-s", str(script), f"http://{url}"]
    done = subprocess.run(command, capture_output=True, text=True)
    found = re.search(r"p50_us=([\d.]+) calls=(\d+) bad=(\d+)", done.stdout)
    if done.returncode or found is None or int(found[3]):
        text = done.stdout + done.stderr
        raise BenchError(f"expected right answers only from {url}, got:\n{text}")
    return float(found[1]), int(found[2])


def validation_row():
    """How long the inputs of a typed model take from 2 KB of JSON to Python values, checked."""
    sys.path[:0] = [str(ROOT / "sdk"), str(HERE / "given" / "typed")]
    import model
    from aiges.contracts.typed._files import CallFiles
    from aiges.contracts.typed._inputs import JSON, Inputs

    body, inputs, files = model.body(), Inputs(model.predict), CallFiles()
    node = SimpleNamespace(key=JSON, data=body)
    got = inputs.read({}, [node], files)
    assert got["boxes"][7] == model.Box("label 7", 7.5, 1.25, 64.0, 32.0), got
    whole = cpu_us(lambda: inputs.read({}, [node], files))
    parsing = cpu_us(lambda: json.loads(body))
    checking = whole - parsing
    fields = {
        "bytes": len(body),
        "of": {"with json.loads": round(whole, 2), "json.loads": round(parsing, 2)},
        "validation_us": round(checking, 2),
        "target_validation_us": VALIDATION_US,
    }
    shown = f"{checking:.1f} us, {whole:.1f} us with json.loads"
    met = checking <= VALIDATION_US
    return Row("newcomer_validation", shown, f"<= {VALIDATION_US} us", met, fields)


def cpu_us(call, count=1000, runs=20):
    """The microseconds of CPU of one call in the quickest run: others' work does not count."""
    return min(timeit.repeat(call, timer=time.thread_time, number=count, repeat=runs)) / count * 1e6
