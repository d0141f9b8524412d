# SPDX-License-Identifier: Apache-2.0
"""The parts of the contract put together, for one class of models."""

from __future__ import annotations

import base64
from typing import Any

from aiges.contracts._doors import seconds_left
from aiges.contracts._threads import DoorThreads
from aiges.contracts.aipod._disk import Disk
from aiges.contracts.aipod._grpc import GrpcFace
from aiges.contracts.aipod._http import HTTP_DOORS, REFUSAL, JsonFace
from aiges.contracts.aipod._once import predict_once
from aiges.contracts.aipod._pool import Pool
from aiges.contracts.aipod._seat import Seat
from aiges.contracts.aipod._service import Service
from aiges.contracts.aipod._settings import read_settings
from aiges.contracts.aipod._trainings import Trainings
from aiges.contracts.aipod._wire import SERVICE, descriptor, length_of

__all__ = ["Server", "doors"]


class Server:
    """Serves from :meth:`start` to :meth:`end`. Raises ValueError for mistaken variables.

    ``debug``: answers name the type of what the model has raised.
    """

    def __init__(self, model_class: Any, debug: bool = False) -> None:
        settings = read_settings()
        data_path = settings.data_path
        self._doors = DoorThreads(settings.workers)
        disk = Disk(data_path)
        self._pool = Pool(
            lambda version: model_class(version=version, datapath=data_path),
            settings.pool_size,
            signature=disk.signature,
            put=self._doors.put,
        )
        self._seat = Seat()
        self._trainings = Trainings(self._pool, disk, self._seat, settings.workers)
        self._service = Service(model_class, self._pool, disk, self._trainings, debug)
        self._grpc = GrpcFace(self._doors, self._service, self._seat.served)
        JsonFace(self._doors, self._service, self._seat.served)

    def start(self) -> None:
        """Serve, as soon as the worker that is replaced has trained its models."""
        self._seat.take()
        self._doors.loop.start()
        self._doors.start(self._grpc.simple)

    def once(self, params: dict[str, Any], data: Any) -> Any:
        """Predict for a call of the host's own protocols."""
        self._seat.served()
        return predict_once(self._service, self._doors.put, params, data)

    def end(self) -> None:
        """Let trainings end, then what serves, then the instances."""
        self._trainings.end(max(seconds_left() - 1.0, 0.0))
        self._doors.end(seconds_left() / 2)
        self._pool.close()


def doors() -> dict[str, Any]:
    """Return what the engine answers itself."""
    file = descriptor()
    described = b"\x0a" + length_of(len(file)) + file  # A FileDescriptorSet of it.
    return {
        "doors": [{"grpc": SERVICE, "long": True, "gzip": True}, *HTTP_DOORS],
        "refusal": REFUSAL,
        "descriptors": base64.b64encode(described).decode(),
    }
