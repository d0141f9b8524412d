# SPDX-License-Identifier: Apache-2.0
"""Door calls in Python: one event loop, and a :class:`DoorCall` for each call that lies in it.

The host says what happens by a list that becomes readable (wrapper/doors.h); everything here runs
on the loop's thread. A face (ASGI, gRPC) gives ``DoorLoop`` a function that is called with each
call that begins; it reads the request with :meth:`DoorCall.read`, answers with
:meth:`DoorCall.send`, and ends every call, whatever becomes of it: a call that is not ended keeps
its place.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import importlib
import threading
import traceback
from collections import deque
from collections.abc import Coroutine
from typing import Any, Callable, cast

import aiges_embed

from aiges import context

__all__ = [
    "BEGIN",
    "LAST",
    "MORE",
    "WHOLE",
    "ClientGone",
    "DoorCall",
    "DoorLoop",
    "SocketCall",
    "fault_fields",
    "seconds_left",
]

# Where in the answer a part stands: DataStatus of include/aiges/type.h.
BEGIN, MORE, LAST, WHOLE = 0, 1, 2, 3
_CALL, _PART, _ROOM, _GONE = 0, 1, 2, 3  # Kind of wrapper/doors.cc.

_MOST_FAULT, _MOST_TRACEBACK = 2048, 8192  # As the host keeps them.

Field = tuple[bytes, bytes]
host: Any = aiges_embed  # Also what is not for user code.


class ClientGone(Exception):
    """Nobody waits for the answer any more."""


class DoorCall:
    """One call over HTTP. ``pseudo`` has the pseudo-fields of its head, without the colon."""

    __slots__ = (
        "_ended",
        "_parts",
        "_room",
        "_waiter",
        "fields",
        "gone",
        "on_gone",
        "pseudo",
        "tag",
        "trailers",
        "whole",
    )

    def __init__(
        self, tag: str, pseudo: dict[str, str], fields: list[Field], data: bytes, last: bool
    ) -> None:
        self.tag, self.pseudo, self.fields = tag, pseudo, fields
        self.trailers: list[Field] = []
        self._parts: deque[bytes] = deque([data] if data else ())
        self.whole = last  # The client has said everything.
        self.gone = self._ended = False
        self.on_gone: Callable[[], None] | None = None
        self._waiter: asyncio.Future[None] | None = None  # Of read().
        self._room: asyncio.Future[None] | None = None  # Of send().

    # --- what the host says ---

    def add(self, data: bytes, last: bool, trailers: list[Field]) -> None:
        """Take a further part of the request."""
        if data:
            self._parts.append(data)
        self.whole, self.trailers = last, trailers
        _wake(self._waiter)

    def leave(self) -> None:
        """Hear that nobody waits any more."""
        self.gone = True
        _wake(self._waiter)
        _wake(self._room)
        if self.on_gone is not None:
            self.on_gone()

    def make_room(self) -> None:
        """Hear that the client has taken some of the answer."""
        _wake(self._room)

    # --- what a face does ---

    async def read(self) -> tuple[bytes, bool]:
        """Return the next piece of the body, and whether more follows. Raises ClientGone."""
        while not self._parts and not self.whole and not self.gone:
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter
        if self.gone:
            raise ClientGone
        return self.take()

    def take(self) -> tuple[bytes, bool]:
        """Return what is there of the body, and whether more follows."""
        if not self._parts:
            return b"", not self.whole
        data = self._parts.popleft() if len(self._parts) == 1 else b"".join(self._parts)
        self._parts.clear()
        if not self.whole:
            host._doors_took(self.tag, len(data))
        return data, not self.whole

    async def wait_gone(self) -> None:
        """Wait until nobody waits for the answer any more."""
        while not self.gone:
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter

    async def send(self, status: int, fields: list[Field], data: bytes | memoryview = b"") -> None:
        """Send a part of the answer, when there is room for it. Raises ClientGone."""
        while (code := host._doors_send(self.tag, False, status, fields, data)) == 1:
            self._room = asyncio.get_running_loop().create_future()
            await self._room
            self._room = None
        if status in (LAST, WHOLE):
            self._ended = True
        if code != 0:
            raise ClientGone

    def fail(self, fault: BaseException | str) -> None:
        """End the call with an error, if it has not ended."""
        if not self._ended:
            self._ended = True
            host._doors_fail(self.tag, fault)

    @property
    def ended(self) -> bool:
        """Whether the last part has been sent."""
        return self._ended


class SocketCall(DoorCall):
    """A WebSocket: each part is a message, with its opcode in its fields."""

    __slots__ = ("_messages",)

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._messages: deque[tuple[list[Field], bytes, bool]] = deque()

    def add(self, data: bytes, last: bool, trailers: list[Field]) -> None:
        """Take a message, or the end."""
        self._messages.append((trailers, data, last))
        _wake(self._waiter)

    async def message(self) -> tuple[list[Field], bytes, bool]:
        """Return the next message with its fields, and whether it is the end. ClientGone: none."""
        while not self._messages and not self.gone:
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter
        if not self._messages:
            raise ClientGone
        fields, data, last = self._messages.popleft()
        if data:
            host._doors_took(self.tag, len(data))
        return fields, data, last


def _wake(future: asyncio.Future[None] | None) -> None:
    if future is not None and not future.done():
        future.set_result(None)


def _call_of(tag: str, _grpc: bool, pseudo: dict[str, str], *rest: Any) -> DoorCall:
    made = SocketCall if "websocket" in pseudo else DoorCall
    return made(tag, pseudo, *rest)


def fault_fields(fault: BaseException | None) -> list[Field]:
    """Return what the last part of an answer says of a fault, for the host's list of failures.

    For answers in a protocol's own words, which may hide it; the client sees nothing of these.
    """
    if fault is None:
        return []
    lines = traceback.format_exception(type(fault), fault, fault.__traceback__)
    text = f"{type(fault).__name__}: {fault}" if str(fault) else type(fault).__name__
    return [
        (b":fault", _clean(text)[:_MOST_FAULT]),
        (b":traceback", _clean("".join(lines))[-_MOST_TRACEBACK:]),
    ]


def _clean(text: str) -> bytes:
    return text.encode("utf-8", "replace").replace(b"\0", b" ")


def seconds_left() -> float:
    """Return the time that the worker has until it is killed; only once it is to end."""
    _, left_ms = host.call_state("")
    return max((30_000 if left_ms is None else left_ms) / 1000, 0.1)


def _new_loop() -> asyncio.AbstractEventLoop:
    """Make uvloop's loop where that is installed beside the application, as other servers do."""
    try:
        maker: Any = importlib.import_module("uvloop")
    except ImportError:
        maker = asyncio
    return cast(asyncio.AbstractEventLoop, maker.new_event_loop())


class DoorLoop:
    """The event loop of a worker with doors, on a thread of its own.

    ``make`` makes of a call what ``begin`` gets: something that is told what a DoorCall is told.
    Without it: a DoorCall, or a SocketCall.
    """

    def __init__(
        self, begin: Callable[[Any], None], make: Callable[..., Any] | None = None
    ) -> None:
        self._begin, self._make = begin, make or _call_of
        self._calls: dict[str, Any] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._ending = False
        self.loop = _new_loop()
        self._thread = threading.Thread(target=self._run, name="app", daemon=True)

    def start(self) -> None:
        """Let the loop turn; calls are taken when :meth:`listen` says so."""
        self.loop.call_soon(self._beat)
        self._thread.start()

    def listen(self) -> None:
        """Take calls from now on. Any thread."""
        self.loop.call_soon_threadsafe(self.loop.add_reader, host._doors_fd(), self._take)

    def run(self, work: Coroutine[Any, Any, Any], seconds: float | None = None) -> Any:
        """Run it on the loop, from another thread, and return what it returns."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(seconds)

    def adopt(self, call: Any) -> None:
        """Tell this call, too, what happens to it. Any thread."""
        self._calls[call.tag] = call

    def forget(self, call: Any) -> None:
        """Tell it no more. Any thread."""
        self._calls.pop(call.tag, None)

    def spawn(self, call: Any, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Serve a call by a task of its own; it is forgotten when that has ended."""
        task = self.loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(lambda done: self._done(call, done))
        return task

    def _done(self, call: Any, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._calls.pop(call.tag, None)
        fault = None if task.cancelled() else task.exception()
        call.fail(fault if fault is not None else "the call ended without an answer")

    def _take(self) -> None:
        for kind, tag, grpc, pseudo, fields, data, last in host._doors_take():
            if kind == _CALL:
                call = self._make(tag, grpc, pseudo, fields, data, last)
                self._calls[tag] = call
                # What serves it, and the tasks that are made of that, know which call they serve.
                contextvars.copy_context().run(self._begin_as, tag, call)
                continue
            known = self._calls.get(tag)
            if known is None:
                continue
            if kind == _PART:
                known.add(data, last, fields)
            elif kind == _ROOM:
                known.make_room()
            else:
                known.leave()

    def _begin_as(self, tag: str, call: Any) -> None:
        context._enter(tag)
        self._begin(call)

    def _beat(self) -> None:
        wait_ms = host._alive()
        if wait_ms > 0:
            self.loop.call_later(wait_ms / 1000, self._beat)

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        while not self._ending:
            # SystemExit and KeyboardInterrupt of one call, and a loop.stop() of the user's, end
            # run_forever; the calls of others go on.
            try:
                self.loop.run_forever()
            except BaseException:
                traceback.print_exc()
        self.loop.close()

    async def _drain(self) -> None:
        self.loop.remove_reader(host._doors_fd())
        tasks = [t for t in asyncio.all_tasks() if t is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self.loop.shutdown_asyncgens()

    def end(self, seconds: float) -> None:
        """End the loop with what still runs on it, within that time."""
        with contextlib.suppress(Exception):
            self.run(self._drain(), seconds)
        self._ending = True
        with contextlib.suppress(RuntimeError):
            self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(seconds)
