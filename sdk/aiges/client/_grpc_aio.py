# SPDX-License-Identifier: Apache-2.0
"""The client for asyncio over gRPC: the same calls, awaited."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Coroutine, Mapping
from typing import Any, NamedTuple

import grpc  # type: ignore[import-untyped]
import grpc.aio  # type: ignore[import-untyped]

from aiges.balance import Endpoint, Lease, Outcome
from aiges.client import _wire
from aiges.client._calls import CLOSED, Core, Tries, keyed
from aiges.client._closing import AsyncClosing
from aiges.client._encode import once_input, once_request
from aiges.client._inputs import payloads_of, read_inputs
from aiges.client._options import Wanted
from aiges.client._read import (
    ASK_TIMING,
    Metadata,
    asked_by,
    is_end,
    read_metadata,
    reply_of,
    said_by,
)
from aiges.client._session import POLL_S, SessionBase, SessionState
from aiges.client._stream import AsyncPieces, InputLog, StreamBase
from aiges.client._tls import credentials
from aiges.client.aio import AsyncClient, AsyncValueStream
from aiges.client.errors import AigesError, Unavailable
from aiges.client.message import Expect, Payload, Payloads, Reply

__all__ = ["AsyncGrpcClient", "AsyncSession", "AsyncStream"]


class _Link(NamedTuple):
    channel: Any
    call: Any
    run: Any


class AsyncGrpcClient(AsyncClient):
    """The calls of ``AsyncClient``, with discovery, balancing and tries at other loaders."""

    def _begin(self, wanted: Wanted) -> None:
        self._credentials = credentials(wanted.ca, wanted.cert, wanted.key)
        self._loop = asyncio.get_running_loop()
        self._channels: dict[str, _Link] = {}
        self._closing: set[asyncio.Task[None]] = set()
        self._core = Core(wanted, self._gone)

    async def close(self) -> None:
        """Stop discovery and close all connections; calls in flight fail as Unavailable."""
        self._core.close()
        channels = list(self._channels.values())
        self._channels.clear()  # In place: clients of with_options() share it.
        for link in channels:
            await link.channel.close()
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
        timing: bool = False,
    ) -> Reply:
        asked = ASK_TIMING if timing else None
        return await self._once(payloads, params, headers, expect, timeout_s, asked)

    async def _once(
        self,
        payloads: Payloads,
        params: Mapping[str, str] | None,
        headers: Mapping[str, str] | None,
        expect: Expect,
        timeout_s: float | None,
        metadata: Metadata | None,
    ) -> Reply:
        core = self._core
        data = once_input(core.service, payloads, params, headers, expect)
        tries = Tries(core, timeout_s)
        if not core.is_known:
            await self._known(tries)
        while True:
            if pause_s := tries.pause():
                await asyncio.sleep(pause_s)
            address = tries.begin()
            request = once_request(data, tries.wait_ms())
            answer = await self._try(tries, address, request, metadata)
            output = None if answer is None else tries.answered(answer)
            if output is not None:
                return reply_of(output, address, metadata, tries.headers)

    async def session(
        self,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        expect: Expect = (),
        timeout_s: float | None = None,
    ) -> AsyncSession:
        state = SessionState(self._core.service)
        request = state.opening(params, headers, expect)
        tries = Tries(self._core, timeout_s)
        await self._known(tries)
        while True:
            if pause_s := tries.pause():
                await asyncio.sleep(pause_s)
            address = tries.begin()
            answer = await self._try(tries, address, request)
            output = None if answer is None else tries.answered(answer, keep=True)
            if output is not None:
                assert tries.lease is not None
                state.take(output)
                limit_s = self._core.timeout_s if timeout_s is None else timeout_s
                return AsyncSession(self, state, tries.lease, limit_s)

    def stream_payloads(
        self,
        inputs: Any,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        expect: Expect = (),
        timeout_s: float | None = None,
    ) -> AsyncStream:
        log = InputLog(self._core.service, inputs, params, headers, expect)
        return AsyncStream(self, log, AsyncPieces(log, inputs), timeout_s)

    async def predict(self, /, **inputs: Any) -> Reply:
        """See ``Client.predict``."""
        options = self._options
        payloads, scalars = payloads_of(await asyncio.to_thread(read_inputs, inputs))
        params = {**scalars, **options.params}
        request_id = options.request_id or str(uuid.uuid4())
        metadata = asked_by(request_id)
        try:
            return await self._once(
                payloads, params, options.headers, (), options.timeout_s, metadata
            )
        except AigesError as error:
            raise said_by(error, request_id) from None

    def stream(self, *args: Any, **inputs: Any) -> Any:
        """See ``AsyncClient.stream``."""
        if args:
            return self.stream_payloads(*args, **inputs)
        options = self._options
        payloads, scalars = payloads_of(read_inputs(inputs))
        params = {**scalars, **options.params}
        found = self.stream_payloads(payloads, params, options.headers, (), options.timeout_s)
        return AsyncValues(found)

    async def _known(self, tries: Tries) -> None:
        if not self._core.is_known:
            await asyncio.to_thread(self._core.wait_known, tries.remaining_s())

    async def _try(
        self, tries: Tries, address: str, request: bytes, metadata: Metadata | None = None
    ) -> bytes | None:
        try:
            call = self._link(address).call(request, timeout=tries.timeout_s, metadata=metadata)
            answer: bytes = await call
            if metadata:
                heard = await call.initial_metadata(), await call.trailing_metadata()
                tries.headers = read_metadata(*heard)
            return answer
        except grpc.RpcError as error:
            tries.broke(error.code(), error.details())
            return None
        except BaseException as error:
            tries.end(Outcome.UNKNOWN)
            if self._core.closed and isinstance(error, asyncio.CancelledError):
                raise Unavailable(0, CLOSED, address, maybe_ran=True) from None
            raise

    def _link(self, address: str) -> _Link:
        found = self._channels.get(address)
        if found is None:
            if self._core.closed:
                raise Unavailable(0, CLOSED, address)
            channel = self._open(address)
            call = keyed(channel.unary_unary(_wire.CALL), self._core.api_key)
            run = keyed(channel.stream_stream(_wire.RUN), self._core.api_key)
            found = self._channels[address] = _Link(channel, call, run)
        return found

    def _open(self, address: str) -> grpc.aio.Channel:
        options = self._core.options
        if self._credentials is None:
            return grpc.aio.insecure_channel(address, options=options)
        return grpc.aio.secure_channel(address, self._credentials, options=options)

    def _gone(self, endpoint: Endpoint) -> None:
        """Called on any thread."""
        try:
            self._loop.call_soon_threadsafe(self._drop, endpoint)
        except RuntimeError:
            pass  # The loop is closed, and the channels with it.

    def _drop(self, endpoint: Endpoint) -> None:
        found = self._channels.pop(endpoint.address, None)
        if found is not None:
            close: Coroutine[Any, Any, None] = found.channel.close()
            task = self._loop.create_task(close)
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)


class AsyncValues(AsyncValueStream):
    """The payloads of a stream as the values that they are."""

    def __init__(self, stream: AsyncStream) -> None:
        self._stream = stream

    async def __anext__(self) -> Any:
        try:
            while is_end(payload := await self._stream.__anext__()):
                pass
            return payload.value()
        except AigesError as error:
            raise said_by(error, "") from None

    async def close(self) -> None:
        await self._stream.close()


class AsyncSession(AsyncClosing, SessionBase):
    """What ``Session`` is, for asyncio. Belongs to one task."""

    def __init__(
        self, client: AsyncGrpcClient, state: SessionState, lease: Lease, timeout_s: float
    ) -> None:
        super().__init__(state, lease, timeout_s)
        self._client = client

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
            answer = await self._client._link(self.host).call(request, timeout=timeout_s)
        except grpc.RpcError as error:
            raise self._broke(error.code(), error.details()) from None
        self._take(answer)


class AsyncStream(AsyncClosing, StreamBase):
    """What ``Stream`` is, for asyncio. Belongs to one task; ``close`` also from another one."""

    def __init__(
        self, client: AsyncGrpcClient, log: InputLog, pieces: AsyncPieces, timeout_s: float | None
    ) -> None:
        super().__init__(client._core, log, timeout_s)
        self._client, self._pieces = client, pieces
        self._writers: list[asyncio.Task[None]] = []

    def __del__(self) -> None:
        if not getattr(self, "_over", True) and not self._client._loop.is_closed():
            self._client._loop.call_soon_threadsafe(self._stop)

    def __aiter__(self) -> AsyncStream:
        return self

    async def __anext__(self) -> Payload:
        while not self._waiting:
            if self._over:
                raise StopAsyncIteration
            try:
                await self._receive()
            except BaseException as error:
                closed = self._over
                await self.close()
                cancelled = isinstance(error, asyncio.CancelledError)
                if cancelled and self._log.fault is not None:
                    raise self._log.fault from None
                if cancelled and self._core.closed:
                    raise Unavailable(0, CLOSED, self.host, maybe_ran=True) from None
                if closed:  # By another task.
                    raise StopAsyncIteration from None
                raise
        return self._waiting.popleft()

    async def close(self) -> None:
        """End the session; output that was not read is lost. May be called twice."""
        self._waiting.clear()
        await self._end()

    aclose = close

    async def _end(self) -> None:
        self._stop()
        if self._writers:
            await asyncio.wait(self._writers)
        await self._pieces.close()

    def _stop(self) -> None:
        self._leave()
        if self._call is not None:
            self._call.cancel()
        for writer in self._writers:
            writer.cancel()

    async def _receive(self) -> None:
        if self._call is None:
            await self._begin()
        try:
            call: Any = self._call  # Set by _begin.
            message = await call.read()
            if message is grpc.aio.EOF:  # pyright: ignore (its stubs do not know it)
                self._complete()
                await self._end()
                return
        except grpc.RpcError as error:
            self._broke(error.code(), error.details())
        else:
            self._take(message)

    async def _begin(self) -> None:
        if self._tries is None:
            self._tries = Tries(self._core, self._timeout_s)
            await self._client._known(self._tries)
        if pause_s := self._tries.pause():
            await asyncio.sleep(pause_s)
        link = self._client._link(self._tries.begin())
        self._call = link.run(timeout=self._tries.timeout_s)
        writing = _write(self._call, self._pieces, self._pieces.begin())
        self._writers.append(self._client._loop.create_task(writing))


async def _write(call: Any, pieces: AsyncPieces, number: int) -> None:
    """Send one try its input, no faster than it is taken."""
    at = 0
    try:
        await call.wait_for_connection()
        # Not call.write(): where that meets a call which the loader has ended, it puts INTERNAL in
        # the place of what the loader said.
        send = call._cython_call.send_serialized_message
        while (message := await pieces.next(number, at)) is not None:
            await send(message)
            at += 1
        if pieces.log.fault is not None:
            call.cancel()
        else:
            await call.done_writing()
    except (grpc.RpcError, grpc.aio.InternalError, asyncio.InvalidStateError):
        pass  # The call is over; who reads hears why.
