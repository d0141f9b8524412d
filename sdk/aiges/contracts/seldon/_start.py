# SPDX-License-Identifier: Apache-2.0
"""``seldon-core-microservice``: reads its arguments, and becomes the loader."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

from aiges.contracts._command import become_loader, said_address, written
from aiges.contracts.seldon import _arguments
from aiges.contracts.seldon._folder import make_folder
from aiges.contracts.seldon._parameters import is_true, parameters_of

__all__ = ["main", "tables_of"]

_LOG = logging.getLogger("seldon_core.microservice")

_HOST = "0.0.0.0"
_REST_TIMEOUT, _MESSAGE_SIZE = "seldon.io/rest-timeout", "seldon.io/grpc-max-message-size"
_DEFAULT_MESSAGE = 64 << 20  # The host's own limit, which these only raise.
_LEVELS = {"WARNING": "warn"}


def main(version: str, arguments: list[str] | None = None) -> NoReturn:
    """Start the service. Exits with 255 for unknown arguments, 2 for wrong values."""
    form = "%(asctime)s - %(name)s:%(funcName)s:%(lineno)s - %(levelname)s:  %(message)s"
    logging.basicConfig(level=logging.INFO, format=form)
    _LOG.info("Starting microservice.py:main")
    _LOG.info("Seldon Core version: %s", version)
    given, unknown = _arguments.parsed(sys.argv[1:] if arguments is None else arguments, os.environ)
    if unknown:
        _LOG.error(
            "Unknown args %s. Note since 1.5.0 this CLI does not take API type (REST, GRPC)",
            unknown,
        )
        sys.exit(-1)
    _say_what_has_no_meaning(given)
    parameters_of(given.parameters)  # What is wrong with them is told here, with a traceback.
    annotations = _arguments.annotations_of()
    _LOG.info("Annotations: %s", annotations)
    tables = tables_of(given, os.environ, annotations, said_address(written()).host or _HOST)
    _write_pid(given.pidfile)
    os.environ["PREDICTIVE_UNIT_PARAMETERS"] = given.parameters
    os.environ["SELDON_LOG_LEVEL"] = _arguments.log_level(given, os.environ)
    make_folder(os.getpid(), anew=True)
    port = given.grpc_port if given.grpc_workers else given.http_port
    _LOG.info("Importing %s", given.interface_name)
    _LOG.info("REST microservice running on port %s", given.http_port)
    if given.grpc_workers:
        _LOG.info("GRPC microservice running on port %s", given.grpc_port)
    _LOG.info("REST metrics microservice running on port %s", given.metrics_port)
    become_loader("seldon", _HOST, port, tables, folder=Path.cwd(), app=given.interface_name)


def tables_of(
    given: argparse.Namespace,
    environment: Mapping[str, str],
    annotations: Mapping[str, str],
    host: str = _HOST,
) -> dict[str, dict[str, Any]]:
    """Return what aiges.toml would say. ``host``: where all ports are bound."""
    main_port = given.grpc_port if given.grpc_workers else given.http_port
    others: list[int] = []
    for port in (given.http_port, given.metrics_port):
        if port != main_port and port not in others:
            others.append(port)
    threads = 1 if given.single_threaded else max(given.threads, given.grpc_threads, 1)
    wrapper: dict[str, Any] = {
        "http_listen": f"{host}:{others[0]}" if others else "off",
        "grpc": "true" if given.grpc_workers else "false",
        "max_workers": str(threads),
        "access_log": "true" if given.access_log else "false",
    }
    instances: dict[str, Any] = {"count": max(given.workers, given.grpc_workers, 1)}
    if given.max_requests:
        instances["max_requests"] = given.max_requests
    timeout = annotations.get(_REST_TIMEOUT, "")
    if timeout.isdigit():
        instances["exec_timeout_ms"] = max(int(timeout) // 1000, 1) * 1000
    level = _arguments.log_level(given, environment)
    tables: dict[str, dict[str, Any]] = {
        "http": {"also_listen": [f"{host}:{port}" for port in others[1:]], "app_paths": True},
        "wrapper": wrapper,
        "instances": instances,
        "log": {"level": _LEVELS.get(level, level.lower())},
    }
    size = annotations.get(_MESSAGE_SIZE, "")
    if size.isdigit() and int(size) > _DEFAULT_MESSAGE:
        tables["limits"] = {"max_message_bytes": int(size)}
        wrapper["max_body_mb"] = str(-(-int(size) // (1 << 20)))
    return tables


def _write_pid(file: str | None) -> None:
    if file:
        Path(file).write_text(f"{os.getpid()}\n", encoding="ascii")


def _say_what_has_no_meaning(given: argparse.Namespace) -> None:
    if given.persistence:
        _LOG.error("Persistence: ignored, persistence is deprecated")
    asked = {
        "debug": given.debug,
        "tracing": given.tracing,
        "keepalive": given.keepalive != 2,
        "max_requests_jitter": given.max_requests_jitter,
    }
    for name, value in asked.items():
        if value:
            flag = "--" + name.replace("_", "-")
            _LOG.warning("%s is without meaning here: %s", flag, _arguments.NO_MEANING[name])
    if is_true(os.environ.get("USE_MULTIPROCESS_PACKAGE", "")):
        _LOG.warning("USE_MULTIPROCESS_PACKAGE is without meaning here: one process serves all")
