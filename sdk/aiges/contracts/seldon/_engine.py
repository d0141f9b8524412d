# SPDX-License-Identifier: Apache-2.0
"""The engine in a worker: one object, with REST and gRPC in front of it."""

from __future__ import annotations

import contextlib
import logging
import os
import threading
from collections.abc import Mapping
from typing import Any

from aiges.contracts._command import use_first
from aiges.contracts._threads import DoorThreads
from aiges.contracts.seldon._access import AccessLog
from aiges.contracts.seldon._calls import Served
from aiges.contracts.seldon._folder import make_folder
from aiges.contracts.seldon._lane import Lane, LaneHttp
from aiges.contracts.seldon._metadata import Metadata
from aiges.contracts.seldon._metrics import SeldonMetrics
from aiges.contracts.seldon._model import UserModel
from aiges.contracts.seldon._once import message_of, own_error, result_of
from aiges.contracts.seldon._parameters import is_true, switch_of
from aiges.contracts.seldon._rest import Rest
from aiges.contracts.seldon._slots import value_class
from aiges.contracts.seldon._unit import Unit, environment_of, unit_of
from aiges.contracts.seldon._user import load_object, make_object

__all__ = ["Engine"]

_LOG = logging.getLogger("aiges.seldon")
_BESIDE = 2  # Threads for what is answered without the user's code.
_BODY_MB = 64  # As much as a message may have.


class Engine:
    """Begins when it is made; raises what the user's code raises."""

    def __init__(self, config: Mapping[str, str]) -> None:
        use_first("seldon")
        environment = environment_of(config)
        make_folder(os.getppid())
        with contextlib.suppress(ImportError):  # Who has no prometheus_client counts nothing.
            value_class()  # Before the user's code makes metrics.
        _set_level(environment.get("SELDON_LOG_LEVEL") or config.get("log_level", "INFO"))
        unit = unit_of(environment)
        user = make_object(environment)
        metadata = Metadata(user, unit)
        load_object(user)
        served = Served(UserModel(user), unit, SeldonMetrics(extra_default_labels=unit.labels))
        strict = _says(config, "strict_upstream")
        most = _number(config, "max_workers", 1, 1000)
        most_body = _number(config, "max_body_mb", _BODY_MB, 2000) << 20
        access = AccessLog(_unlogged(environment, unit)) if _says(config, "access_log") else None
        self._rest = Rest(served, metadata, strict, access)
        self._doors = DoorThreads(most + _BESIDE)
        self._lane = lane = Lane(most)
        LaneHttp(self._doors, self._rest, most_body, lane)
        self._services: list[str] = []
        simple: list[str] = []
        if _says(config, "grpc", "true"):
            server = _grpc_server(self._doors, lane, served, metadata)
            self._services, simple = server.services, server.simple
        self._doors.loop.start()
        self._doors.start(simple)
        _start_custom_service(user)

    def doors(self) -> dict[str, Any]:
        """Name what is answered."""
        doors: list[dict[str, Any]] = [{"http": pattern} for pattern in self._rest.patterns]
        doors += [{"grpc": name} for name in self._services]
        refusal = (
            '{"status":{"code":-1,"info":%s,"reason":"MICROSERVICE_INTERNAL_ERROR","status":1}}'
        )
        found: dict[str, Any] = {
            "doors": doors,
            "refusal": {"type": "application/json", "body": refusal},
        }
        if self._services:
            from aiges.contracts.grpc._descriptors import descriptors_of

            found["descriptors"] = descriptors_of(self._services)
        return found

    def once(self, data: Any) -> Any:
        """Answer a call of the host's own protocols by predict."""
        message = message_of(data)
        try:
            return result_of(self._lane.call(lambda: self._rest.predict(message)))
        except Exception as fault:
            raise own_error(fault) from fault

    def end(self, seconds: float) -> None:
        """End what serves."""
        self._doors.end(seconds)


def _grpc_server(doors: DoorThreads, lane: Lane, served: Served, metadata: Metadata) -> Any:
    from aiges.contracts.seldon._lane_grpc import LaneGrpc
    from aiges.contracts.seldon._proto_calls import ProtoCalls
    from aiges.contracts.seldon._servicers import register

    server = LaneGrpc(doors, lane)
    server.replies = register(server, ProtoCalls(served), metadata)
    return server


def _says(config: Mapping[str, str], key: str, other: str = "false") -> bool:
    return switch_of(config.get(key) or other, f"[wrapper] {key}")


def _unlogged(environment: Mapping[str, str], unit: Unit) -> str:
    """The path that has no line in the access log, or nothing."""
    filters = environment.get("FILTER_METRICS_ACCESS_LOGS") or str(
        not is_true(environment.get("SELDON_DEBUG", ""))
    )
    return unit.metrics_path if is_true(filters) else ""


def _number(config: Mapping[str, str], key: str, other: int, most: int) -> int:
    text = config.get(key) or str(other)
    if not text.isdecimal() or not 1 <= int(text) <= most:
        raise ValueError(f"[wrapper] {key}: expected a number from 1 to {most}, got {text!r}")
    return int(text)


def _set_level(name: str) -> None:
    level = logging.getLevelName(name.upper())  # pyright: ignore[reportDeprecated] (it is meant)
    if isinstance(level, int):
        form = "%(asctime)s - %(name)s:%(funcName)s:%(lineno)s - %(levelname)s:  %(message)s"
        logging.basicConfig(level=level, format=form)


def _start_custom_service(user: Any) -> None:
    """What the object serves beside, on a thread; it ends with the worker."""
    service = getattr(user, "custom_service", None)
    if not callable(service):
        return

    def run() -> None:
        try:
            service()
        except BaseException as fault:
            _LOG.error("custom_service ended", exc_info=fault)

    threading.Thread(target=run, name="custom-service", daemon=True).start()
