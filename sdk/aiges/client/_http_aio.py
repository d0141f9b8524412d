# SPDX-License-Identifier: Apache-2.0
"""The client for asyncio over HTTP."""

from __future__ import annotations

import asyncio
import math
import time
from collections import deque
from collections.abc import Awaitable
from typing import Any, TypeVar

from aiges.client._http import CLOSED, PAUSE_S
from aiges.client._http_answer import Answer, Events
from aiges.client._http_reader import AsyncConnection, BadAnswer
from aiges.client._http_request import EVENTS, Request, Route, predict_request
from aiges.client._http_routes import Routes, Steps
from aiges.client._http_target import check_tries, parse_url, tls_context
from aiges.client._inputs import read_inputs
from aiges.client._options import Wanted, key_of
from aiges.client.aio import AsyncClient, AsyncValueStream
from aiges.client.errors import AigesError, DeadlineExceeded, Unavailable
from aiges.client.message import Reply

__all__ = ["AsyncHttpClient", "AsyncHttpStream"]

MOST_IDLE = 64

T = TypeVar("T")


class AsyncHttpClient(AsyncClient):
    """The calls of ``AsyncClient`` over HTTP/1.1."""

    def _begin(self, wanted: Wanted) -> None:
        check_tries(wanted)
        self._target = parse_url(wanted.target)
        self._routes = Routes(self._target, wanted.service)
        self._timeout_s, self._retries = wanted.timeout_s, wanted.retries
        self._idempotent = wanted.idempotent
        self._fields = {"User-Agent": "aiges-client"}
        if found := key_of(wanted.api_key):
            self._fields["Authorization"] = f"Bearer {found}"
        self._pool = _Pool(
            self._target, tls_context(self._target, wanted.ca, wanted.cert, wanted.key)
        )

    async def close(self) -> None:
        """Close all connections; calls in flight fail as Unavailable."""
        self._pool.close()

    async def predict(self, /, **inputs: Any) -> Reply:
        """See ``Client.predict``."""
        given, options = await asyncio.to_thread(read_inputs, inputs), self._options
        limit_s = self._timeout_s if options.timeout_s is None else options.timeout_s
        until = time.monotonic() + limit_s

        def make(route: Route) -> Request:
            left_s = until - time.monotonic()
            return predict_request(route, self._target.prefix, given, options, left_s, False)

        steps = self._routes.steps(make)
        try:
            request = next(steps)
            while True:
                request = steps.send(await self._whole(request, until))
        except StopIteration as end:
            answer: Answer = end.value[1]
        return answer.reply()

    def stream(self, *args: Any, **inputs: Any) -> AsyncHttpStream:
        """See ``AsyncClient.stream``. The request is sent with the first reading."""
        if args:
            raise TypeError("stream: over HTTP the inputs have names: stream(text=..)")
        given, options = read_inputs(inputs), self._options

        def make(route: Route) -> Request:
            limit_s = options.timeout_s
            return predict_request(route, self._target.prefix, given, options, limit_s, True)

        return AsyncHttpStream(self, self._routes.steps(make), options.timeout_s)

    async def _whole(self, request: Request, until: float) -> Answer:
        left = self._retries
        while True:
            exchange = await _Exchange(self, until).begin(request)
            try:
                answer = await exchange.read_whole()
            finally:
                exchange.close()
            pause_s = answer.limited_s()
            if left < 1 or not 0 < pause_s < until - time.monotonic():
                return answer
            left -= 1
            await asyncio.sleep(pause_s)


class _Pool:
    """The connections of one client. Belongs to its event loop."""

    def __init__(self, target: Any, context: Any) -> None:
        self._target, self._context = target, context
        self._idle: list[AsyncConnection] = []
        self._taken: set[AsyncConnection] = set()
        self.closed = False

    def take(self) -> AsyncConnection:
        while self._idle:
            found = self._idle.pop()
            if found.is_usable():
                break
            found.close()
        else:
            found = AsyncConnection(self._target, self._context)
        self._taken.add(found)
        return found

    def give(self, connection: AsyncConnection, usable: bool) -> None:
        self._taken.discard(connection)
        if usable and not self.closed and len(self._idle) < MOST_IDLE:
            connection.idle_since = time.monotonic()
            self._idle.append(connection)
        else:
            connection.close()

    def close(self) -> None:
        self.closed = True
        for connection in (*self._idle, *self._taken):
            connection.close()
        self._idle.clear()


class _Exchange:
    """One request on one connection, until its answer has been read."""

    def __init__(self, client: AsyncHttpClient, until: float) -> None:
        self._client, self._until = client, until
        self._connection: AsyncConnection | None = None
        self._sent = False
        self.answer = Answer(0, {}, b"", str(client._target))

    async def begin(self, request: Request) -> _Exchange:
        """Send it, with more tries where nothing was sent, and read the head of the answer."""
        client, left = self._client, self._client._retries
        while True:
            try:
                await self._try(request)
                return self
            except AigesError as error:
                may = isinstance(error, Unavailable) and (not error.maybe_ran or client._idempotent)
                left_s = self._until - time.monotonic()
                if not may or left < 1 or client._pool.closed or left_s <= PAUSE_S:
                    raise
            left -= 1
            await asyncio.sleep(PAUSE_S)
            self._sent = False

    async def _within(self, work: Awaitable[T], limit_s: float = math.inf) -> T:
        left_s = min(self._until - time.monotonic(), limit_s)
        return await asyncio.wait_for(work, None if left_s == math.inf else max(0.0, left_s))

    async def _try(self, request: Request) -> None:
        pool = self._client._pool
        if pool.closed:
            raise Unavailable(0, CLOSED, self.answer.host)
        self._connection = connection = pool.take()
        try:
            if not connection.is_open:
                endless = self._until == math.inf  # A stream may last; connecting may not.
                limit_s = self._client._timeout_s if endless else math.inf
                await self._within(connection.connect(), limit_s)
            self._sent = True
            try:
                await self._within(connection.send(request, self._client._fields))
            except (BrokenPipeError, ConnectionResetError):
                pass  # The server may have said why it takes no more.
            status, fields = await self._within(connection.head())
        except (OSError, BadAnswer, asyncio.TimeoutError) as error:
            self.close()
            if isinstance(error, (FileNotFoundError, IsADirectoryError)) and self._sent:
                raise  # A file of the caller's that is gone.
            raise self._failed(error) from error
        except BaseException as error:
            self.close()
            if pool.closed and isinstance(error, asyncio.CancelledError):
                raise Unavailable(0, CLOSED, self.answer.host, maybe_ran=True) from None
            raise
        self.answer.status, self.answer.headers = status, fields

    async def read(self) -> bytes:
        """Return the next piece of the body; empty: it has ended."""
        assert self._connection is not None
        try:
            return await self._within(self._connection.read())
        except (OSError, BadAnswer, asyncio.TimeoutError, AssertionError) as error:
            raise self._failed(error) from error

    async def read_whole(self) -> Answer:
        """Return the answer with its body, and give the connection back."""
        pieces: list[bytes] = []
        while piece := await self.read():
            pieces.append(piece)
        self.answer.body = b"".join(pieces)
        if self._connection is not None:
            self._client._pool.give(self._connection, self._connection.reusable)
            self._connection = None
        return self.answer

    def close(self) -> None:
        """End it; a second time does nothing."""
        if self._connection is not None:
            self._client._pool.give(self._connection, False)
            self._connection = None

    def _failed(self, error: Exception) -> AigesError:
        host, sent = self.answer.host, self._sent
        found: AigesError
        if self._client._pool.closed:
            found = Unavailable(0, CLOSED, host, maybe_ran=sent)
        elif isinstance(error, (asyncio.TimeoutError, TimeoutError)):
            if sent or self._until - time.monotonic() <= 0:
                when = "for the answer" if sent else "before the call was sent"
                found = DeadlineExceeded(10102, f"the time passed {when}", host)
            else:
                found = Unavailable(0, "no connection in time", host)
        else:
            what = "the connection broke" if sent else "no connection"
            found = Unavailable(0, f"{what}: {error or type(error).__name__}", host, sent)
        found.request_id = self._client._options.request_id
        return found


class AsyncHttpStream(AsyncValueStream):
    """The values of events. One that answers at once, without events, is one value."""

    def __init__(self, client: AsyncHttpClient, steps: Steps, timeout_s: float | None) -> None:
        self._client, self._steps = client, steps
        self._timeout_s = math.inf if timeout_s is None else timeout_s
        self._exchange: _Exchange | None = None
        self._events: Events | None = None
        self._values: deque[Any] = deque()
        self._over = self._begun = False

    def __del__(self) -> None:
        exchange = getattr(self, "_exchange", None)
        if exchange is not None and not self._over:
            exchange.close()

    async def __anext__(self) -> Any:
        while not self._values:
            if self._over:
                raise StopAsyncIteration
            try:
                await self._receive()
            except BaseException:
                closed = self._over
                await self.close()
                if closed:  # By another task.
                    raise StopAsyncIteration from None
                raise
        return self._values.popleft()

    async def close(self) -> None:
        """End the call; values that were not read are lost. May be called twice."""
        self._over = True
        self._values.clear()
        if self._exchange is not None:
            self._exchange.close()

    async def _receive(self) -> None:
        if not self._begun:
            self._begun = True
            await self._begin()
            return
        assert self._events is not None and self._exchange is not None
        self._events.check()
        if self._events.ended:
            await self._exchange.read_whole()
            self._over = True
            return
        data = await self._exchange.read()
        if not data:
            self._events.closed()
        self._values.extend(self._events.feed(data))

    async def _begin(self) -> None:
        until = time.monotonic() + self._timeout_s
        try:
            request = next(self._steps)
            while True:
                request = self._steps.send(await self._ask(request, until))
        except StopIteration as end:
            route, answer = end.value
        self.headers = answer.headers
        if answer.status == 200 and answer.kind == EVENTS:
            self._events = Events(answer, route.typed)
            return
        self._values.append(answer.reply().value())
        self._over = True

    async def _ask(self, request: Request, until: float) -> Answer:
        self._exchange = exchange = _Exchange(self._client, until)
        await exchange.begin(request)
        if exchange.answer.status == 200 and exchange.answer.kind == EVENTS:
            return exchange.answer
        return await exchange.read_whole()
