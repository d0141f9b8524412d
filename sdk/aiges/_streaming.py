"""Runs generator hooks for sessions: each plain one on a thread of its own, async ones on one loop.

Embedded in libwrapper.so; ``host`` is aiges_embed. What a generator yields goes to
``host._deliver``, which waits while the client is slower: 0 taken, -1 not wanted any more, 1 no
room now (only where it may not wait; the host keeps the item for ``host._retry``). An async
generator must not make the others on its loop wait, so it waits for room on another thread.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Callable

_END = object()
# Clients slower than their async generators: that many wait on a thread each, so that they go on
# as soon as there is room; those beyond ask again and again, because no number of slow clients may
# stop a quick one.
_WAITERS = 64
_ASK_AGAIN_S = 0.02
# Of a session's input that its generator has not taken. A client that sends faster must not fill
# the memory of the worker: what goes beyond ends the session. Each piece counts with what it costs.
_MOST_WAITING = 64 << 20
_PIECE_COST = 512
_drivers: set[ThreadDriver | AsyncDriver] = set()
_loop: asyncio.AbstractEventLoop | None = None
_waiters: ThreadPoolExecutor | None = None
_waiting = 0  # On the loop's thread only.
_lock = threading.Lock()


def _cost(item: Any) -> int:
    """Bytes that a piece of input holds; it is a DataListCls or a tuple of dicts."""
    cost = _PIECE_COST
    for node in getattr(item, "list", item):
        cost += len(node["data"] if isinstance(node, dict) else node.data)
    return cost


class _Room:
    """How much of a session's input waits. Told by the thread that brings it, and by the taker."""

    def __init__(self) -> None:
        self._waiting = 0
        self._lock = threading.Lock()

    def take(self, cost: int) -> None:
        with self._lock:
            if self._waiting + cost > _MOST_WAITING:
                raise BufferError(
                    f"the generator has not taken {self._waiting} bytes of input; at most "
                    f"{_MOST_WAITING} may wait"
                )
            self._waiting += cost

    def give_back(self, cost: int) -> None:
        with self._lock:
            self._waiting -= cost


class _Requests:
    """A session's input, in order, as an iterator."""

    def __init__(self) -> None:
        self.room = _Room()
        self._items: queue.SimpleQueue[Any] = queue.SimpleQueue()

    def put(self, item: object) -> None:
        self._items.put(item)

    def __iter__(self) -> _Requests:
        return self

    def __next__(self) -> Any:
        item = self._items.get()
        if item is _END:
            self._items.put(_END)
            raise StopIteration
        self.room.give_back(_cost(item))
        return item


class _AsyncRequests:
    """The same for ``async for``; fed from other threads."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.room = _Room()
        self._queue: asyncio.Queue[Any] | None = None
        self._loop = loop

    @property
    def _items(self) -> asyncio.Queue[Any]:
        # Made on the loop's thread: before Python 3.10 a queue belongs to the loop of its maker.
        if self._queue is None:
            self._queue = asyncio.Queue()
        return self._queue

    def _put(self, item: object) -> None:
        self._items.put_nowait(item)

    def put(self, item: object) -> None:
        self._loop.call_soon_threadsafe(self._put, item)

    def __aiter__(self) -> _AsyncRequests:
        return self

    async def __anext__(self) -> Any:
        item = await self._items.get()
        if item is _END:
            self._items.put_nowait(_END)
            raise StopAsyncIteration
        self.room.give_back(_cost(item))
        return item


class ThreadDriver:
    """One session of a plain generator function; ``call(input)`` makes the generator."""

    def __init__(self, host: Any, tag: str, call: Callable[[Any], Any]) -> None:
        self.host, self.tag, self.call = host, tag, call
        self.requests, self.stopping = _Requests(), False

    def start(self, given: object) -> None:
        _drivers.add(self)
        threading.Thread(target=self._run, args=(given,), name="stream", daemon=True).start()

    def _run(self, given: object) -> None:
        host, tag = self.host, self.tag
        host._enter(tag)
        try:
            generator = self.call(given)
            if generator is None:  # The session ended before it began.
                return
            try:
                for value in generator:
                    if self.stopping or host._deliver(tag, value, True) != 0:
                        return
                host._finish(tag, True)
            finally:
                if hasattr(generator, "close"):
                    generator.close()
        except BaseException as fault:
            host._fail(tag, fault)
        finally:
            _drivers.discard(self)

    def close(self) -> None:
        self.stopping = True
        self.requests.put(_END)


class AsyncDriver:
    """One session of an async generator function, or one call of a coroutine function."""

    def __init__(self, host: Any, tag: str, call: Callable[[Any], Any]) -> None:
        self.host, self.tag, self.call = host, tag, call
        self.loop = _the_loop()
        self.requests = _AsyncRequests(self.loop)
        self.future: Any = None

    def start(self, given: object) -> None:
        _drivers.add(self)
        self.future = asyncio.run_coroutine_threadsafe(self._run(given), self.loop)

    async def _send(self, function: Callable[..., int], *args: object) -> int:
        global _waiting
        code = function(*args, False)
        while code == 1:
            if _waiting >= _WAITERS:
                await asyncio.sleep(_ASK_AGAIN_S)
                code = self.host._retry(self.tag, False)
                continue
            _waiting += 1
            try:
                code = await self.loop.run_in_executor(
                    _the_waiters(), self.host._retry, self.tag, True
                )
            finally:
                _waiting -= 1
        return code

    async def _run(self, given: object) -> None:
        host, tag = self.host, self.tag
        host._enter_task(tag)
        try:
            made = self.call(given)
            if made is None:  # The session ended before it began.
                return
            if asyncio.iscoroutine(made):
                await self._send(host._deliver, tag, await made)
                await self._send(host._finish, tag)
                return
            try:
                async for value in made:
                    if await self._send(host._deliver, tag, value) != 0:
                        return
                await self._send(host._finish, tag)
            finally:
                await made.aclose()
        except asyncio.CancelledError:
            pass  # Nobody wants it any more.
        except BaseException as fault:
            host._fail(tag, fault)
        finally:
            _drivers.discard(self)

    def close(self) -> None:
        if self.future is not None:
            self.future.cancel()


def _the_loop() -> asyncio.AbstractEventLoop:
    global _loop
    with _lock:
        if _loop is None:
            _loop = asyncio.new_event_loop()
            threading.Thread(target=_loop.run_forever, name="streams", daemon=True).start()
        return _loop


def _the_waiters() -> ThreadPoolExecutor:
    # Of our own: the loop's default pool belongs to user code, and is as small as the machine.
    global _waiters
    if _waiters is None:
        _waiters = ThreadPoolExecutor(_WAITERS, thread_name_prefix="stream-room")
    return _waiters


def drive(
    host: Any, tag: str, call: Callable[[Any], Any], is_async: bool, takes_input: bool
) -> ThreadDriver | AsyncDriver:
    """Make the driver of a session; one that takes its input piece by piece starts now."""
    driver = AsyncDriver(host, tag, call) if is_async else ThreadDriver(host, tag, call)
    if takes_input:
        driver.start(driver.requests)
    return driver


def feed(driver: ThreadDriver | AsyncDriver, given: object, ended: bool) -> None:
    """Give a driver a piece of its input, and the end of it. BufferError: there is no room."""
    if given is not None:
        driver.requests.room.take(_cost(given))
        driver.requests.put(given)
    if ended:
        driver.requests.put(_END)


def stop_all(seconds: float) -> None:
    """Close every generator, and give them that long to end."""
    for driver in list(_drivers):
        driver.close()
    done = threading.Event()
    for _ in range(int(seconds * 100)):
        if not _drivers:
            return
        done.wait(0.01)
