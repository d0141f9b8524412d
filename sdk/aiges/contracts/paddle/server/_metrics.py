# SPDX-License-Identifier: Apache-2.0
"""What ``--enable_prometheus`` counts, under the names of the original.

The host is told a few times a second; its /metrics has the sums of all instances' series.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Sequence

__all__ = ["Counts"]

_LOG = logging.getLogger("aiges.paddle")
_PERIOD_S = 0.2
_FAMILIES = (
    ("pd_query_request_success_total", "Calls that were answered."),
    ("pd_query_request_failure_total", "Calls that failed."),
    ("pd_query_request_duration_us_total", "Time of all calls, in microseconds."),
    ("pd_inference_count_total", "Runs of models."),
    ("pd_inference_duration_us_total", "Time of all runs of models, in microseconds."),
)


class Counts:
    """Counters from the start of the instance. Threads: any. ``tell`` gets them as JSON."""

    def __init__(self, tell: Callable[[str], int]) -> None:
        self._tell = tell
        self._lock = threading.Lock()
        self._changed = threading.Event()
        self._values = [0] * len(_FAMILIES)
        self._changed.set()
        threading.Thread(target=self._run, name="metrics", daemon=True).start()

    def add(self, is_good: bool, seconds: float, times: Sequence[int]) -> None:
        """Count a call; ``times``: begin and end of each run, in microseconds."""
        runs = [end - begin for begin, end in zip(times[::2], times[1::2])]
        with self._lock:
            values = self._values
            values[0 if is_good else 1] += 1
            values[2] += int(seconds * 1e6)
            values[3] += len(runs)
            values[4] += sum(runs)
        if not self._changed.is_set():
            self._changed.set()

    def families(self) -> str:
        """Return them as the host takes them."""
        with self._lock:
            values = list(self._values)
        return json.dumps(
            [
                {"name": name, "help": words, "kind": "counter", "series": [{"value": value}]}
                for (name, words), value in zip(_FAMILIES, values)
            ]
        )

    def _run(self) -> None:
        while True:
            self._changed.wait()
            self._changed.clear()
            if self._tell(self.families()) != 0:
                _LOG.warning("the host has not taken the metrics")
            time.sleep(_PERIOD_S)
