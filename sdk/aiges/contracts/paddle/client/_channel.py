# SPDX-License-Identifier: Apache-2.0
"""Calls over baidu_std: a pool of connections to each endpoint, tries, and deadlines.

A connection carries one call at a time. The endpoint with the fewest calls in hand is next, and one
that failed is left alone for a second where there is another.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import select
import socket
import threading
import time
from collections.abc import Sequence

from aiges.contracts.paddle import _prpc, _wire

__all__ = ["Channel", "Failure", "endpoint_of"]

CONNECT_TIMEOUT_MS = 2000
RPC_TIMEOUT_MS = 200_000
RETRIES = 2
_MOST_IDLE = 64  # Connections of one endpoint that are kept.
_LEFT_ALONE_S = 1.0


class Failure(Exception):
    """A call without a result: what failed, of whom, and why."""


class _Lost(Exception):
    """The connection gave no answer: another one may."""


def endpoint_of(text: str) -> tuple[str, int]:
    """Return host and port of ``host:port`` or ``[address]:port``. Raises ValueError."""
    host, colon, port = str(text).strip().rpartition(":")
    host = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    if not colon or not host or not port.isascii() or not port.isdigit():
        raise ValueError(f"endpoints: expected host:port, got {str(text)[:100]!r}")
    if not 0 < int(port[:6]) < 65536:
        raise ValueError(f"endpoints: expected a port from 1 to 65535, got {port[:20]}")
    return host, int(port)


class _Endpoint:
    """One address and its idle connections. Fields are the channel's lock's."""

    def __init__(self, host: str, port: int) -> None:
        self.address = (host, port)
        self.idle: list[socket.socket] = []
        self.in_hand = 0
        self.alone_until = 0.0

    def __str__(self) -> str:
        host, port = self.address
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


class Channel:
    """Endpoints that are alike. Threads: any."""

    def __init__(self, endpoints: Sequence[str]) -> None:
        if not endpoints:
            raise ValueError("endpoints: expected at least one host:port")
        self._endpoints = [_Endpoint(*endpoint_of(text)) for text in endpoints]
        self._lock = threading.Lock()
        self._calls = itertools.count(1)
        self._turn = itertools.count()
        self._process = os.getpid()
        self.timeout_ms = RPC_TIMEOUT_MS
        self.connect_timeout_ms = CONNECT_TIMEOUT_MS

    def close(self) -> None:
        """Close what is idle. A later call opens new connections."""
        with self._lock:
            connections = [each for endpoint in self._endpoints for each in endpoint.idle]
            for endpoint in self._endpoints:
                endpoint.idle = []
        for connection in connections:
            connection.close()

    def call(self, message: _prpc.Message) -> bytes:
        """Return the answer's message. Raises Failure."""
        deadline = time.monotonic() + self.timeout_ms / 1000
        tried: list[_Endpoint] = []
        for left in range(RETRIES, -1, -1):
            endpoint = self._choose(tried)
            try:
                return self._try(endpoint, message, deadline)
            except _Lost as fault:
                self._note_lost(endpoint)
                tried.append(endpoint)
                if not left or time.monotonic() >= deadline:
                    raise Failure(f"{endpoint}: {fault}, tried {len(tried)} times") from None
            finally:
                with self._lock:
                    endpoint.in_hand -= 1
        raise AssertionError("not reached")

    def _choose(self, tried: list[_Endpoint]) -> _Endpoint:
        now, turn = time.monotonic(), next(self._turn)
        with self._lock:
            count = len(self._endpoints)
            order = [self._endpoints[(turn + at) % count] for at in range(count)]
            chosen = min(order, key=lambda e: (e in tried, e.alone_until > now, e.in_hand))
            chosen.in_hand += 1
            return chosen

    def _note_lost(self, endpoint: _Endpoint) -> None:
        """The others of an endpoint that restarted are as dead."""
        with self._lock:
            endpoint.alone_until = time.monotonic() + _LEFT_ALONE_S
            connections, endpoint.idle = endpoint.idle, []
        for connection in connections:
            connection.close()

    def _try(self, endpoint: _Endpoint, message: _prpc.Message, deadline: float) -> bytes:
        connection = self._connection(endpoint, deadline)
        number = next(self._calls)
        kept = False
        try:
            frame = self._exchange(connection, number, message, deadline)
            kept = True
        except TimeoutError:
            raise Failure(f"{endpoint}: no answer within {self.timeout_ms} ms") from None
        except _prpc.FrameError as fault:
            raise Failure(f"{endpoint}: {fault}") from None
        except OSError as fault:
            raise _Lost(f"the connection is lost: {fault}") from None
        finally:
            self._give_back(endpoint, connection, kept)
        meta = frame.meta
        if meta.response.error_code:
            text = meta.response.error_text or "no text"
            raise Failure(f"{endpoint}: error {meta.response.error_code}: {text}")
        return frame.message

    def _exchange(
        self,
        connection: socket.socket,
        number: int,
        message: _prpc.Message,
        deadline: float,
    ) -> _prpc.Frame:
        meta = _wire.frame().RpcMeta(correlation_id=number)
        request = meta.request
        request.service_name, request.method_name = _wire.SERVICE, _wire.METHOD
        _send(connection, _prpc.pack(meta, message), deadline)

        def read(size: int) -> bytes:
            return _read(connection, size, deadline)

        frame = _prpc.receive(read)
        if frame.meta.correlation_id != number:
            got = frame.meta.correlation_id
            raise _prpc.FrameError(f"expected the answer to call {number}, got that to {got}")
        return frame

    def _connection(self, endpoint: _Endpoint, deadline: float) -> socket.socket:
        self._leave_parent()
        while True:
            with self._lock:
                connection = endpoint.idle.pop() if endpoint.idle else None
            if connection is None:
                break
            if not select.select([connection], [], [], 0)[0]:
                return connection
            connection.close()  # Readable while nothing was asked: closed by the server.
        wait = min(self.connect_timeout_ms / 1000, deadline - time.monotonic())
        if wait <= 0:
            raise Failure(f"{endpoint}: no answer within {self.timeout_ms} ms")
        try:
            connection = socket.create_connection(endpoint.address, wait)
        except OSError as fault:
            raise _Lost(f"no connection within {self.connect_timeout_ms} ms: {fault}") from None
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection

    def _leave_parent(self) -> None:
        """After a fork, connections are the parent's."""
        if self._process == os.getpid():
            return
        with self._lock:
            if self._process == os.getpid():
                return
            for endpoint in self._endpoints:
                for connection in endpoint.idle:
                    connection.close()  # Of this process's copy only.
                endpoint.idle, endpoint.in_hand = [], 0
            self._process = os.getpid()

    def _give_back(self, endpoint: _Endpoint, connection: socket.socket, is_whole: bool) -> None:
        if is_whole:
            with self._lock:
                if len(endpoint.idle) < _MOST_IDLE:
                    endpoint.idle.append(connection)
                    return
        with contextlib.suppress(OSError):
            connection.close()


def _wait(connection: socket.socket, deadline: float) -> None:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    connection.settimeout(left)


def _send(connection: socket.socket, pieces: Sequence[bytes | memoryview], deadline: float) -> None:
    views = [memoryview(piece) for piece in pieces if piece]
    while views:
        _wait(connection, deadline)
        sent = _sent(connection, views)
        while views and sent >= len(views[0]):
            sent -= len(views.pop(0))
        if sent:
            views[0] = views[0][sent:]


def _sent(connection: socket.socket, views: list[memoryview]) -> int:
    try:
        return connection.sendmsg(views)
    except socket.timeout:  # An alias of TimeoutError only since Python 3.10.
        raise TimeoutError from None


def _read(connection: socket.socket, size: int, deadline: float) -> bytes:
    made = bytearray()
    while len(made) < size:
        _wait(connection, deadline)
        try:
            got = connection.recv(min(size - len(made), 1 << 20))
        except socket.timeout:
            raise TimeoutError from None
        if not got:
            raise ConnectionError("the server closed it before its answer was whole")
        made += got
    return bytes(made)
