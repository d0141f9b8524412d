# SPDX-License-Identifier: Apache-2.0
"""HTTP/1.1 over the streams of asyncio: one connection, one request at a time."""

from __future__ import annotations

import asyncio
import ssl
import time

from aiges.client._http_request import Request
from aiges.client._http_target import Target

__all__ = ["AsyncConnection", "BadAnswer"]

MOST_LINE = 1 << 16
MOST_FIELDS = 256
READ_BYTES = 1 << 18
IDLE_S = 30.0  # Servers close what was idle; less than they wait (the loader: 75 s).


class BadAnswer(Exception):
    """What came is no HTTP, or ended too early."""


class AsyncConnection:
    """Belongs to one task at a time. ``reusable``: another request may follow."""

    def __init__(self, target: Target, context: ssl.SSLContext | None) -> None:
        self._target, self._context = target, context
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._left: int | None = 0  # Of the body; None: up to the end of the connection.
        self._chunked = False
        self.reusable = False
        self.idle_since = 0.0

    @property
    def is_open(self) -> bool:
        """Whether it is connected."""
        return self._writer is not None

    def is_usable(self) -> bool:
        """Return whether the server has kept it, as far as is known here."""
        if self._reader is None or self._writer is None:
            return False
        kept = time.monotonic() - self.idle_since <= IDLE_S
        return kept and not self._reader.at_eof() and not self._writer.is_closing()

    async def connect(self) -> None:
        """Connect. Nothing has been sent when it raises OSError."""
        limit = 2 * MOST_LINE
        if self._target.socket:
            opened = await asyncio.open_unix_connection(self._target.socket, limit=limit)
        else:
            opened = await asyncio.open_connection(
                self._target.host, self._target.port, ssl=self._context, limit=limit
            )
        self._reader, self._writer = opened

    async def send(self, request: Request, fields: dict[str, str]) -> None:
        """Send the request; raises OSError, also where the server has said what it thinks of it."""
        assert self._writer is not None
        lines = [f"{request.method} {request.path} HTTP/1.1", f"Host: {self._target.authority}"]
        for name, value in {**request.headers, **fields}.items():
            if "\r" in value or "\n" in value or "\r" in name or "\n" in name:
                raise ValueError(f"headers: expected {name!r} on one line, got {value!r}")
            lines.append(f"{name}: {value}")
        if request.method == "POST":
            lines.append(f"Content-Length: {request.size()}")
        head = "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n"
        whole = request.whole()
        if whole is not None:
            self._writer.write(head + whole)
        else:
            self._writer.write(head)
            pieces = request.pieces()
            while piece := await asyncio.to_thread(next, pieces, b""):
                self._writer.write(piece)
                await self._writer.drain()
        await self._writer.drain()

    async def head(self) -> tuple[int, dict[str, str]]:
        """Return the status and the fields of the answer, with names in lower case."""
        while True:
            version, status = self._status(await self._line())
            fields = await self._fields()
            if status >= 200:
                break  # Before it 100 (go on) may come.
        self._chunked = "chunked" in fields.get("transfer-encoding", "").lower()
        length = fields.get("content-length", "")
        if status in (204, 304):
            self._left, self._chunked = 0, False
        elif self._chunked or not length:
            self._left = None
        elif length.isascii() and length.isdigit():
            self._left = int(length)
        else:
            raise BadAnswer(f"Content-Length: expected a number, got {length[:40]!r}")
        kept = version == "HTTP/1.1" and "close" not in fields.get("connection", "").lower()
        self.reusable = kept and (self._chunked or self._left is not None)
        if self._chunked:
            self._left = 0  # Of the piece.
        return status, fields

    async def read(self) -> bytes:
        """Return the next piece of the body; empty: it has ended."""
        if self._chunked:
            return await self._read_chunk()
        if self._left == 0:
            return b""
        data = await self._some(READ_BYTES if self._left is None else self._left)
        if self._left is not None:
            if not data:
                raise BadAnswer(f"the connection ended {self._left} bytes too early")
            self._left -= len(data)
        return data

    def close(self) -> None:
        """Close it at once."""
        if self._writer is not None:
            self._writer.transport.abort()
        self._reader = self._writer = None

    async def _some(self, most: int) -> bytes:
        assert self._reader is not None
        return await self._reader.read(min(most, READ_BYTES))

    async def _line(self) -> str:
        if self._reader is None:
            raise ConnectionError("closed")
        try:
            line = await self._reader.readuntil(b"\n")
        except asyncio.IncompleteReadError:
            raise BadAnswer("the connection ended without an answer") from None
        except asyncio.LimitOverrunError:
            raise BadAnswer(f"a line of the answer has more than {MOST_LINE} bytes") from None
        return line.rstrip(b"\r\n").decode("latin-1")

    @staticmethod
    def _status(line: str) -> tuple[str, int]:
        version, _, rest = line.partition(" ")
        number = rest[:3]
        if not version.startswith("HTTP/1.") or not number.isdigit():
            raise BadAnswer(f"expected an answer of HTTP/1.1, got {line[:60]!r}")
        return version, int(number)

    async def _fields(self) -> dict[str, str]:
        fields: dict[str, str] = {}
        for _ in range(MOST_FIELDS):
            line = await self._line()
            if not line:
                return fields
            name, _, value = line.partition(":")
            fields[name.strip().lower()] = value.strip()
        raise BadAnswer(f"the answer has more than {MOST_FIELDS} fields")

    async def _read_chunk(self) -> bytes:
        if not self._left:
            size = (await self._line()).partition(";")[0].strip()
            try:
                self._left = int(size, 16)
            except ValueError:
                raise BadAnswer(f"expected the size of a chunk, got {size[:40]!r}") from None
            if self._left == 0:
                await self._fields()  # Trailers.
                self._chunked = False
                return b""
        data = await self._some(self._left)
        if not data:
            raise BadAnswer("the connection ended within a chunk")
        self._left -= len(data)
        if self._left == 0:
            await self._line()
        return data
