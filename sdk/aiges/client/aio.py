# SPDX-License-Identifier: Apache-2.0
"""The client for asyncio: the same calls, awaited, over HTTP or gRPC."""

from __future__ import annotations

import copy
from collections.abc import AsyncIterator, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from aiges.client._closing import AsyncClosing
from aiges.client._options import Options, Wanted, is_http
from aiges.client.client import grpc_only, no_grpc
from aiges.client.message import Expect, Payloads, Reply

if TYPE_CHECKING:
    from aiges.balance import Endpoint
    from aiges.client._grpc_aio import AsyncSession, AsyncStream

__all__ = ["AsyncClient", "AsyncValueStream"]

_Self = TypeVar("_Self", bound="AsyncClient")


class AsyncValueStream(AsyncClosing, AsyncIterator[Any]):
    """What ``ValueStream`` is, for asyncio. Belongs to one task."""

    headers: Mapping[str, str] = {}

    @property
    def request_id(self) -> str:
        """The name of the call in the loader's log, once reading has begun."""
        return self.headers.get("x-request-id", "")

    def __aiter__(self) -> AsyncValueStream:
        return self

    async def aclose(self) -> None:
        """The same as ``close``, by the name that contextlib.aclosing() calls."""
        await self.close()


class AsyncClient(AsyncClosing):
    """What ``Client`` is, for asyncio. Made in a running event loop, and belongs to it.

    Over gRPC discovery runs on a thread of its own, so that a busy loop does not delay it.
    """

    _options = Options()

    def __new__(cls, target: str = "", *_: Any, **__: Any) -> AsyncClient:
        """Make the kind that the target asks for."""
        return object.__new__(_kind_of(target) if cls is AsyncClient else cls)

    def __init__(  # pyright: ignore[reportInconsistentConstructor] (__new__ takes any)
        self,
        target: str,
        service: str = "",
        *,
        timeout_s: float = 5.0,
        retries: int = 1,
        idempotent: bool = False,
        keepalive_s: float = 1.0,
        api_key: str | None = None,
        ca: str = "",
        cert: str = "",
        key: str = "",
    ) -> None:
        self._begin(
            Wanted(
                target,
                service,
                timeout_s,
                retries,
                idempotent,
                keepalive_s,
                api_key,
                ca,
                cert,
                key,
            )
        )

    def _begin(self, wanted: Wanted) -> None:
        raise NotImplementedError

    def with_options(
        self: _Self,
        *,
        timeout_s: float | None = None,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        accept: str | None = None,
        request_id: str | None = None,
    ) -> _Self:
        """Return this client for calls that have these; see ``Client.with_options``."""
        made = copy.copy(self)
        made._options = self._options.having(
            {
                "timeout_s": timeout_s,
                "params": params,
                "headers": headers,
                "accept": accept,
                "request_id": request_id,
            }
        )
        return made

    async def predict(self, /, **inputs: Any) -> Reply:
        """Call the model with its inputs by name, and wait for the whole answer.

        See ``Client.predict``.
        """
        raise NotImplementedError

    def stream(self, *args: Any, **inputs: Any) -> Any:
        """Call a model that gives its answer piece by piece, for ``async for``.

        With inputs by name it returns an AsyncValueStream. Over gRPC, with the input as the first
        argument, it returns an AsyncStream of Payloads, as ``stream_payloads`` does.
        """
        raise NotImplementedError

    def stream_payloads(
        self,
        inputs: Any,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        expect: Expect = (),
        timeout_s: float | None = None,
    ) -> AsyncStream:
        """Return a stream, for ``async for``; see ``Client.stream_payloads``. gRPC only.

        The pieces of the input may come from an async iterator; a plain one must not wait.
        """
        raise grpc_only("stream_payloads")

    async def once(
        self,
        payloads: Payloads,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        expect: Expect = (),
        timeout_s: float | None = None,
        timing: bool = False,
    ) -> Reply:
        """Send the whole input, wait for the whole output; see ``Client.once``. gRPC only."""
        raise grpc_only("once")

    async def session(
        self,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        expect: Expect = (),
        timeout_s: float | None = None,
    ) -> AsyncSession:
        """Open a session at one loader; see ``Client.session``. gRPC only."""
        raise grpc_only("session")

    def endpoints(self) -> list[Endpoint]:
        """Return the loaders that calls may go to now. gRPC only."""
        raise grpc_only("endpoints")


def _kind_of(target: str) -> type[AsyncClient]:
    if is_http(target):
        from aiges.client._http_aio import AsyncHttpClient

        return AsyncHttpClient
    try:
        from aiges.client._grpc_aio import AsyncGrpcClient
    except ImportError as error:
        raise no_grpc(target, error) from error
    return AsyncGrpcClient
