# SPDX-License-Identifier: Apache-2.0
"""The arguments of ``seldon-core-microservice``, with the variables that are their defaults."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping
from typing import Callable

from aiges.contracts.seldon._parameters import is_true

__all__ = ["NO_MEANING", "annotations_of", "log_level", "parsed"]

# Said to be without meaning here, where they are given. Flag -> why.
NO_MEANING = {
    "debug": "the log has the traceback of each error anyway",
    "tracing": "there is no Jaeger client here: calls carry x-request-id",
    "keepalive": "[limits] idle_timeout_ms of aiges.toml is for idle connections",
    "max_requests_jitter": "instances are replaced one after the other",
}
_ANNOTATIONS = "/etc/podinfo/annotations"


def _whole(text: str) -> int:
    number = int(text)
    if number < 0:
        raise argparse.ArgumentTypeError(f"expected a number from 0, got {text}")
    return number


def _port(text: str) -> int:
    number = int(text)
    if not 0 < number < 65536:
        raise argparse.ArgumentTypeError(f"expected a port from 1 to 65535, got {text}")
    return number


def parsed(
    arguments: list[str], environment: Mapping[str, str]
) -> tuple[argparse.Namespace, list[str]]:
    """Return what they say, and what of them is unknown. Exits with 2 where a value is wrong."""
    parser = argparse.ArgumentParser(prog="seldon-core-microservice")
    add = parser.add_argument

    def number(flag: str, variable: str, other: int, kind: Callable[[str], int] = _whole) -> None:
        # A default that is text is read as the flag's value would be.
        add(flag, type=kind, default=environment.get(variable) or str(other), help=variable)

    def word(flag: str, variable: str) -> None:
        default = is_true(environment.get(variable, ""))
        add(flag, nargs="?", type=bool, const=True, default=default, help=variable)

    add("interface_name", help="the user's class: Model, or package.module.Class")
    kinds = ["MODEL", "ROUTER", "TRANSFORMER", "COMBINER", "OUTLIER_DETECTOR"]
    add("--service-type", choices=kinds, default="MODEL", help="every call is answered anyway")
    add("--persistence", nargs="?", type=int, const=1, default=0, help="no longer does anything")
    add(
        "--parameters",
        default=environment.get("PREDICTIVE_UNIT_PARAMETERS", "[]"),
        help="the constructor's arguments, a JSON list of name, value and type",
    )
    add("--log-level", choices=["DEBUG", "INFO", "WARNING", "ERROR"], default="INFO")
    word("--debug", "SELDON_DEBUG")
    add("--tracing", nargs="?", type=int, const=1, default=_or_zero(environment.get("TRACING")))
    number("--workers", "GUNICORN_WORKERS", 1)
    number("--threads", "GUNICORN_THREADS", 1)
    number("--max-requests", "GUNICORN_MAX_REQUESTS", 0)
    number("--max-requests-jitter", "GUNICORN_MAX_REQUESTS_JITTER", 0)
    number("--keepalive", "GUNICORN_KEEPALIVE", 2)
    number("--single-threaded", "FLASK_SINGLE_THREADED", 0, _flag)
    number("--http-port", "PREDICTIVE_UNIT_HTTP_SERVICE_PORT", 9000, _port)
    number("--grpc-port", "PREDICTIVE_UNIT_GRPC_SERVICE_PORT", 5000, _port)
    number("--metrics-port", "PREDICTIVE_UNIT_METRICS_SERVICE_PORT", 6000, _port)
    add("--pidfile", default=None, help="written where it is given")
    word("--access-log", "GUNICORN_ACCESS_LOG")
    number("--grpc-threads", "GRPC_THREADS", 1)
    number("--grpc-workers", "GRPC_WORKERS", 1)
    return parser.parse_known_args(arguments)


def _flag(text: str) -> int:
    return 1 if is_true(text) else int(text)


def _or_zero(text: str | None) -> int:
    return int(text) if text and text.isdigit() else int(is_true(text or ""))


def log_level(given: argparse.Namespace, environment: Mapping[str, str]) -> str:
    """Return the level's name: the variable goes before the flag."""
    return str(environment.get("SELDON_LOG_LEVEL") or given.log_level).upper()


def annotations_of(file: str = _ANNOTATIONS) -> dict[str, str]:
    """Return the pod's annotations: lines of key="value"."""
    found: dict[str, str] = {}
    if not os.path.isfile(file):
        return found
    with open(file, encoding="utf-8", errors="replace") as lines:
        for line in lines:
            key, equals, value = line.rstrip().partition("=")
            if equals:
                found[key] = value[1:-1] if value[:1] == '"' == value[-1:] else value
    return found
