# SPDX-License-Identifier: Apache-2.0
"""What a typed call costs over one of contract v1: the same text, one client (wrk), in turns."""

import re
import statistics
import subprocess
import tempfile
from pathlib import Path

from processes import BenchError, Loader
from report import Row

HERE = Path(__file__).resolve().parent / "newcomer"
TEXT = "a word in capitals. " * 13  # 260 bytes.
MORE_US = 15
SCRIPT = """\
wrk.method = "POST"
wrk.headers["Content-Type"] = "text/plain"
wrk.body = "{body}"
response = function(status, headers, body)
  if status ~= 200 or body ~= "{answer}" then os.exit(1) end
end
done = function(summary, latency, requests)
  io.write(string.format("p50_us=%.1f bad=%d\\n", latency:percentile(50.0),
    summary.errors.status + summary.errors.timeout + summary.errors.read + summary.errors.write +
    summary.errors.connect))
end
"""
RAW, PREDICT = "/v1/raw/svcName?key=text&type=text", "/predict"


def call_row(binaries, turns, seconds, say):
    """p50 of one call in flight; the typed one by the same route as v1, and by its own."""
    typed_sections = {"aiges": {"contract": "typed", "app": "model"}}
    p50s = {"v1": [], "typed": [], "typed, /predict": []}
    with (
        tempfile.TemporaryDirectory(prefix="aiges-bench-") as folder,
        Loader(binaries, HERE / "given" / "v1") as v1,
        Loader(binaries, HERE / "aiges" / "text", sections=typed_sections) as typed,
    ):
        script = Path(folder, "load.lua")
        script.write_text(SCRIPT.format(body=TEXT, answer=TEXT.upper()), encoding="utf-8")
        urls = (v1.http + RAW, typed.http + RAW, typed.http + PREDICT)
        for number in range(turns + 1):
            for name, url in zip(p50s, urls):
                us = p50_us(url, script, seconds if number else 1)
                say(f"typed call, turn {number}: {name} {us:.1f} us")
                if number:  # The first is for caches.
                    p50s[name].append(us)
    medians = {name: statistics.median(all_) for name, all_ in p50s.items()}
    more = medians["typed"] - medians["v1"]
    fields = {
        "in_flight": 1,
        "bytes": len(TEXT),
        "p50_us": medians["typed"],
        "of": {name: round(us, 1) for name, us in medians.items()},
        "p50_us_runs": p50s,
        "more_us": round(more, 1),
        "target_more_us": MORE_US,
    }
    shown = f"v1 call +{more:.1f} us"
    return Row("newcomer_typed_call", shown, f"<= v1 call +{MORE_US} us", more <= MORE_US, fields)


def p50_us(url, script, seconds):
    command = ["wrk", "-t1", "-c1", f"-d{seconds}s", "-s", str(script), f"http://{url}"]
    done = subprocess.run(command, capture_output=True, text=True)
    found = re.search(r"p50_us=([\d.]+) bad=(\d+)", done.stdout)
    if done.returncode or found is None or int(found[2]):
        raise BenchError(
            f"expected right answers only from {url}, got:\n{done.stdout}{done.stderr}"
        )
    return float(found[1])
