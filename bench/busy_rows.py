# SPDX-License-Identifier: Apache-2.0
"""How much of an engine's time the loader uses, by the engine's own clock (busy/engine.cc)."""

import statistics

from processes import Loader, load
from report import Row

# What one call takes, and the part of the time in which the engine is to be at work.
BUSY = ((150, 0.93), (500, 0.97), (5000, 0.99))
CLIENTS = 8


def busy_rows(settings):
    """part of the time in which an engine of 150 us, 500 us, 5 ms is at work, 8 clients"""
    for micros, target in BUSY:
        runs = []
        for number in range(settings.runs):
            settings.say(f"busy, {micros} us: run {number + 1} of {settings.runs}")
            runs.append(run(settings, micros, "spin"))
        used = statistics.median(share for share, _ in runs)
        fields = {"in_flight": CLIENTS, "used_runs": [round(share, 4) for share, _ in runs]}
        fields["calls_per_s"] = statistics.median(rate for _, rate in runs)
        fields.update(used=round(used, 4), target_used=target)
        name = f"busy_{micros}us"
        yield Row(name, f"{used:.1%} of the time", f">= {target:.0%}", used >= target, fields)
    for how in ("spin", "sleep"):
        one, two = [], []
        for number in range(settings.runs):
            settings.say(f"two that {how} for 5 ms: run {number + 1} of {settings.runs}")
            one.append(run(settings, 5000, how)[1])
            two.append(run(settings, 5000, how, count=2)[1])
        ratio = statistics.median(two) / statistics.median(one)
        fields = {"in_flight": CLIENTS, "ratio": round(ratio, 4), "target_ratio": 1.95}
        fields.update(one_calls_per_s_runs=one, two_calls_per_s_runs=two)
        yield Row(f"two_{how}", f"{ratio:.2f} x one", ">= 1.95 x", ratio >= 1.95, fields)


def run(settings, micros, how, count=1):
    """(part of the time in which each instance worked, calls/s)"""
    library = settings.bench_binaries / "libbusy.so"
    with Loader(
        settings.binaries,
        settings.bench_binaries,
        options={"us": micros, "how": how},
        count=count,
        instances={"library": str(library), "threads": 1},
    ) as loader:
        result = load(
            settings.bench_binaries, "xsf", loader.grpc, CLIENTS, 256, settings.seconds, check=True
        )
        metrics = loader.metrics()
    calls = metrics['aiges_meter_total{key="calls"}']
    mean_s = metrics['aiges_meter_total{key="ns"}'] / calls / 1e9
    return result["calls_per_s"] * mean_s / count, result["calls_per_s"]
