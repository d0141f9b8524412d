# SPDX-License-Identifier: Apache-2.0
"""``emit_event``: tells the platform's agent what happened in a request, beside the request."""

from __future__ import annotations

import contextvars
import http.client
import importlib
import json
import logging
import os
import queue
import threading
import time
from typing import Any

from aiges._narrow import is_dict, is_row
from aiges.contracts.openbayes import _mode

__all__ = ["emit_event", "flush", "request_id"]

_LOG = logging.getLogger("openbayes_serving.event")
_AGENT = os.environ.get("AIGES_OPENBAYES_AGENT", "127.0.0.1:6666")
_TIME_S = 5.0  # Of the agent, for each step of one event.
_MOST_DIGITS = 20  # Of an id.
_MOST_EVENTS, _MOST_BYTES = 1000, 64 << 20  # That wait.

# The field X-Openbayes-Serving-Request-Id of the request that is served.
request_id: contextvars.ContextVar[bytes] = contextvars.ContextVar("request_id", default=b"")


class _Sender:
    """Sends what waits, one after the other, from a thread of its own."""

    def __init__(self) -> None:
        self._waiting: queue.Queue[bytes] = queue.Queue(_MOST_EVENTS)
        self._mu = threading.Lock()
        self._bytes = 0
        self._dropped = 0
        self._thread: threading.Thread | None = None

    def put(self, event: bytes) -> None:
        """Let it be sent; where too much waits, drop it."""
        tell = False
        with self._mu:
            room = self._bytes + len(event) <= _MOST_BYTES and not self._waiting.full()
            if room:
                self._bytes += len(event)
                self._waiting.put_nowait(event)
            else:
                self._dropped += 1
                tell = self._dropped & (self._dropped - 1) == 0  # The 1st, 2nd, 4th, 8th, ..
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="events", daemon=True)
                self._thread.start()
        if not room and tell:
            _LOG.error("记录事件失败： %d dropped, the agent takes them too slowly", self._dropped)

    def flush(self, seconds: float) -> None:
        """Wait until all are sent, for so long."""
        end = time.monotonic() + seconds
        while self._waiting.unfinished_tasks and time.monotonic() < end:
            time.sleep(0.01)

    def _work(self) -> None:
        while True:
            event = self._waiting.get()
            try:
                _post(event)
            except (OSError, http.client.HTTPException) as fault:
                _LOG.error("记录事件失败： %s", fault)
            finally:
                with self._mu:
                    self._bytes -= len(event)
                self._waiting.task_done()


def _post(event: bytes) -> None:
    connection = http.client.HTTPConnection(_AGENT, timeout=_TIME_S)
    try:
        connection.request("POST", "/events", event, {"Content-Type": "application/msgpack"})
        connection.sock.recv(1)  # It has taken it; what it says is of no use.
    finally:
        connection.close()


_sender = _Sender()


def flush(seconds: float) -> None:
    """Send what waits, within that time."""
    _sender.flush(seconds)


def _encoded(data: Any) -> bytes | str:
    if isinstance(data, bytes):
        return data
    if isinstance(data, str):
        return data.encode("utf-8")
    if isinstance(data, (int, float)):
        return str(data)
    return json.dumps(data).encode("utf-8")


def _shown(data: Any) -> Any:
    if isinstance(data, bytes):
        return "[二进制数据]"
    if is_row(data):
        return [_shown(each) for each in data]
    if is_dict(data):
        return {name: _shown(value) for name, value in data.items()}
    return data


def _current_id() -> int:
    text = request_id.get()
    # A header of the client's.
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS else 0


def emit_event(name: str, data: Any, id: int | None = None) -> None:
    """Tell the platform's console about something that happened in a request.

    ``name`` is like that of a file, whose ending says how it is shown. ``id``: of the request,
    outside of its own thread. What cannot be encoded raises, in all modes.
    """
    encoded = _encoded(data)
    if _mode.mode() != _mode.PRODUCTION:
        _LOG.info("记录事件：%s -> %s", name, _shown(data))
        return
    number = id if id is not None else _current_id()
    if number == 0 or not -(1 << 63) <= number < 1 << 64:  # What MessagePack can carry.
        _LOG.error("无法获取 Request Id，不会记录当前事件。")
        return
    packer: Any = importlib.import_module("msgpack")
    _sender.put(packer.packb({"id": number, "name": name, "data": encoded}))
