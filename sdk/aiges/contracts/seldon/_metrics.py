# SPDX-License-Identifier: Apache-2.0
"""Metrics that user code reports with its results, for Prometheus.

Each instance keeps its values in files of a folder that all instances have in common
(prometheus_client's multiprocess mode), so that whichever answers, they add up. The files
of one that has ended are its successor's (_slots.py).
"""

from __future__ import annotations

import bisect
import importlib
import inspect
import math
import os
import threading
import time
from collections.abc import Iterable
from typing import Any, Callable

from aiges.contracts.seldon._errors import BAD_METRIC, SeldonMicroserviceException
from aiges.contracts.seldon._slots import value_class

__all__ = [
    "AGGREGATE",
    "COUNTER",
    "FEEDBACK",
    "GAUGE",
    "HEALTH",
    "INPUT",
    "OUTPUT",
    "PREDICT",
    "ROUTER",
    "TIMER",
    "SeldonMetrics",
    "checked",
    "create_counter",
    "create_gauge",
    "create_timer",
    "validate_metrics",
]

COUNTER, GAUGE, TIMER = "COUNTER", "GAUGE", "TIMER"
PREDICT, INPUT, OUTPUT = "predict", "inputtransform", "outputtransform"
ROUTER, AGGREGATE, FEEDBACK, HEALTH = "router", "aggregate", "feedback", "health"

_FEEDBACK, _REWARD = "seldon_api_model_feedback", "seldon_api_model_feedback_reward"
_WORKER = "0"  # One for all: series of workers that come and go would only grow in number.
# Seconds: 50 between 1 ms and 30 s, each so much more than the one before, and the rest.
_FIRST, _LAST, _STEPS = 0.001, 30.0, 50
_BOUNDS = [
    *(_FIRST * (_LAST / _FIRST) ** (at / (_STEPS - 1)) for at in range(_STEPS)),
    math.inf,
]
_CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def create_counter(key: str, value: float) -> dict[str, Any]:
    """Return a metric that adds ``value`` to a counter."""
    return _metric(COUNTER, key, value)


def create_gauge(key: str, value: float) -> dict[str, Any]:
    """Return a metric that sets a gauge."""
    return _metric(GAUGE, key, value)


def create_timer(key: str, value: float) -> dict[str, Any]:
    """Return a metric with so many milliseconds."""
    return _metric(TIMER, key, value)


def _metric(kind: str, key: str, value: float) -> dict[str, Any]:
    made = {"key": key, "type": kind, "value": value}
    if not validate_metrics([made]):
        raise ValueError(f"expected a name and a number of a {kind}, got {key!r} and {value!r}")
    return made


def _is_number(value: Any) -> bool:
    try:
        float(value)
    except (TypeError, ValueError):
        return False
    return not isinstance(value, (str, bytes))


def validate_metrics(metrics: Any) -> bool:
    """Whether it is a list of metrics as ``metrics()`` returns them."""
    return isinstance(metrics, (list, tuple)) and all(
        isinstance(each, dict)
        and isinstance(each.get("key"), str)
        and each.get("type") in (COUNTER, GAUGE, TIMER)
        and _is_number(each.get("value"))
        and isinstance(each.get("tags", {}), dict)
        for each in metrics
    )


def checked(metrics: Any) -> list[dict[str, Any]]:
    """Return them. Raises SeldonMicroserviceException where they are none."""
    if not isinstance(metrics, list) or not validate_metrics(metrics):
        raise SeldonMicroserviceException(
            f"Bad metric created during request: {_shown(metrics)}",
            status_code=500,
            reason=BAD_METRIC,
        )
    return metrics


def _shown(metrics: Any) -> str:
    import json

    try:
        return json.dumps(metrics)
    except (TypeError, ValueError):
        return str(metrics)


def _labels_of(tags: dict[str, Any], method: str) -> dict[str, str]:
    return {**{_name_of(k): str(v) for k, v in tags.items()}, "method": method}


def _name_of(text: Any, more: str = "") -> str:
    """A name that Prometheus takes."""
    name = "".join(
        c if c.isascii() and (c.isalnum() or c in "_" + more) else "_" for c in str(text)
    )
    return f"_{name}" if not name or name[0].isdigit() else name


class SeldonMetrics:
    """What all instances of a service count. Thread-safe."""

    def __init__(
        self,
        worker_id_func: Callable[[], Any] | None = None,
        extra_default_labels: dict[str, str] | None = None,
    ) -> None:
        self._labels = dict(extra_default_labels or {})
        self._worker_id = worker_id_func
        self._values: dict[Any, Any] = {}
        self._lock = threading.Lock()
        self._value_class: Any = None
        self._knows_time = False

    # --- what is reported ---

    def update(self, custom_metrics: Iterable[dict[str, Any]], method: str) -> None:
        """Count what the user's code has reported, for one call."""
        for each in custom_metrics:
            labels = _labels_of(each.get("tags") or {}, method)
            kind, key, value = each["type"], _name_of(each["key"], ":"), float(each["value"])
            if kind == COUNTER:
                self._add(key, value, labels)
            elif kind == GAUGE:
                self._set(self._value("gauge", key, key, labels), value)
            else:
                self._observe(key, value / 1000, labels)

    def update_reward(self, reward: float) -> None:
        """Count a feedback."""
        if reward:
            labels = {"method": FEEDBACK}
            self._add(_FEEDBACK, 1.0, labels)
            self._add(_REWARD, reward, labels)

    def _set(self, gauge: Any, value: float) -> None:
        if self._knows_time:
            gauge.set(value, timestamp=time.time())
        else:
            gauge.set(value)

    def _add(self, key: str, value: float, labels: dict[str, str]) -> None:
        self._value("counter", key, key + "_total", labels).inc(value)

    def _observe(self, key: str, seconds: float, labels: dict[str, str]) -> None:
        bound = _BOUNDS[min(bisect.bisect_left(_BOUNDS, seconds), len(_BOUNDS) - 1)]
        for each in _BOUNDS:  # All of them stand there, once one does.
            value = self._value("histogram", key, key + "_bucket", {**labels, "le": _bound(each)})
            if each == bound:
                value.inc(1.0)
        self._value("histogram", key, key + "_sum", labels).inc(seconds)

    def _value(self, kind: str, name: str, sample: str, labels: dict[str, str]) -> Any:
        key = (sample, *labels.items())
        value = self._values.get(key)
        if value is None:
            with self._lock:
                value = self._values.get(key)
                if value is None:
                    value = self._values[key] = self._make(kind, name, sample, labels)
        return value

    def _make(self, kind: str, name: str, sample: str, labels: dict[str, str]) -> Any:
        if self._value_class is None:
            if not os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
                raise RuntimeError("expected PROMETHEUS_MULTIPROC_DIR to be set")
            self._value_class = value_class()
            taken = inspect.signature(self._value_class.set).parameters
            self._knows_time = "timestamp" in taken  # From 0.18 on.
        worker = str(self._worker_id()) if self._worker_id else _WORKER
        every = {**self._labels, **labels, "worker_id": worker}
        # Of gauges of several instances the last one said; an older client knows the largest.
        mode = "" if kind != "gauge" else "mostrecent" if self._knows_time else "max"
        names, values_of = tuple(every), tuple(every.values())
        return self._value_class(
            kind, name, sample, names, values_of, help_text=name, multiprocess_mode=mode
        )

    # --- what Prometheus asks ---

    def collect(self) -> list[Any]:
        """Return what all instances have counted, as prometheus_client's metrics."""
        multiprocess: Any = importlib.import_module("prometheus_client.multiprocess")
        registry = importlib.import_module("prometheus_client").CollectorRegistry()
        return list(multiprocess.MultiProcessCollector(registry).collect())

    def generate_metrics(self) -> tuple[bytes, str]:
        """Return the text and its content type."""
        client: Any = importlib.import_module("prometheus_client")
        registry = client.CollectorRegistry()
        importlib.import_module("prometheus_client.multiprocess").MultiProcessCollector(registry)
        return client.generate_latest(registry), _CONTENT_TYPE

    def clear(self) -> None:
        """Forget the values of this process; what it has counted stays counted."""
        with self._lock:
            self._values.clear()


def _bound(value: float) -> str:
    return "+Inf" if value == math.inf else repr(value)
