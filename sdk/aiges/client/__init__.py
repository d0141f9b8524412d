"""A client for services of AIGES, over gRPC (pip install 'aiges[client]')::

with Client("consul://svcName") as client:
    print(client.once("some text").text())
"""

from aiges.client._session import Place
from aiges.client.aio import AsyncClient, AsyncSession
from aiges.client.client import Client, Session
from aiges.client.errors import (
    AigesError,
    BadRequest,
    DeadlineExceeded,
    EngineError,
    Overloaded,
    Unavailable,
    WorkerLost,
)
from aiges.client.message import DataType, Payload, Reply

__all__ = [
    "AigesError",
    "AsyncClient",
    "AsyncSession",
    "BadRequest",
    "Client",
    "DataType",
    "DeadlineExceeded",
    "EngineError",
    "Overloaded",
    "Payload",
    "Place",
    "Reply",
    "Session",
    "Unavailable",
    "WorkerLost",
]
