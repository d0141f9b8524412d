# SPDX-License-Identifier: Apache-2.0
"""Contract ``grpc``: servicers written for grpcio, sync and asyncio, behind the host's ports.

``[aiges] contract = "grpc"``, ``app = "module:register"``: ``register(server)`` is called with an
object that generated code (``add_XServicer_to_server``) takes for a server of grpcio; it may be a
coroutine. Blocking handlers run on ``[wrapper] max_workers`` threads (10), the others on one event
loop. docs/doors.md.
"""

from __future__ import annotations

from typing import Any

from aiges.contracts._app import load_app
from aiges.contracts._doors import seconds_left
from aiges.contracts._threads import DoorThreads
from aiges.contracts.grpc._descriptors import descriptors_of
from aiges.contracts.grpc._server import GrpcServer

__all__ = ["wrapperDoors", "wrapperFini", "wrapperInit"]

_doors: DoorThreads | None = None
_server: GrpcServer | None = None
# Answered by the host, which knows the names and descriptors of all services.
_HOSTS = frozenset(
    ("grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection")
)


def wrapperInit(config: dict[str, str]) -> int:  # noqa: N802 (frozen name)
    """Let the user's function add its servicers."""
    global _doors, _server
    text = config.get("max_workers", "10")
    if not text.isdigit() or not 1 <= int(text) <= 1000:
        raise ValueError(f"[wrapper] max_workers: expected a number from 1 to 1000, got {text}")
    _doors = DoorThreads(int(text))
    _server = GrpcServer(_doors)
    _doors.loop.start()
    _server.register(load_app("a function that takes a server"))
    _doors.start(_server.simple)
    return 0


def wrapperDoors() -> dict[str, Any]:  # noqa: N802
    """Name the services."""
    services = _server.services if _server is not None else []
    own = [name for name in services if name not in _HOSTS]
    return {
        "doors": [{"grpc": name, "long": True} for name in own],
        "descriptors": descriptors_of(own),
    }


def wrapperFini() -> int:  # noqa: N802
    """End what serves."""
    if _doors is not None:
        _doors.end(seconds_left() / 2)
    return 0
