# SPDX-License-Identifier: Apache-2.0
"""What records of calls cost: calls/s of an echo with usage records, or traces, over without."""

import http.server
import statistics
import tempfile
import threading
from contextlib import ExitStack, contextmanager

from metrics_row import cpu_ns
from processes import Loader, load
from report import Row
from rows import BENCH, medians
from turns import in_turns, ratio_of

LENGTH, IN_FLIGHT = 256, (32, 128)
# Of calls/s: [metering] costs at most 5 %, traces of 1 % of the calls at most 1 %.
METERING, TRACING = 0.95, 0.99
CPU_TURNS, CPU_SECONDS = 15, 0.5


def metering_rows(settings):
    """calls/s of a Python echo by gRPC and raw body with usage records, over without"""
    with tempfile.TemporaryDirectory(prefix="aiges-usage-") as folder:
        sections = {"metering": {"folder": folder, "on_full": "drop"}}
        counters = {"records": "aiges_usage_records_total", "dropped": "aiges_usage_dropped_total"}
        yield from _rows(settings, "metering", sections, METERING, counters)


def tracing_rows(settings):
    """the same with [otlp], a share of 1 % of the calls traced"""
    with collector() as endpoint:
        yield from _rows(settings, "tracing", {"otlp": traced(endpoint)}, TRACING)


def traced(endpoint):
    """[otlp]: traces of 1 % of the calls are told there."""
    sampler = {"sampler": "parentbased_traceidratio", "sampler_arg": "0.01"}
    return {"endpoint": endpoint, **sampler}


def _rows(settings, name, sections, target, counters=None):
    with ExitStack() as stack:
        # The second one without tells what is noise.
        loaders = {
            side: stack.enter_context(Loader(settings.binaries, BENCH / "echo", sections=keys))
            for side, keys in (("without", {}), ("with", sections), ("again", {}))
        }
        pair = (loaders["without"], loaders["with"])
        yield _cpu_row(settings, f"{name}_cpu", pair, 2 - target)
        for protocol in ("xsf", "raw"):
            for in_flight in IN_FLIGHT:
                row = f"{name}_{protocol}_{in_flight}"
                shape = (protocol, in_flight)
                yield _row(settings, row, shape, loaders, target, counters or {})


def _row(settings, name, shape, loaders, target, counters):
    protocol, in_flight = shape
    sides = {
        side: (protocol, each.grpc if protocol == "xsf" else each.http)
        for side, each in loaders.items()
    }
    runs = in_turns(settings, name, sides, in_flight, LENGTH)
    with_it = medians(runs["with"])
    without = medians(runs["without"] + runs["again"])
    told = loaders["with"].metrics()
    fields = {
        "in_flight": in_flight,
        "bytes": LENGTH,
        **with_it,
        **{f"plain_{field}": value for field, value in without.items()},
        "ratio": ratio_of(runs["with"], runs["without"] + runs["again"]),
        "noise": ratio_of(runs["again"], runs["without"]),
        "target_ratio": target,
        **{field: told[metric] for field, metric in counters.items()},
    }
    lost = fields.get("dropped", 0)
    shown = f"{fields['ratio']:.1%} of without, which is {fields['noise']:.1%} of itself"
    shown += f", {lost:.0f} records dropped" if lost else ""
    return Row(name, shown, f">= {target:.0%}", fields["ratio"] >= target and not lost, fields)


def _cpu_row(settings, name, pair, target):
    """CPU time of the loader for a call, one at a time: there is no batch whose size changes it,
    so that it tells small costs on a busy machine, too."""
    ratios = []
    for number in range(CPU_TURNS):
        settings.say(f"{name}: turn {number + 1} of {CPU_TURNS}")
        costs = []
        for loader in pair:
            begin = cpu_ns(loader.process.pid)
            options = ("--warmup", 0)  # Its calls would cost, and not be counted.
            done = load(
                *(settings.bench_binaries, "raw", loader.http, 1, LENGTH, CPU_SECONDS),
                options=options,
            )
            costs.append((cpu_ns(loader.process.pid) - begin) / done["calls"])
        ratios.append(costs[1] / costs[0])
    ratio = statistics.median(ratios)
    fields = {
        "in_flight": 1,
        "bytes": LENGTH,
        "ratio": round(ratio, 4),
        "target_ratio": target,
        "ratios": [round(each, 4) for each in sorted(ratios)],
        "cpu_us": [round(cost / 1000, 2) for cost in costs],
    }
    shown = f"{ratio:.1%} of the CPU time without"
    return Row(name, shown, f"<= {target:.0%}", ratio <= target, fields)


@contextmanager
def collector():
    """A program that takes spans and throws them away, on a thread of this one."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1/traces"
    finally:
        server.shutdown()
        server.server_close()
