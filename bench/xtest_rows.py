# SPDX-License-Identifier: Apache-2.0
"""xtest itself: what one of its threads can drive, when it sends, what memory it takes."""

import json
import statistics
import subprocess
import tempfile
import threading
import time
from pathlib import Path

from processes import BenchError, LimitServer, die_with_parent, load
from report import Row
from session_rows import slope_mb

IN_FLIGHT, LENGTH = 32, 256
MOST_IN_FLIGHT = 256  # In open loop at the limit: thousands that pile up slow the server itself.
DRIVE_RATIO = 0.9
RATE, LAG_P99_US = 10_000, 200
FLAT_MB = 1.0
CONFIG = """
[svcMode]
svcId = "svcName"
timeout = 5000
multiThr = 32
loopCnt = 0
plot = false
gpuMon = false
[data]
payload = "input"
expect = "output"
[input]
inputSrc = "input"
name = "data"
type = "text"
interval = 1
[output]
name = "data"
type = "text"
[downstream]
output = -1
"""


def xtest_rows(settings):
    """xtest against the bare server: throughput, timing of planned sends, memory"""
    with LimitServer(settings.bench_binaries) as limit:
        yield from drive_rows(settings, limit)
        yield lag_row(settings, limit)
        yield memory_row(settings, limit)


def drive_rows(settings, limit):
    """What one thread of xtest gets out of the server, over what bench_client gets, in turns."""
    closed, opened, native = [], [], []
    seconds = settings.seconds

    def natively():
        clients = settings.bench_binaries
        done = load(clients, "xsf", limit.grpc, IN_FLIGHT, LENGTH, seconds, check=False)
        return done["calls_per_s"]

    for number in range(settings.runs):
        settings.say(f"xtest: throughput, run {number + 1} of {settings.runs}")
        before = natively()
        closed.append(good_per_s(run(settings, limit, seconds, "-concurrency", IN_FLIGHT)))
        between = natively()
        native.append((before + between) / 2)
        # As much as the server took a moment ago; that it takes less now is not xtest's fault.
        rate = round(between)
        step = run(settings, limit, seconds, "-rate", rate, "-concurrency", MOST_IN_FLIGHT)
        opened.append(good_per_s(step) / min(rate, natively()))
    calls_per_s = statistics.median(closed)
    ratio = statistics.median(ours / theirs for ours, theirs in zip(closed, native))
    yield drive_row("xtest_closed", ratio, calls_per_s, statistics.median(native))
    yield drive_row("xtest_open", statistics.median(opened), None, statistics.median(native))


def drive_row(name, ratio, calls_per_s, limit_calls_per_s):
    fields = {
        "in_flight": IN_FLIGHT,
        "bytes": LENGTH,
        "calls_per_s": calls_per_s,
        "limit_calls_per_s": limit_calls_per_s,
        "ratio": round(ratio, 4),
        "target_ratio": DRIVE_RATIO,
    }
    target = f">= {DRIVE_RATIO:.0%}"
    return Row(name, f"{ratio:.1%} of bench_client", target, ratio >= DRIVE_RATIO, fields)


def lag_row(settings, limit):
    """How late planned calls leave, as xtest says it of itself; the best run: noise only adds."""
    lags = []
    for number in range(settings.runs):
        settings.say(f"xtest: timing, run {number + 1} of {settings.runs}")
        step = run(settings, limit, settings.seconds, "-rate", RATE, "-concurrency", 4096)
        lags.append({**step["client_lag"], "sent_per_s": step["sent"] / step["seconds"]})
    p99 = [lag["p99_ns"] / 1000 for lag in lags]
    best = min(p99)
    fields = {
        "planned_per_s": RATE,
        "sent_per_s_runs": [round(lag["sent_per_s"]) for lag in lags],
        "lag_p50_us": round(statistics.median(lag["p50_ns"] for lag in lags) / 1000, 1),
        "lag_p99_us": round(best, 1),
        "lag_p99_us_runs": [round(each, 1) for each in p99],
        "target_lag_p99_us": LAG_P99_US,
    }
    shown = f"p99 {best:.0f} us late at {RATE // 1000} k/s"
    return Row("xtest_timing", shown, f"<= {LAG_P99_US} us", best <= LAG_P99_US, fields)


def memory_row(settings, limit):
    """Growth over a run, after its first quarter; 10 M calls: --only xtest --seconds 400"""
    seconds = max(settings.seconds, 10)
    seen = []
    settings.say(f"xtest: memory, {seconds:.0f} s")
    step = run(settings, limit, seconds, "-concurrency", IN_FLIGHT, watch=seen)
    growth = slope_mb(seen, begin=seconds / 4)
    fields = {
        "calls": step["done"],
        "seconds": seconds,
        "rss_mb": round(seen[-1][1], 1),
        "growth_mb": round(growth, 2),
        "target_growth_mb": FLAT_MB,
    }
    shown = f"{growth:+.2f} MB in {step['done'] / 1e6:.1f} M calls"
    return Row("xtest_memory", shown, f"<= {FLAT_MB:.0f} MB", growth <= FLAT_MB, fields)


def good_per_s(step):
    return step["throughput"]


def run(settings, limit, seconds, *arguments, watch=None):
    """The only step of one run of xtest; `watch` gets (seconds, resident MB), ten a second."""
    with tempfile.TemporaryDirectory(prefix="aiges-bench-") as name:
        folder = Path(name)
        (folder / "input").mkdir()
        (folder / "input" / "a").write_bytes(b"x" * LENGTH)
        (folder / "xtest.toml").write_text(CONFIG, encoding="utf-8")
        command = [settings.binaries / "xtest", "-target", limit.grpc, "-json", "result.json"]
        command += ["-duration", f"{seconds}s", "-warmup", "500ms", "-quiet", *arguments]
        command = [str(part) for part in command]
        try:
            process = subprocess.Popen(
                command,
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
                preexec_fn=die_with_parent,
            )
        except OSError as error:
            raise BenchError(f"{error}; build it with `make bench`") from error
        ending = threading.Event()
        watcher = threading.Thread(target=sample, args=(process.pid, watch, ending))
        if watch is not None:
            watcher.start()
        try:
            _, errors = process.communicate(timeout=seconds + 60)
        except BaseException:
            process.kill()
            process.wait()
            raise
        finally:
            ending.set()
            if watch is not None:
                watcher.join()
        if process.returncode != 0:
            raise BenchError(f"{' '.join(command)}\nended with {process.returncode}: {errors}")
        (step,) = json.loads((folder / "result.json").read_text(encoding="utf-8"))["steps"]
        if step["failed"] or step["unanswered"]:
            raise BenchError(f"{' '.join(command)}\n{step['failed']} calls failed")
        return step


def sample(pid, seen, ending):
    begin = time.monotonic()
    while not ending.wait(0.1):
        try:
            status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
        except OSError:
            return
        for line in status.splitlines():
            if line.startswith("VmRSS:"):
                seen.append((time.monotonic() - begin, int(line.split()[1]) / 1024))
