# SPDX-License-Identifier: Apache-2.0
"""A client for services of AIGES, over gRPC (pip install 'aiges-host[client]')::

with Client("consul://svcName") as client:
    print(client.once("some text").text())
    for payload in client.stream("some text"):
        print(payload.data)
"""

from aiges.client._session import Place
from aiges.client.aio import AsyncClient, AsyncSession, AsyncStream
from aiges.client.client import Client, Session, Stream
from aiges.client.errors import (
    CODES,
    AigesError,
    BadRequest,
    Code,
    DeadlineExceeded,
    EngineError,
    Overloaded,
    Unavailable,
    WorkerLost,
)
from aiges.client.message import DataType, Payload, Reply

__all__ = [
    "CODES",
    "AigesError",
    "AsyncClient",
    "AsyncSession",
    "AsyncStream",
    "BadRequest",
    "Client",
    "Code",
    "DataType",
    "DeadlineExceeded",
    "EngineError",
    "Overloaded",
    "Payload",
    "Place",
    "Reply",
    "Session",
    "Stream",
    "Unavailable",
    "WorkerLost",
]
