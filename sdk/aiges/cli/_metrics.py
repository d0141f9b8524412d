# SPDX-License-Identifier: Apache-2.0
"""The metrics of a loader, and what lies between two looks at them. Standard library only."""

from __future__ import annotations

import http.client
import json
import os
import re
import ssl
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiges._narrow import is_dict, is_list
from aiges.cli import _toml
from aiges.cli._errors import CliError
from aiges.cli._running import find_running

__all__ = [
    "Snapshot",
    "address_of",
    "ask",
    "calls_between",
    "grpc_of",
    "instances",
    "limits_of",
    "load",
    "look",
    "quantile",
    "report",
]

SAMPLE = re.compile(r"(\w+)(?:\{(.*)\})? (\S+)")
LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')
TIMEOUT_S = 5.0
STAGES = ("queue", "channel", "engine", "total")
QUANTILES = (("p50_ms", 0.5), ("p99_ms", 0.99))
DEFAULT_ADDRESS = "127.0.0.1:1888"
NO_MORE = 10**12  # A number of samples and failures that no loader has: it leaves them out.
RATE_SAMPLES = 5
INSTANCE = ("index", "state", "pid", "restarts", "calls", "outstanding")

OF_MODELS = ("model", "version")

Labels = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Snapshot:
    """All metrics at one moment, by name and labels."""

    time: float
    ready: bool
    said: str
    values: Mapping[tuple[str, Labels], float] = field(
        default_factory=dict[tuple[str, Labels], float]
    )

    def value(self, name: str, **labels: str) -> float:
        """Return one metric; 0 when it is not there."""
        return self.values.get((name, tuple(sorted(labels.items()))), 0.0)

    def by(self, name: str, label: str) -> dict[str, float]:
        """Return the values of a metric by one of its labels."""
        found: dict[str, float] = {}
        for (each, labels), value in self.values.items():
            if each == name:
                found[dict(labels).get(label, "")] = value
        return found

    def buckets(self, name: str, **labels: str) -> list[tuple[float, float]]:
        """Return the buckets of a histogram: upper bound and how many up to it."""
        found: list[tuple[float, float]] = []
        for (each, given), value in self.values.items():
            said = dict(given)
            if each == f"{name}_bucket" and labels.items() <= said.items():
                found.append((float(said["le"]), value))
        return sorted(found)


def parse(text: str) -> dict[tuple[str, Labels], float]:
    """Return what a page of Prometheus metrics says; of several models all together."""
    values: dict[tuple[str, Labels], float] = {}
    for line in text.splitlines():
        found = None if line.startswith("#") else SAMPLE.match(line)
        if found:
            name, labels, value = found.groups()
            said = sorted(each for each in LABEL.findall(labels or "") if each[0] not in OF_MODELS)
            values[name, tuple(said)] = values.get((name, tuple(said)), 0.0) + float(value)
    return values


def address_of(target: str | None) -> str:
    """Return http://host:port of a loader; without a target of the one that runs here.

    That is what asectl serve runs in this folder, else what aiges.toml here says.
    """
    running = None if target else find_running()
    if running is not None and running.http:
        return running.http
    if not target:
        file = Path("aiges.toml")
        target = (_toml.http_address(_toml.read(file)) if file.is_file() else "") or DEFAULT_ADDRESS
    return (target if "://" in target else f"http://{target}").rstrip("/")


def _tls() -> ssl.SSLContext:
    """Return whom we trust and who we are, as AIGES_CA, AIGES_CERT and AIGES_KEY say."""
    ca, cert, key = (os.environ.get(f"AIGES_{name}", "") for name in ("CA", "CERT", "KEY"))
    try:
        context = ssl.create_default_context(cafile=ca if ca not in ("", "system") else None)
        if cert:
            context.load_cert_chain(cert, key or None)
    except OSError as error:
        raise CliError(f"AIGES_CA, AIGES_CERT, AIGES_KEY: {error}") from None
    return context


def ask(url: str, timeout_s: float = TIMEOUT_S, body: bytes | None = None) -> tuple[int, str]:
    """Return status and text of a GET, or of a POST where there is a body."""
    # A proxy of the environment is for the world outside, not for loaders.
    handlers: list[urllib.request.BaseHandler] = [urllib.request.ProxyHandler({})]
    if url.startswith("https:"):
        handlers.append(urllib.request.HTTPSHandler(context=_tls()))
    opener = urllib.request.build_opener(*handlers)
    if key := os.environ.get("AIGES_API_KEY", ""):
        opener.addheaders.append(("Authorization", f"Bearer {key}"))
    try:
        with opener.open(url, body, timeout=timeout_s) as answer:
            return int(answer.status), answer.read().decode(errors="replace")
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode(errors="replace")
    except (OSError, ValueError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", error)
        raise CliError(
            f"{url}: expected a loader's HTTP port, got: {reason}. Is it running? "
            "Its address is http_listen in aiges.toml"
        ) from None


def _refusal(text: str) -> str:
    """Return what the loader says of a key."""
    try:
        return str(json.loads(text)["header"]["message"])
    except (ValueError, KeyError, TypeError):
        return "the key is refused"


def look(address: str) -> Snapshot:
    """Ask a loader how it is."""
    code, said = ask(f"{address}/readyz")
    status, text = ask(f"{address}/metrics")
    if status in (401, 403):
        raise CliError(f"{address}/metrics: {_refusal(text)} (--api-key, or AIGES_API_KEY)")
    values = parse(text) if status == 200 else {}
    if not any(name.startswith("aiges_") for name, _ in values):
        raise CliError(
            f"{address}: expected metrics of AIService at /metrics, got none (HTTP port?)"
        )
    return Snapshot(time.monotonic(), code == 200, said.strip(), values)


def _status(address: str, query: str, timeout_s: float) -> dict[str, Any] | None:
    """Return /status.json; None: nobody answers, or it is no loader that has it."""
    try:
        code, text = ask(f"{address}/status.json?{query}", timeout_s)
        made = json.loads(text) if code == 200 else None
    except (CliError, ValueError):
        return None
    return made if is_dict(made) else None


def metering_folder(address: str) -> str:
    """Return the folder of usage records of the loader with that HTTP address."""
    ask(f"{address}/readyz")  # Says what is wrong where nobody answers.
    made = _status(address, f"history={NO_MORE}&failures={NO_MORE}", TIMEOUT_S)
    if made is None:
        raise CliError(f"{address}: expected AIService with /status.json (to a key that may admin)")
    metering = made.get("metering")
    if not is_dict(metering):
        raise CliError(f"{address}: keeps no usage records: [metering] folder is not set")
    return str(metering.get("folder"))


def grpc_of(address: str) -> tuple[str, str]:
    """Return the gRPC address of the loader with that HTTP address, and its service."""
    ask(f"{address}/readyz")  # Says what is wrong where nobody answers.
    made = _status(address, f"history={NO_MORE}&failures={NO_MORE}", TIMEOUT_S)
    if made is None or ":" not in str(made.get("grpc")):
        raise CliError(
            f"{address}: expected AIService, which says where its gRPC is (to a key that may "
            "administer, where keys are in force), got another"
        )
    host = urllib.parse.urlsplit(address).hostname or "127.0.0.1"
    port = str(made["grpc"]).rpartition(":")[2]
    return (f"[{host}]:{port}" if ":" in host else f"{host}:{port}"), str(made.get("service", ""))


def instances(address: str) -> list[dict[str, Any]]:
    """Return a loader's instances as they are now; none where it does not tell."""
    made = _status(address, f"history={NO_MORE}&failures={NO_MORE}", TIMEOUT_S) or {}
    return [{name: each.get(name) for name in INSTANCE} for each in made.get("instances", [])]


def calls_between(address: str) -> list[dict[str, Any]]:
    """Return how often each model of a loader has called another."""
    ask(f"{address}/readyz")  # Says what is wrong where nobody answers.
    made = _status(address, f"history={NO_MORE}&failures={NO_MORE}", TIMEOUT_S)
    found = None if made is None else made.get("calls_between")
    if not is_list(found):
        raise CliError(
            f"{address}: expected AIService, which says what its models call (to a key that may "
            "administer, where keys are in force), got another"
        )
    return found


def limits_of(address: str) -> dict[str, Any]:
    """Return how the limits of a loader's callers stand."""
    ask(f"{address}/readyz")  # Says what is wrong where nobody answers.
    made = _status(address, f"history={NO_MORE}&failures={NO_MORE}", TIMEOUT_S)
    if made is None:
        raise CliError(
            f"{address}: expected AIService, which says how limits stand (to a key that may "
            "administer, where keys are in force), got another"
        )
    if not is_dict(made.get("limits")):
        raise CliError(f"{address}: it has no [access] limits_file")
    found: dict[str, Any] = made["limits"]
    return found


def load(address: str, timeout_s: float) -> dict[str, Any] | None:
    """Return what a loader has in hand, in its queue, and its rate of late; None: it is silent."""
    made: Any = _status(address, f"failures={NO_MORE}", timeout_s)
    try:
        queue, history = made["queue"], made["history"]
        at = history["columns"].index("calls_per_s")
        rates: list[float] = [sample[at] or 0.0 for sample in history["samples"][-RATE_SAMPLES:]]
        return {
            "in_hand": int(queue["in_flight"]),
            "licences": int(queue["licences"]),
            "queue": int(queue["queued"]),
            "rate_per_s": round(sum(rates) / len(rates), 3) if rates else 0.0,
        }
    except (KeyError, TypeError, ValueError, IndexError):
        return None


def quantile(buckets: list[tuple[float, float]], share: float) -> float | None:
    """Return the value below which that share lies, between the bounds of its bucket; None: empty.

    In the bucket without an upper bound it is the lower one.
    """
    total = buckets[-1][1] if buckets else 0.0
    if total <= 0:
        return None
    wanted, below, lower = share * total, 0.0, 0.0
    for upper, up_to in buckets:
        if up_to >= wanted and up_to > below:
            if upper == float("inf"):
                return lower
            return lower + (upper - lower) * (wanted - below) / (up_to - below)
        below, lower = up_to, upper
    return lower


def _between(
    new: list[tuple[float, float]], old: list[tuple[float, float]]
) -> list[tuple[float, float]]:
    before = dict(old)
    return [(bound, max(0.0, count - before.get(bound, 0.0))) for bound, count in new]


def report(new: Snapshot, old: Snapshot | None = None) -> dict[str, Any]:
    """Return how a loader is; rates and quantiles are those since ``old``, else since its start."""
    over_s = new.time - old.time if old else 0.0
    answered = new.by("aiges_requests_total", "code")
    before = old.by("aiges_requests_total", "code") if old else {}
    done = {code: max(0.0, count - before.get(code, 0.0)) for code, count in answered.items()}
    failed = sum(count for code, count in done.items() if code != "0")
    latency: dict[str, Any] = {}
    for stage in STAGES:
        buckets = new.buckets("aiges_latency_seconds", stage=stage)
        if old:
            buckets = _between(buckets, old.buckets("aiges_latency_seconds", stage=stage))
        latency[stage] = {
            name: None if (found := quantile(buckets, share)) is None else round(found * 1000, 3)
            for name, share in QUANTILES
        }
    return {
        "ready": new.ready,
        "said": new.said,
        "instances": {k: int(v) for k, v in new.by("aiges_instances", "state").items()},
        "restarts": int(new.value("aiges_instance_restarts_total")),
        "in_flight": int(new.value("aiges_in_flight")),
        "licences": int(new.value("aiges_licences")),
        "queue": {
            "depth": int(new.value("aiges_queue_depth")),
            "bytes": int(new.value("aiges_queue_bytes")),
        },
        "requests": {code: int(count) for code, count in sorted(answered.items())},
        "sessions": {
            "open": int(new.value("aiges_sessions_open")),
            "total": int(new.value("aiges_sessions_total")),
        },
        "over_s": round(over_s, 3),
        "rate_per_s": round(sum(done.values()) / over_s, 3) if over_s else None,
        "errors_per_s": round(failed / over_s, 3) if over_s else None,
        "latency": latency,
    }
