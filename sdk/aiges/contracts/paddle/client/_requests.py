# SPDX-License-Identifier: Apache-2.0
"""POSTs to one service over kept connections. Proxies of the environment do not count."""

from __future__ import annotations

import http.client
import threading
import zlib
from typing import NamedTuple

__all__ = ["Answer", "Poster"]

_MOST_IDLE = 16
MOST_ANSWER_BYTES = 512 << 20


class Answer(NamedTuple):
    """What came back. ``content_type`` is the header as it was."""

    status: int
    content_type: str
    content: bytes


class Poster:
    """One address. Threads: any."""

    def __init__(self, host: str, port: int) -> None:
        self._address = (host, port)
        self._lock = threading.Lock()
        self._idle: list[http.client.HTTPConnection] = []

    def post(self, path: str, body: bytes, headers: dict[str, str], timeout_s: float) -> Answer:
        """Return the answer. Raises OSError, http.client.HTTPException."""
        with self._lock:
            connection = self._idle.pop() if self._idle else None
        if connection is not None:
            if connection.sock is not None:
                connection.sock.settimeout(timeout_s)
            try:
                return self._exchange(connection, path, body, headers)
            except (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError):
                pass  # Closed while it was idle; before any byte of an answer.
        fresh = http.client.HTTPConnection(*self._address, timeout=timeout_s)
        return self._exchange(fresh, path, body, headers)

    def _exchange(
        self,
        connection: http.client.HTTPConnection,
        path: str,
        body: bytes,
        headers: dict[str, str],
    ) -> Answer:
        is_kept = False
        try:
            connection.request("POST", path, body, headers)
            response = connection.getresponse()
            content = response.read(MOST_ANSWER_BYTES + 1)
            if len(content) > MOST_ANSWER_BYTES:
                raise http.client.HTTPException(f"more than {MOST_ANSWER_BYTES} bytes came")
            is_kept = not response.will_close and response.isclosed()
        finally:
            if not is_kept or not self._keep(connection):
                connection.close()
        if response.headers.get("Content-Encoding", "").strip().lower() == "gzip":
            content = _inflated(content)
        return Answer(response.status, response.headers.get("Content-Type", ""), content)

    def _keep(self, connection: http.client.HTTPConnection) -> bool:
        with self._lock:
            if len(self._idle) >= _MOST_IDLE:
                return False
            self._idle.append(connection)
        return True

    def close(self) -> None:
        """Close what is idle."""
        with self._lock:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()


def _inflated(content: bytes) -> bytes:
    inflate = zlib.decompressobj(zlib.MAX_WBITS | 16)
    try:
        made = inflate.decompress(content, MOST_ANSWER_BYTES)
    except zlib.error as fault:
        raise http.client.HTTPException(f"the answer is no gzip: {fault}") from None
    if not inflate.eof:
        raise http.client.HTTPException("the answer's gzip is cut, or of too many bytes")
    return made
