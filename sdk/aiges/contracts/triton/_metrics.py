# SPDX-License-Identifier: Apache-2.0
"""Metrics of the user's own: families, and the series of each."""

from __future__ import annotations

import bisect
import enum
import importlib
import itertools
import json
import math
import threading
import time
from typing import Any

from aiges.contracts.triton._errors import TritonModelException
from aiges.contracts.triton._logger import Logger

__all__ = ["Metric", "MetricFamily", "MetricKind", "exposition"]


class MetricKind(enum.Enum):
    """What a family counts."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


_lock = threading.RLock()  # Collecting garbage may end a Metric in the middle of it.
_families: dict[str, _Family] = {}


class _Family:
    """All that has been said of one name in this process."""

    def __init__(self, name: str, description: str, kind: MetricKind) -> None:
        self.name, self.description, self.kind = name, description, kind
        self.series: dict[tuple[tuple[str, str], ...], _Series] = {}


class _Series:
    def __init__(self, buckets: list[float]) -> None:
        self.value = 0.0
        self.buckets = buckets
        self.counts = [0] * (len(buckets) + 1)
        self.holders = 0


def _number(value: float) -> float | str:
    """Return it as JSON has it, which knows finite numbers only."""
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "+Inf" if value > 0 else "-Inf"


def _said(kind: MetricKind, key: tuple[tuple[str, str], ...], series: _Series) -> dict[str, Any]:
    said: dict[str, Any] = {"labels": dict(key)}
    if kind is not MetricKind.HISTOGRAM:
        said["value"] = _number(series.value)
        return said
    bounds = [*series.buckets, math.inf]
    counts = itertools.accumulate(series.counts)
    said["buckets"] = [[_number(bound), count] for bound, count in zip(bounds, counts)]
    said["sum"] = _number(series.value)
    return said


def exposition() -> str:
    """Return all families as the host takes them (docs/plugin_metrics.md)."""
    with _lock:
        return json.dumps(
            [
                {
                    "name": name,
                    "help": family.description,
                    "kind": family.kind.value,
                    "series": [_said(family.kind, *each) for each in family.series.items()],
                }
                for name, family in sorted(_families.items())
            ],
            separators=(",", ":"),
        )


class _Teller:
    """Tells the host what has changed, on a thread of its own, a few times a second at most."""

    PERIOD_S = 0.2

    def __init__(self) -> None:
        self._changed = threading.Event()
        self._is_started = False

    def start(self) -> None:
        """Begin, where there is a host. Under _lock."""
        if self._is_started:
            return
        self._is_started = True
        try:
            host: Any = importlib.import_module("aiges_embed")
        except ImportError:
            return
        args = (host._tell_metrics,)
        threading.Thread(target=self._run, args=args, name="metrics", daemon=True).start()

    def wake(self) -> None:
        """Say that something has changed."""
        if not self._changed.is_set():
            self._changed.set()

    def _run(self, tell: Any) -> None:
        was_taken = True
        while True:
            self._changed.wait()
            self._changed.clear()
            text = exposition()
            is_taken = tell(text) == 0
            if was_taken and not is_taken:
                Logger.log_warn(
                    f"the host does not take metrics of {len(text)} bytes: expected at most 256 KiB"
                )
            was_taken = is_taken
            time.sleep(self.PERIOD_S)


_teller = _Teller()


class Metric:
    """One series. It is reported for as long as this object lives."""

    def __init__(self, family: _Family, labels: dict[str, str], buckets: list[float]) -> None:
        self._family = family
        self._key = tuple(sorted(labels.items()))
        with _lock:
            self._series = family.series.setdefault(self._key, _Series(buckets))
            self._series.holders += 1
        _teller.wake()

    def __del__(self) -> None:
        with _lock:
            self._series.holders -= 1
            if not self._series.holders and self._family.series.get(self._key) is self._series:
                del self._family.series[self._key]
        _teller.wake()

    def _refuse(self, what: str) -> None:
        raise TritonModelException(
            f"Unable to {what} a metric of kind {self._family.kind.value}: unsupported operation"
        )

    def increment(self, value: float) -> None:
        """Add to a counter or a gauge."""
        if self._family.kind is MetricKind.HISTOGRAM:
            self._refuse("increment")
        if self._family.kind is MetricKind.COUNTER and not value >= 0:
            raise TritonModelException(
                f"Unable to increment a counter by {value}: expected 0 or more"
            )
        with _lock:
            self._series.value += value
        _teller.wake()

    def set(self, value: float) -> None:
        """Set a gauge."""
        if self._family.kind is not MetricKind.GAUGE:
            self._refuse("set")
        with _lock:
            self._series.value = float(value)
        _teller.wake()

    def observe(self, value: float) -> None:
        """Add a value to a histogram."""
        if self._family.kind is not MetricKind.HISTOGRAM:
            self._refuse("observe")
        with _lock:
            self._series.counts[bisect.bisect_left(self._series.buckets, value)] += 1
            self._series.value += value
        _teller.wake()

    def value(self) -> float:
        """Return what a counter or a gauge has."""
        if self._family.kind is MetricKind.HISTOGRAM:
            self._refuse("read the value of")
        return self._series.value


class MetricFamily:
    """A name, and what it stands for."""

    COUNTER, GAUGE, HISTOGRAM = MetricKind.COUNTER, MetricKind.GAUGE, MetricKind.HISTOGRAM

    def __init__(self, name: str, description: str, kind: MetricKind) -> None:
        for what, text in (("name", name), ("description", description)):
            if not isinstance(text, str):
                raise TypeError(f"{what}: expected a str, got {type(text).__name__}")
        if not isinstance(kind, MetricKind):
            raise TypeError(f"kind: expected one of MetricFamily's, got {type(kind).__name__}")
        with _lock:
            there = _families.setdefault(name, _Family(name, description, kind))
            _teller.start()
        if there.kind is not kind:
            raise TritonModelException(
                f"metric family '{name}' is there already, of kind {there.kind.value}"
            )
        self._family = there

    def Metric(self, labels: Any = None, buckets: Any = None) -> Metric:  # noqa: N802 (published)
        """Return the series with these labels."""
        if labels is not None and not isinstance(labels, dict):
            raise TritonModelException(
                f"Failed to create a metric: labels: expected a dict, got {type(labels).__name__}"
            )
        for key, value in (labels or {}).items():
            if not isinstance(key, str) or not isinstance(value, str):
                raise TritonModelException("labels: expected texts as keys and values")
        is_histogram = self._family.kind is MetricKind.HISTOGRAM
        if is_histogram and buckets is None:
            raise TritonModelException("Failed to create a histogram: expected buckets")
        if buckets is not None:
            if not isinstance(buckets, (list, tuple)):
                raise TritonModelException(
                    f"buckets: expected a list, got {type(buckets).__name__}"
                )
            if not is_histogram:
                raise TritonModelException(
                    f"Unexpected buckets for a metric of kind {self._family.kind.value}"
                )
        bounds = [float(each) for each in buckets or ()]
        if sorted(set(bounds)) != bounds or math.inf in bounds:
            raise TritonModelException(f"buckets: expected growing numbers, got {bounds}")
        return Metric(self._family, labels or {}, bounds)
