# SPDX-License-Identifier: Apache-2.0
"""Runs an ASGI application on door calls (ASGI 3.0, HTTP spec version 2.4)."""

from __future__ import annotations

import asyncio
import sys
import traceback
from typing import Any

from aiges.contracts._doors import (
    BEGIN,
    LAST,
    MORE,
    WHOLE,
    ClientGone,
    DoorCall,
    DoorLoop,
    SocketCall,
    seconds_left,
)
from aiges.contracts.asgi._scope import ASGI, App, Message, fields_of, head_of, scope_of
from aiges.contracts.asgi._socket import WebSocketCall

__all__ = ["AsgiServer"]

_START_LIMIT_S = 3600  # The host has a limit of its own ([instances] start_timeout_ms).


class AsgiServer:
    """The application, its event loop and its lifespan."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._doors = DoorLoop(self._begin)
        self._lifespan = _Lifespan(app)
        self._state: dict[str, Any] | None = None

    def start(self) -> None:
        """Return when the application has started. Raises RuntimeError with its own words."""
        self._doors.start()
        self._doors.run(self._lifespan.startup(), _START_LIMIT_S)
        self._state = self._lifespan.state
        self._doors.listen()

    def end(self) -> None:
        """Let the application shut down, and end the loop, within the time that the host gives."""
        seconds = seconds_left()
        try:
            self._doors.run(self._lifespan.shutdown(), seconds / 2)
        except BaseException:
            traceback.print_exc()
        self._doors.end(seconds / 4)

    def _begin(self, call: DoorCall) -> None:
        serve: _HttpCall | WebSocketCall
        if isinstance(call, SocketCall):
            serve = WebSocketCall(self._app, call, scope_of(call, self._state))
        else:
            serve = _HttpCall(self._app, call, scope_of(call, self._state))
        self._doors.spawn(call, serve.run())


class _HttpCall:
    """One request, as the application sees it."""

    __slots__ = ("_app", "_begun", "_call", "_done", "_head", "_read", "_scope", "_trailers")

    def __init__(self, app: App, call: DoorCall, scope: Message) -> None:
        self._app, self._call, self._scope = app, call, scope
        self._read = False  # The application has the whole body.
        self._head: list[tuple[bytes, bytes]] | None = None  # Of the answer.
        self._begun = False  # The head is on its way,
        self._done = False  # and so is the whole answer.
        self._trailers = False  # They follow the body.

    async def run(self) -> None:
        try:
            await self._app(self._scope, self._receive, self._send)
        except ClientGone:
            if not self._call.gone:
                raise
        if not self._call.ended:
            what = "the rest of its answer" if self._head is not None else "an answer"
            self._call.fail(f"the ASGI application returned without {what}")

    async def _receive(self) -> Message:
        if not self._read and not self._call.gone:
            try:
                data, more = await self._call.read()
            except ClientGone:
                return {"type": "http.disconnect"}
            self._read = not more
            return {"type": "http.request", "body": data, "more_body": more}
        if not self._done:
            await self._call.wait_gone()
        return {"type": "http.disconnect"}

    async def _send(self, message: Message) -> None:
        kind = message["type"]
        if kind == "http.response.start" and self._head is None:
            self._head = head_of(message)
            self._trailers = bool(message.get("trailers", False))
        elif kind == "http.response.body" and self._head is not None and not self._done:
            await self._send_body(message.get("body", b""), bool(message.get("more_body", False)))
        elif kind == "http.response.trailers" and self._trailers and not self._call.ended:
            fields = fields_of(message.get("headers", ()))
            if not message.get("more_trailers", False):
                await self._call.send(LAST, fields)
        elif not self._call.gone:
            raise RuntimeError(f"the ASGI application sent {kind!r} where it cannot stand")

    async def _send_body(self, body: bytes, more: bool) -> None:
        head = [] if self._begun else self._head or []
        if more or self._trailers:
            status = MORE if self._begun else BEGIN
        else:
            status = LAST if self._begun else WHOLE
        self._begun = True
        self._done = not more
        await self._call.send(status, head, body)


class _Lifespan:
    """The lifespan protocol; an application that does not know it is served all the same."""

    def __init__(self, app: App) -> None:
        self._app = app
        self.state: dict[str, Any] | None = None
        self._task: asyncio.Task[None] | None = None
        self._failure: str | None = None

    async def startup(self) -> None:
        self._messages: asyncio.Queue[Message] = asyncio.Queue()
        self._started, self._stopped = asyncio.Event(), asyncio.Event()
        self.state = {}
        self._task = asyncio.get_running_loop().create_task(self._run())
        await self._messages.put({"type": "lifespan.startup"})
        await self._started.wait()
        if self._failure is not None:
            raise RuntimeError(f"the application's startup failed: {self._failure}")

    async def shutdown(self) -> None:
        if self._task is None or self._task.done():
            return
        await self._messages.put({"type": "lifespan.shutdown"})
        await self._stopped.wait()
        if self._failure is not None:
            print(f"asgi: the application's shutdown failed: {self._failure}", file=sys.stderr)

    async def _run(self) -> None:
        scope = {"type": "lifespan", "asgi": ASGI, "state": self.state}
        try:
            await self._app(scope, self._messages.get, self._send)
        except BaseException as fault:
            # Before its startup was complete: it does not know the protocol, as servers take it.
            if self._started.is_set() and not self._stopped.is_set():
                traceback.print_exc()
            elif not isinstance(fault, Exception):
                self._failure = repr(fault)
        finally:
            if not self._started.is_set():
                self.state = None
            self._started.set()
            self._stopped.set()

    async def _send(self, message: Message) -> None:
        kind = message["type"]
        if kind.endswith(".failed"):
            self._failure = message.get("message") or "it gave no reason"
        if kind.startswith("lifespan.startup."):
            self._started.set()
        elif kind.startswith("lifespan.shutdown."):
            self._stopped.set()
