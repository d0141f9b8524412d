# SPDX-License-Identifier: Apache-2.0
"""What is measured and what is promised: a function per group, which yields the rows."""

import statistics
import time
from pathlib import Path
from typing import Callable, NamedTuple

from processes import LimitServer, Loader, load
from report import Row

BENCH = Path(__file__).resolve().parent
MB = 1 << 20
LOAD_FIELDS = ("calls_per_s", "p50_us", "p99_us")
# The promise for HTTP is in calls/s, on a machine whose limit is 85 k.
RAW_RATIO, JSON_RATIO = 35 / 85, 20 / 85


class Settings(NamedTuple):
    binaries: Path  # Where AIService is.
    bench_binaries: Path  # Where bench_client and grpc_limit_server are.
    runs: int  # Of each of the two that are compared.
    seconds: float  # Of one run.
    starts: int  # Of the loader, for the time until it is ready.
    pictures: int  # Read by each side, for the cost of OCR.
    say: Callable[[str], None]  # Gets a line of progress.


def grpc_rows(settings):
    """calls/s and latency of a Python echo by gRPC, over a bare C++ gRPC server"""
    with LimitServer(settings.bench_binaries) as limit:
        with Loader(settings.binaries, BENCH / "echo") as loader:
            sides = (("xsf", limit.grpc), ("xsf", loader.grpc))
            yield added_latency_row("grpc_256b_1", against_limit(settings, sides, 1, 256))
            for name, in_flight, length, target in (
                ("grpc_256b_8", 8, 256, None),
                ("grpc_256b_32", 32, 256, 0.6),
                ("grpc_256b_128", 128, 256, 0.6),
                ("grpc_1mb_8", 8, MB, 0.7),
            ):
                fields = against_limit(settings, sides, in_flight, length)
                yield ratio_row(name, fields, target)


def http_rows(settings):
    """calls/s by HTTP, raw body and JSON envelope, over the gRPC limit"""
    with LimitServer(settings.bench_binaries) as limit:
        with Loader(settings.binaries, BENCH / "echo") as loader:
            for protocol, target in (("raw", RAW_RATIO), ("json", JSON_RATIO)):
                for in_flight in (32, 128):
                    sides = (("xsf", limit.grpc), (protocol, loader.http))
                    fields = against_limit(settings, sides, in_flight, 256)
                    yield ratio_row(f"http_{protocol}_{in_flight}", fields, target)


def idle_rows(settings):
    """memory of the loader, and the time from its start until it is ready"""
    memory, own, cpu, ready = [], [], [], []
    for number in range(settings.starts):
        settings.say(f"idle: start {number + 1} of {settings.starts}")
        with Loader(settings.binaries, BENCH / "echo") as loader:
            ready.append(loader.ready_ms)
            cpu_before = loader.cpu_s()
            time.sleep(1)
            cpu.append(loader.cpu_s() - cpu_before)
            total, anonymous = loader.memory_mb()
            memory.append(total)
            own.append(anonymous)
    rss_mb = statistics.median(memory)
    fields = {
        "rss_mb": round(rss_mb, 1),
        "rss_anonymous_mb": round(statistics.median(own), 1),
        "target_rss_mb": 40,
        "cpu_percent": round(statistics.median(cpu) * 100, 1),
    }
    yield Row("idle_memory", f"{rss_mb:.1f} MB", "<= 40 MB", rss_mb <= 40, fields)
    ready_ms = statistics.median(ready)
    fields = {
        "ready_ms": round(ready_ms, 1),
        "target_ready_ms": 300,
        "ready_ms_runs": [round(ms, 1) for ms in ready],
    }
    yield Row("ready", f"{ready_ms:.0f} ms after start", "<= 300 ms", ready_ms <= 300, fields)


def scaling_rows(settings):
    """two instances of an engine that computes for 5 ms, over one"""
    with Loader(settings.binaries, BENCH / "cpu5ms") as one:
        with Loader(settings.binaries, BENCH / "cpu5ms", count=2) as two:
            sides = (("xsf", one.grpc), ("xsf", two.grpc))
            first, second = alternate(settings, sides, 8, 256, check_first=True)
    ratio = second["calls_per_s"] / first["calls_per_s"]
    fields = {
        "in_flight": 8,
        "bytes": 256,
        **second,
        "one_instance_calls_per_s": first["calls_per_s"],
        "ratio": round(ratio, 4),
        "target_ratio": 1.9,
    }
    yield Row("two_instances", f"{ratio:.2f} x one instance", ">= 1.90 x", ratio >= 1.9, fields)


def against_limit(settings, sides, in_flight, length):
    limit, loader = alternate(settings, sides, in_flight, length, check_first=False)
    return {
        "in_flight": in_flight,
        "bytes": length,
        **loader,
        **{f"limit_{field}": value for field, value in limit.items()},
        "ratio": round(loader["calls_per_s"] / limit["calls_per_s"], 4),
    }


def alternate(settings, sides, in_flight, length, check_first):
    """Both sides in turns, so that a busy minute of the machine hits both; medians of each."""
    results = ([], [])
    for number in range(settings.runs):
        protocol = sides[1][0]
        shape = f"{protocol}, {length} bytes, {in_flight} in flight"
        settings.say(f"{shape}: run {number + 1} of {settings.runs}")
        for (protocol, address), runs, check in zip(sides, results, (check_first, True)):
            client = settings.bench_binaries
            runs.append(load(client, protocol, address, in_flight, length, settings.seconds, check))
    return [medians(runs) for runs in results]


def medians(runs):
    fields = {field: statistics.median(run[field] for run in runs) for field in LOAD_FIELDS}
    runs_of = {f"{field}_runs": [run[field] for run in runs] for field in ("calls_per_s", "p50_us")}
    return {**fields, **runs_of}


def ratio_row(name, fields, target):
    shown = f"{fields['ratio']:.1%} of the limit"
    if target is None:
        return Row(name, shown, None, None, fields)
    fields["target_ratio"] = round(target, 4)
    return Row(name, shown, f">= {target:.1%}", fields["ratio"] >= target, fields)


def added_latency_row(name, fields):
    added = fields["p50_us"] - fields["limit_p50_us"]
    fields.update(added_p50_us=round(added, 1), target_added_p50_us=40)
    return Row(name, f"p50 is limit {added:+.0f} us", "<= limit +40 us", added <= 40, fields)
