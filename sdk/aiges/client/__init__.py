# SPDX-License-Identifier: Apache-2.0
"""A client for services of AIGES, over HTTP, and over gRPC (pip install 'aiges-host[client]')::

with Client("http://127.0.0.1:1888") as client:
    print(client.predict(text="some text", picture=Path("cat.png")).json())
    for value in client.stream(text="some text"):
        print(value)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aiges.client.aio import AsyncClient, AsyncValueStream
from aiges.client.client import Client, ValueStream
from aiges.client.errors import (
    CODES,
    AigesError,
    BadRequest,
    Code,
    DeadlineExceeded,
    EngineError,
    Limited,
    Overloaded,
    Unavailable,
    WorkerLost,
)
from aiges.client.message import DataType, Payload, Place, Reply

if TYPE_CHECKING:
    from aiges.client._grpc import Session, Stream
    from aiges.client._grpc_aio import AsyncSession, AsyncStream

__all__ = [
    "CODES",
    "AigesError",
    "AsyncClient",
    "AsyncSession",
    "AsyncStream",
    "AsyncValueStream",
    "BadRequest",
    "Client",
    "Code",
    "DataType",
    "DeadlineExceeded",
    "EngineError",
    "Limited",
    "Overloaded",
    "Payload",
    "Place",
    "Reply",
    "Session",
    "Stream",
    "Unavailable",
    "ValueStream",
    "WorkerLost",
]

_OF_GRPC = {
    "AsyncSession": "aiges.client._grpc_aio",
    "AsyncStream": "aiges.client._grpc_aio",
    "Session": "aiges.client._grpc",
    "Stream": "aiges.client._grpc",
}


def __getattr__(name: str) -> Any:
    # Imported when it is asked for: a client over HTTP needs no gRPC.
    import importlib

    if name in _OF_GRPC:
        return getattr(importlib.import_module(_OF_GRPC[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
