# SPDX-License-Identifier: Apache-2.0
"""The blocking client over HTTP. Without another package: http.client and its connections."""

from __future__ import annotations

import http.client
import math
import socket
import time
from collections import deque
from collections.abc import Generator, Mapping
from typing import Any

from aiges.client._http_answer import Answer, Events
from aiges.client._http_pool import Connection, Pool
from aiges.client._http_request import (
    EVENTS,
    Request,
    Route,
    body_request,
    predict_request,
)
from aiges.client._http_routes import Routes
from aiges.client._http_target import check_tries, parse_url, tls_context
from aiges.client._inputs import read_inputs
from aiges.client._options import Wanted, key_of
from aiges.client.client import Client, ValueStream
from aiges.client.errors import AigesError, DeadlineExceeded, Unavailable
from aiges.client.message import Reply

__all__ = ["HttpClient", "HttpStream"]

CLOSED = "the client is closed"
READ_BYTES = 1 << 16
PAUSE_S = 0.05  # Before another try to connect.


class HttpClient(Client):
    """The calls of ``Client`` over HTTP/1.1. Redirects are not followed, proxies not asked."""

    def _begin(self, wanted: Wanted) -> None:
        check_tries(wanted)
        self._target = parse_url(wanted.target)
        self._pool = Pool(
            self._target, tls_context(self._target, wanted.ca, wanted.cert, wanted.key)
        )
        self._routes = Routes(self._target, wanted.service)
        self._timeout_s, self._retries = wanted.timeout_s, wanted.retries
        self._idempotent = wanted.idempotent
        self._key = key_of(wanted.api_key)

    def close(self) -> None:
        """Close all connections; calls in flight fail as Unavailable."""
        self._pool.close()

    def predict(self, /, **inputs: Any) -> Reply:
        """See ``Client.predict``."""
        given, options = read_inputs(inputs), self._options
        limit_s = self._timeout_s if options.timeout_s is None else options.timeout_s
        until = time.monotonic() + limit_s

        def make(route: Route) -> Request:
            left_s = until - time.monotonic()
            return predict_request(route, self._target.prefix, given, options, left_s, False)

        steps = self._routes.steps(make)
        try:
            request = next(steps)
            while True:
                request = steps.send(self._whole(request, until))
        except StopIteration as end:
            answer: Answer = end.value[1]
        return answer.reply()

    def stream(self, *args: Any, **inputs: Any) -> HttpStream:
        """See ``Client.stream``. The request is sent with the first reading."""
        if args:
            raise TypeError("stream: over HTTP the inputs have names: stream(text=..)")
        options = self._options

        def make(route: Route) -> Request:
            limit_s = options.timeout_s
            return predict_request(route, self._target.prefix, given, options, limit_s, True)

        given = read_inputs(inputs)
        return HttpStream(self, self._routes.steps(make), options.timeout_s)

    def post(
        self,
        path: str,
        *,
        json: Any = None,
        data: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """Send a body to any path of the server: ``json``, a value, or ``data``, bytes.

        For what ``predict`` cannot say: other paths, malformed bodies. Raises AigesError, also for
        an answer without success.
        """
        request = body_request(self._target.prefix + path, json, data, headers)
        limit_s = self._options.timeout_s or self._timeout_s
        return self._whole(request, time.monotonic() + limit_s).reply()

    def get(self, path: str, *, headers: Mapping[str, str] | None = None) -> Reply:
        """Read any path of the server. Raises AigesError, also for an answer without success."""
        request = Request("GET", self._target.prefix + path, dict(headers or {}))
        limit_s = self._options.timeout_s or self._timeout_s
        return self._whole(request, time.monotonic() + limit_s).reply()

    def _whole(self, request: Request, until: float) -> Answer:
        """Return the answer with its body; one that says when to come again is asked for again."""
        left = self._retries
        while True:
            with _Exchange(self, request, until) as exchange:
                answer = exchange.read_whole()
            pause_s = answer.limited_s()
            if left < 1 or not 0 < pause_s < until - time.monotonic():
                return answer
            left -= 1
            time.sleep(pause_s)


class _Exchange:
    """One request on one connection, until its answer has been read."""

    def __init__(self, client: HttpClient, request: Request, until: float) -> None:
        self._client, self._until, self._over = client, until, False
        self._connection: Connection | None = None
        self._id = client._options.request_id
        self._sent = False
        left = client._retries
        while True:
            try:
                self._begin(request)
                return
            except AigesError as error:
                self.close(usable=False)
                may = isinstance(error, Unavailable) and (not error.maybe_ran or client._idempotent)
                if not may or left < 1 or client._pool.closed or self._left_s() <= PAUSE_S:
                    raise
                left -= 1
                time.sleep(PAUSE_S)
                self._over, self._sent = False, False

    def __enter__(self) -> _Exchange:
        return self

    def __exit__(self, *_: object) -> None:
        self.close(usable=False)

    def _left_s(self) -> float:
        return self._until - time.monotonic()

    def _limit(self) -> None:
        """Give the next operation what is left of the time."""
        left_s = self._left_s()
        if left_s <= 0:
            raise self._failed(TimeoutError())
        assert self._connection is not None
        self._connection.limit(None if left_s == math.inf else left_s)

    def _begin(self, request: Request) -> None:
        pool = self._client._pool
        if pool.closed:
            raise Unavailable(0, CLOSED, str(self._client._target))
        self._connection = connection = pool.take()
        try:
            self._limit()
            if connection.sock is None:
                if self._until == math.inf:  # A stream may last; connecting may not.
                    connection.limit(self._client._timeout_s)
                connection.connect()
                self._limit()
            self._sent = True
            try:
                self._send(connection, request)
            except (BrokenPipeError, ConnectionResetError):
                pass  # The server may have said why it takes no more.
            self._limit()
            self._response = connection.getresponse()
        except (OSError, http.client.HTTPException, ValueError) as error:
            if isinstance(error, (FileNotFoundError, IsADirectoryError)) and self._sent:
                raise  # A file of the caller's that is gone.
            raise self._failed(error) from error
        except BaseException:
            self.close(usable=False)
            raise
        headers = {name.lower(): value for name, value in self._response.getheaders()}
        self.answer = Answer(self._response.status, headers, b"", str(self._client._target))

    def _send(self, connection: Connection, request: Request) -> None:
        whole = request.whole()
        headers = {"User-Agent": "aiges-client", **request.headers}
        headers["Host"] = self._client._target.authority
        if self._client._key:
            headers.setdefault("Authorization", f"Bearer {self._client._key}")
        if request.method == "POST":
            headers["Content-Length"] = str(request.size())
        body = request.pieces() if whole is None else whole
        connection.request(request.method, request.path, body or None, headers)

    def read(self) -> bytes:
        """Return the next piece of the body; empty: it has ended."""
        try:
            self._limit()
            length = self._response.length
            if length is None or self._response.chunked:
                return self._response.read1(READ_BYTES)
            # Not read1: before Python 3.13 it does not count what of the length has come.
            return self._response.read(min(length, READ_BYTES))
        except (OSError, http.client.HTTPException, ValueError, AttributeError) as error:
            raise self._failed(error) from error

    def read_whole(self) -> Answer:
        """Return the answer with its body, and give the connection back."""
        pieces: list[bytes] = []
        while piece := self.read():
            pieces.append(piece)
        self.answer.body = b"".join(pieces)
        if self._response.length:
            raise self._failed(http.client.IncompleteRead(b"", self._response.length))
        self.close(usable=not self._response.will_close)
        return self.answer

    def close(self, usable: bool = False) -> None:
        """Give the connection back; a second time does nothing."""
        if not self._over and self._connection is not None:
            self._over = True
            self._client._pool.give(self._connection, usable)

    def cut(self) -> None:
        """Wake a reader of another thread, which then finds the end."""
        if self._connection is not None:
            self._connection.cut()

    def _failed(self, error: Exception) -> AigesError:
        """Return the error of a call that brought no answer."""
        host = str(self._client._target)
        found: AigesError
        if isinstance(error, (socket.timeout, TimeoutError)):
            if self._sent or self._left_s() <= 0:
                when = "for the answer" if self._sent else "before the call was sent"
                found = DeadlineExceeded(10102, f"the time passed {when}", host)
            else:
                found = Unavailable(0, "no connection in time", host)
        elif self._client._pool.closed:
            found = Unavailable(0, CLOSED, host, maybe_ran=self._sent)
        else:
            what = "the connection broke" if self._sent else "no connection"
            text = f"{what}: {error or type(error).__name__}"
            found = Unavailable(0, text, host, maybe_ran=self._sent)
        found.request_id = self._id
        return found


class HttpStream(ValueStream):
    """The values of events. One that answers at once, without events, is one value."""

    def __init__(
        self,
        client: HttpClient,
        steps: Generator[Request, Answer, tuple[Route, Answer]],
        timeout_s: float | None,
    ) -> None:
        self._client, self._steps = client, steps
        self._timeout_s = math.inf if timeout_s is None else timeout_s
        self._exchange: _Exchange | None = None
        self._events: Events | None = None
        self._values: deque[Any] = deque()
        self._begun = self._over = False

    def __del__(self) -> None:
        if not getattr(self, "_over", True):
            self.close()

    def __next__(self) -> Any:
        while not self._values:
            if self._over:
                raise StopIteration
            try:
                self._receive()
            except BaseException:
                closed = self._over
                self.close()
                if closed:  # By another thread.
                    raise StopIteration from None
                raise
        return self._values.popleft()

    def close(self) -> None:
        """End the call; values that were not read are lost. May be called twice."""
        self._over = True
        self._values.clear()
        if self._exchange is not None:
            self._exchange.cut()
            self._exchange.close(usable=False)

    def _receive(self) -> None:
        if not self._begun:
            self._begun = True
            self._begin()
            return
        assert self._events is not None and self._exchange is not None
        self._events.check()
        if self._events.ended:
            self._exchange.read_whole()
            self._over = True
            return
        data = self._exchange.read()
        if not data:
            self._events.closed()
        self._values.extend(self._events.feed(data))

    def _begin(self) -> None:
        until = time.monotonic() + self._timeout_s
        try:
            request = next(self._steps)
            while True:
                request = self._steps.send(self._ask(request, until))
        except StopIteration as end:
            route, answer = end.value
        self.headers = answer.headers
        if answer.status == 200 and answer.kind == EVENTS:
            self._events = Events(answer, route.typed)
            return
        self._values.append(answer.reply().value())
        self._over = True

    def _ask(self, request: Request, until: float) -> Answer:
        self._exchange = exchange = _Exchange(self._client, request, until)
        if exchange.answer.status == 200 and exchange.answer.kind == EVENTS:
            return exchange.answer
        return exchange.read_whole()
