# SPDX-License-Identifier: Apache-2.0
"""Where the time of calls goes: for one call, in PipelineServingLogs/pipeline.tracer, as metrics.

Only where it is asked for: ``dag.tracer``, ``dag.use_profile``, ``dag.enable_prometheus``.
"""

from __future__ import annotations

import http.server
import logging
import random
import threading
from collections.abc import Iterable
from time import perf_counter
from typing import Any, NamedTuple

from aiges.contracts.paddle.pipeline import _logs
from aiges.contracts.paddle.pipeline._config import DagConf

__all__ = ["Trace", "Tracer"]

log = logging.getLogger("pipeline")

_STEPS = ("in", "prep", "midp", "postp")
_QUANTILES = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99)
_MOST_LATENCIES = 10_000  # A sample of them in each interval.


class _Step(NamedTuple):
    name: str
    began: float
    ended: float
    marks: list[float]


class Trace:
    """The steps of one call."""

    __slots__ = ("began", "steps")

    def __init__(self) -> None:
        self.began = perf_counter()
        self.steps: list[_Step] = []

    def add(self, name: str, began: float, marks: list[float]) -> None:
        """Take what an op took. Any thread."""
        self.steps.append(_Step(name, began, perf_counter(), marks))

    def text(self, data_id: int) -> str:
        """Return it as one line: microseconds from the call's begin."""
        parts = [f"data_id:{data_id}"]
        for step in self.steps:
            at = step.began - self.began
            for what, took in zip(_STEPS, step.marks):
                parts.append(f"{step.name}_{what}:{at * 1e6:.0f}+{took * 1e6:.0f}us")
                at += took
        parts.append(f"all:{(perf_counter() - self.began) * 1e6:.0f}us")
        return " ".join(parts)


class _Sums:
    """What an op took in an interval: seconds of each step."""

    def __init__(self) -> None:
        self.count, self.busy = 0, 0.0
        self.steps = [0.0] * (len(_STEPS) + 1)


class _Totals:
    """Since the start, for Prometheus."""

    def __init__(self, names: Iterable[str]) -> None:
        self.good = self.bad = 0
        self.seconds = 0.0
        self.ops = {name: [0, 0.0] for name in names}


class Tracer:
    """Takes traces. Threads: any."""

    def __init__(self, conf: DagConf, names: list[str]) -> None:
        self._interval_s = conf.interval_s
        self._names = names
        self.is_on = conf.interval_s >= 1 or conf.enable_prometheus
        self._lock = threading.Lock()
        self._totals = _Totals(names)
        self._clear()
        self._ending = threading.Event()
        self._pages: http.server.ThreadingHTTPServer | None = None
        if conf.interval_s >= 1:
            threading.Thread(target=self._write, name="tracer", daemon=True).start()
        if conf.enable_prometheus and conf.prometheus_port:
            self._serve(conf.prometheus_port)

    def take(self, trace: Trace, good: bool) -> None:
        """Count a call that has ended."""
        if not self.is_on:
            return
        took = perf_counter() - trace.began
        with self._lock:
            totals = self._totals
            totals.good += good
            totals.bad += not good
            totals.seconds += took
            self._good += good
            self._bad += not good
            self._seen += 1
            if len(self._latencies) < _MOST_LATENCIES:
                self._latencies.append(took)
            elif (at := random.randrange(self._seen)) < _MOST_LATENCIES:
                self._latencies[at] = took
            for step in trace.steps:
                self._take_step(step)

    def _take_step(self, step: _Step) -> None:
        whole = step.ended - step.began
        total = self._totals.ops[step.name]
        total[0] += 1
        total[1] += whole
        sums = self._sums[step.name]
        sums.count += 1
        sums.busy += sum(step.marks[1:])
        for at, took in enumerate(step.marks[: len(_STEPS)]):
            sums.steps[at] += took
        sums.steps[-1] += max(whole - sum(step.marks), 0.0)

    def _clear(self) -> None:
        self._since = perf_counter()
        self._good = self._bad = self._seen = 0
        self._latencies: list[float] = []
        self._sums = {name: _Sums() for name in self._names}

    def end(self) -> None:
        """Stop writing and answering."""
        self._ending.set()
        if self._pages is not None:
            self._pages.shutdown()

    # --- the log ---

    def _write(self) -> None:
        out = _logs.tracer()
        while not self._ending.wait(self._interval_s):
            for line in self.lines():
                out.info(line)

    def lines(self) -> list[str]:
        """Return what was in the interval, and begin the next one."""
        with self._lock:
            seconds = max(perf_counter() - self._since, 1e-9)
            sums, latencies = self._sums, sorted(self._latencies)
            good, bad = self._good, self._bad
            self._clear()
        made = ["==================== TRACER ======================"]
        for name, each in sums.items():
            made.append(f"Op({name}):")
            for what, took in zip((*_STEPS, "out"), each.steps):
                if each.count:
                    made.append(f"\t{what}[{took / each.count * 1e3:.3f} ms]")
            made.append(f"\tidle[{max(1 - each.busy / seconds, 0.0):.2f}]")
        made.append("DAGExecutor:")
        count = good + bad
        made.append(f"\tQuery count[{count}]")
        made.append(f"\tQPS[{count / seconds:.1f} q/s]")
        made.append(f"\tSucc[{good / count if count else 1.0:.3f}]")
        made.append(f"\tError req[{bad}]")
        if latencies:
            made.append("\tLatency:")
            made.append(f"\t\tave[{sum(latencies) / len(latencies) * 1e3:.3f} ms]")
            for part in _QUANTILES:
                at = min(int(len(latencies) * part), len(latencies) - 1)
                made.append(f"\t\t.{str(part)[2:]}[{latencies[at] * 1e3:.3f} ms]")
        return made

    # --- Prometheus ---

    def metrics(self) -> str:
        """Return the text of /metrics. Microseconds are microseconds."""
        with self._lock:
            totals = self._totals
            plain = (
                ("pd_query_request_success_total", "Calls with err_no 0.", totals.good),
                ("pd_query_request_failure_total", "Other calls.", totals.bad),
                (
                    "pd_query_request_duration_us_total",
                    "Microseconds of all calls.",
                    round(totals.seconds * 1e6),
                ),
            )
            ops = {name: (count, round(took * 1e6)) for name, (count, took) in totals.ops.items()}
        made = []
        for name, about, value in plain:
            made += [f"# HELP {name} {about}", f"# TYPE {name} counter", f"{name} {value}"]
        for name, about, at in (
            ("pd_inference_count_total", "Calls of an op.", 0),
            ("pd_inference_duration_us_total", "Microseconds of these.", 1),
        ):
            made += [f"# HELP {name} {about}", f"# TYPE {name} counter"]
            made += [f'{name}{{op="{op}"}} {values[at]}' for op, values in ops.items()]
        return "\n".join(made) + "\n"

    def _serve(self, port: int) -> None:
        tracer = self

        class Page(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                is_there = self.path.partition("?")[0] == "/metrics"
                body = tracer.metrics().encode() if is_there else b"Not Found\n"
                self.send_response(200 if is_there else 404)
                self.send_header("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *_: Any) -> None:  # noqa: A002 (its own name)
                pass

        try:
            self._pages = http.server.ThreadingHTTPServer(("", port), Page)
        except OSError as fault:  # Another instance of this service has it.
            log.warning("prometheus_port %d: %s; this process has no page", port, fault)
            return
        threading.Thread(target=self._pages.serve_forever, name="metrics", daemon=True).start()
