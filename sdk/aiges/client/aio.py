"""The client for asyncio: the same calls, awaited."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Coroutine, Mapping
from types import TracebackType
from typing import Any

import grpc  # type: ignore[import-untyped]
import grpc.aio  # type: ignore[import-untyped]

from aiges.balance import Endpoint, Lease, Outcome
from aiges.client import _wire
from aiges.client._calls import CLOSED, Core, Tries
from aiges.client._session import POLL_S, SessionBase, SessionState
from aiges.client.errors import AigesError, Unavailable
from aiges.client.message import (
    Expect,
    Payload,
    Payloads,
    Reply,
    check_payloads,
    input_bytes,
    payload_list,
    request_bytes,
)

__all__ = ["AsyncClient", "AsyncSession"]


class AsyncClient:
    """What ``Client`` is, for asyncio. Made in a running event loop, and belongs to it.

    Discovery runs on a thread of its own, so that a busy loop does not delay it.
    """

    def __init__(
        self,
        target: str,
        service: str = "svcName",
        *,
        timeout_s: float = 5.0,
        retries: int = 1,
        idempotent: bool = False,
        keepalive_s: float = 1.0,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._channels: dict[str, tuple[Any, Any]] = {}
        self._closing: set[asyncio.Task[None]] = set()
        self._core = Core(target, service, timeout_s, retries, idempotent, keepalive_s, self._gone)

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Stop discovery and close all connections; calls in flight fail as Unavailable."""
        self._core.close()
        channels, self._channels = list(self._channels.values()), {}
        for channel, _ in channels:
            await channel.close()
        if self._closing:
            await asyncio.wait(self._closing)

    def endpoints(self) -> list[Endpoint]:
        """Return the loaders that calls may go to now."""
        return self._core.picker.endpoints()

    async def once(
        self,
        payloads: Payloads,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        expect: Expect = (),
        timeout_s: float | None = None,
    ) -> Reply:
        """Send the whole input, wait for the whole output; see ``Client.once``."""
        items = payload_list(payloads)
        check_payloads(items)
        data = input_bytes(
            self._core.service, items, once=True, params=params, headers=headers, expect=expect
        )
        tries = Tries(self._core, timeout_s)
        await self._known(tries)
        while True:
            address = tries.begin().address
            request = request_bytes("AIIn", data, SeqNo="1", waitTime=tries.wait_ms())
            answer = await self._try(tries, address, request)
            output = None if answer is None else tries.answered(answer)
            if output is not None:
                return Reply({item.name: item for item in output.payloads}, address)

    async def session(
        self,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        expect: Expect = (),
        timeout_s: float | None = None,
    ) -> AsyncSession:
        """Open a session at one loader; it stays there. See ``Client.session``."""
        state = SessionState(self._core.service)
        request = state.opening(params, headers, expect)
        tries = Tries(self._core, timeout_s)
        await self._known(tries)
        while True:
            address = tries.begin().address
            answer = await self._try(tries, address, request)
            output = None if answer is None else tries.answered(answer, keep=True)
            if output is not None:
                assert tries.lease is not None
                state.take(output)
                limit_s = self._core.timeout_s if timeout_s is None else timeout_s
                return AsyncSession(self, state, tries.lease, limit_s)

    async def _known(self, tries: Tries) -> None:
        if not self._core.known.is_set():
            await asyncio.to_thread(self._core.known.wait, tries.remaining_s())

    async def _try(self, tries: Tries, address: str, request: bytes) -> bytes | None:
        try:
            answer: bytes = await self._call(address)(request, timeout=tries.remaining_s())
            return answer
        except grpc.RpcError as error:
            tries.broke(error.code(), error.details())
            return None
        except BaseException as error:
            tries.end(Outcome.UNKNOWN)
            if self._core.closed and isinstance(error, asyncio.CancelledError):
                raise Unavailable(0, CLOSED, address, maybe_ran=True) from None
            raise

    def _call(self, address: str) -> Any:
        if self._core.closed:
            raise Unavailable(0, CLOSED, address)
        if address not in self._channels:
            channel = grpc.aio.insecure_channel(address, options=self._core.options)
            self._channels[address] = channel, channel.unary_unary(_wire.CALL)
        return self._channels[address][1]

    def _gone(self, endpoint: Endpoint) -> None:
        """Called on any thread."""
        try:
            self._loop.call_soon_threadsafe(self._drop, endpoint)
        except RuntimeError:
            pass  # The loop is closed, and the channels with it.

    def _drop(self, endpoint: Endpoint) -> None:
        found = self._channels.pop(endpoint.address, None)
        if found is not None:
            close: Coroutine[Any, Any, None] = found[0].close()
            task = self._loop.create_task(close)
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)


class AsyncSession(SessionBase):
    """What ``Session`` is, for asyncio. Belongs to one task."""

    def __init__(
        self, client: AsyncClient, state: SessionState, lease: Lease, timeout_s: float
    ) -> None:
        super().__init__(state, lease, timeout_s)
        self._client = client

    async def __aenter__(self) -> AsyncSession:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def __aiter__(self) -> AsyncIterator[Payload]:
        while not self.ended:
            for payload in await self.read():
                yield payload

    async def write(self, payloads: Payloads, status: int = 1) -> None:
        """Write a piece of input; ``status`` is its place in its stream (see ``Place``)."""
        await self._ask(self._state.writing(payloads, status), self._timeout_s)
        self._state.written()

    async def read(self, timeout_s: float | None = None) -> list[Payload]:
        """Return what has come, at least one payload; [] when the time passed, or at the end."""
        until = None if timeout_s is None else time.monotonic() + timeout_s
        while self._state.must_wait:
            left_s = POLL_S if until is None else min(POLL_S, until - time.monotonic())
            if left_s <= 0:
                break
            await self._ask(self._state.reading(left_s), left_s + self._timeout_s)
        return self._state.drain()

    async def close(self) -> None:
        """End the session; output that was not read is lost. May be called twice."""
        if not self._over:
            try:
                await self._ask(self._state.closing(), self._timeout_s)
            except AigesError:
                pass  # Then it is over as well.
        self._finish(Outcome.OK)

    async def _ask(self, request: bytes, timeout_s: float) -> None:
        try:
            answer = await self._client._call(self.host)(request, timeout=timeout_s)
        except grpc.RpcError as error:
            raise self._broke(error.code(), error.details()) from None
        self._take(answer)
