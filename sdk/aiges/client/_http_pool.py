# SPDX-License-Identifier: Apache-2.0
"""Connections of a blocking client: kept between calls, each for one call at a time."""

from __future__ import annotations

import http.client
import os
import select
import socket
import ssl
import threading
import time
from typing import Any

from aiges.client._http_target import Target

__all__ = ["Connection", "Pool"]

IDLE_S = 30.0  # Servers close what was idle; less than they wait (the loader: 75 s).
MOST_IDLE = 64


class Connection(http.client.HTTPConnection):
    """A connection that may go to a socket of the file system, with time limits that change."""

    def __init__(self, target: Target, context: ssl.SSLContext | None) -> None:
        super().__init__(target.host or "localhost", target.port or None)
        self._target, self._context = target, context
        self.idle_since = 0.0

    def connect(self) -> None:
        """Connect, with TLS where it is asked for. Nothing has been sent when it raises OSError."""
        if self._target.socket:
            self.sock = socket.socket(socket.AF_UNIX)
            self.sock.settimeout(self.timeout)
            self.sock.connect(self._target.socket)
            return
        super().connect()
        if self._context is not None:
            try:
                self.sock = self._context.wrap_socket(self.sock, server_hostname=self._target.host)
            except BaseException:
                self.close()
                raise

    def limit(self, seconds: float | None) -> None:
        """Let each operation from now on take at most so long."""
        self.timeout = seconds
        if self.sock is not None:
            self.sock.settimeout(seconds)

    def cut(self) -> None:
        """End it from another thread: whoever reads is woken."""
        found = self.sock
        if found is not None:
            try:
                found.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def is_usable(self) -> bool:
        """Return whether the server has kept it: one that has something to say has closed it."""
        if self.sock is None or time.monotonic() - self.idle_since > IDLE_S:
            return False
        poll = select.poll()
        poll.register(self.sock, select.POLLIN)
        return not poll.poll(0)


class Pool:
    """Thread-safe. The one used last is taken first. A child of fork has its own."""

    def __init__(self, target: Target, context: ssl.SSLContext | None) -> None:
        self._target, self._context = target, context
        self._lock = threading.Lock()
        self._idle: list[Connection] = []
        self._taken: set[Connection] = set()
        self._process = os.getpid()
        self.closed = False

    def take(self) -> Connection:
        """Return a connection for one call; it may have to be connected yet."""
        with self._lock:
            if self._process != os.getpid():  # The parent goes on with its connections.
                self._idle, self._taken, self._process = [], set(), os.getpid()
            while self._idle:
                found = self._idle.pop()
                if found.is_usable():
                    break
                found.close()
            else:
                found = Connection(self._target, self._context)
            self._taken.add(found)
            return found

    def give(self, connection: Connection, usable: bool) -> None:
        """Take it back; one that is not usable, or one too many, is closed."""
        with self._lock:
            self._taken.discard(connection)
            if usable and not self.closed and connection.sock and len(self._idle) < MOST_IDLE:
                connection.idle_since = time.monotonic()
                self._idle.append(connection)
                return
        connection.close()

    def close(self) -> None:
        """Close all; calls in flight fail."""
        with self._lock:
            self.closed = True
            idle, self._idle = self._idle, []
            taken: list[Any] = list(self._taken)
        for connection in idle:
            connection.close()
        for connection in taken:
            connection.cut()
