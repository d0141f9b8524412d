# SPDX-License-Identifier: Apache-2.0
"""Runs generator hooks for sessions: each plain one on a thread of its own, async ones on one loop.

Every generator and coroutine that ends answers, whatever it ended with: SystemExit and
CancelledError too. Embedded in libwrapper.so; ``host`` is aiges_embed. What a generator yields
goes to ``host._deliver``, which waits while the client is slower: 0 taken, -1 not wanted any more,
1 no room now (only where it may not wait; the host keeps the item for ``host._retry``). An async
generator must not make the others on its loop wait, so it waits for room on another thread.
"""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading
import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Callable

from aiges import _tracing

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
_drivers: set[ThreadDriver | AsyncDriver] = set()  # What runs. Told of with _changed.
_changed = threading.Condition()
_loop: asyncio.AbstractEventLoop | None = None
_loop_thread: threading.Thread | None = None
_ending = threading.Event()  # The loop is to end.
_waiters: ThreadPoolExecutor | None = None
_waiting = 0  # On the loop's thread only.
_lock = threading.Lock()


def _forget(driver: ThreadDriver | AsyncDriver) -> None:
    with _changed:
        _drivers.discard(driver)
        _changed.notify_all()


def _cost(item: Any) -> int:
    """Bytes that a piece of input holds; it is a DataListCls or a tuple of dicts."""
    cost = _PIECE_COST
    for node in getattr(item, "list", item):
        fields: dict[str, Any] = node  # Where it is a dict.
        cost += len(fields["data"] if isinstance(node, dict) else node.data)
    return cost


class _Room:
    """How much of a session's input waits. Told by the thread that brings it, and by the taker."""

    def __init__(self) -> None:
        self._waiting = 0
        self._lock = threading.Lock()

    def take(self, item: object) -> int:
        """Return what is to be given back."""
        cost = _cost(item)
        with self._lock:
            if self._waiting + cost > _MOST_WAITING:
                raise BufferError(
                    f"the generator has not taken {self._waiting} bytes of input; at most "
                    f"{_MOST_WAITING} may wait"
                )
            self._waiting += cost
        return cost

    def give_back(self, cost: int) -> None:
        with self._lock:
            self._waiting -= cost


class _Requests:
    """A session's input, in order, as an iterator. put() raises BufferError without room."""

    def __init__(self) -> None:
        self._room = _Room()
        self._items: queue.SimpleQueue[Any] = queue.SimpleQueue()

    def put(self, item: object) -> None:
        self._items.put((item, self._room.take(item)))

    def end(self) -> None:
        self._items.put(_END)

    def __iter__(self) -> _Requests:
        return self

    def __next__(self) -> Any:
        got = self._items.get()
        if got is _END:
            self._items.put(_END)
            raise StopIteration
        item, cost = got
        self._room.give_back(cost)
        return item


class _AsyncRequests:
    """The same for ``async for``; fed from other threads."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._room = _Room()
        self._queue: asyncio.Queue[Any] | None = None
        self._loop = loop

    @property
    def _items(self) -> asyncio.Queue[Any]:
        # Made on the loop's thread: before Python 3.10 a queue belongs to the loop of its maker.
        if self._queue is None:
            self._queue = asyncio.Queue()
        return self._queue

    def _add(self, entry: object) -> None:
        self._items.put_nowait(entry)

    def put(self, item: object) -> None:
        self._loop.call_soon_threadsafe(self._add, (item, self._room.take(item)))

    def end(self) -> None:
        self._loop.call_soon_threadsafe(self._add, _END)

    def __aiter__(self) -> _AsyncRequests:
        return self

    async def __anext__(self) -> Any:
        got = await self._items.get()
        if got is _END:
            self._items.put_nowait(_END)
            raise StopAsyncIteration
        item, cost = got
        self._room.give_back(cost)
        return item


class ThreadDriver:
    """One session of a plain generator function; ``call(input)`` makes the generator."""

    def __init__(self, host: Any, tag: str, call: Callable[[Any], Any]) -> None:
        self.host, self.tag, self.call = host, tag, call
        self.requests, self.stopping = _Requests(), False

    def start(self, given: object) -> None:
        _drivers.add(self)
        try:
            threading.Thread(target=self._run, args=(given,), name="stream", daemon=True).start()
        except BaseException:  # No more threads.
            _forget(self)
            raise

    def _run(self, given: object) -> None:
        host, tag = self.host, self.tag
        host._enter(tag)
        _tracing.follow(tag)
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
            _forget(self)

    def close(self) -> None:
        self.stopping = True
        self.requests.end()


class AsyncDriver:
    """One session of an async generator function, or one call of a coroutine function."""

    def __init__(self, host: Any, tag: str, call: Callable[[Any], Any]) -> None:
        self.host, self.tag, self.call = host, tag, call
        self.loop = _the_loop(host)
        self.requests = _AsyncRequests(self.loop)
        self.task: asyncio.Task[None] | None = None  # On the loop's thread only.
        self.closing = False

    def start(self, given: object) -> None:
        _drivers.add(self)
        try:
            self.loop.call_soon_threadsafe(self._begin, given)
        except BaseException:  # The loop is closed.
            _forget(self)
            raise

    def _begin(self, given: object) -> None:
        self.task = self.loop.create_task(self._run(given))
        self.task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        _forget(self)
        if task.cancelled() and not self.closing:  # Before its first step: _run never ran.
            self.host._fail(self.tag, asyncio.CancelledError())

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
        except BaseException as fault:
            # Cancelled by close(): nobody wants it any more. By anybody else: it failed.
            if not (self.closing and isinstance(fault, asyncio.CancelledError)):
                host._fail(tag, fault)

    def close(self) -> None:
        self.closing = True
        if not self.loop.is_closed():
            self.loop.call_soon_threadsafe(self._cancel)

    def _cancel(self) -> None:
        if self.task is not None:
            self.task.cancel()


def _run_loop(loop: asyncio.AbstractEventLoop) -> None:
    # SystemExit and KeyboardInterrupt in a task of the user's, and his loop.stop(), end
    # run_forever; the calls of others go on.
    while not _ending.is_set():
        try:
            loop.run_forever()
        except BaseException:
            traceback.print_exc()
    loop.close()


def _beat(loop: asyncio.AbstractEventLoop, host: Any) -> None:
    """Tell the host that the loop turns, as often as it wants to hear that."""
    wait_ms = host._alive()
    if wait_ms > 0:
        loop.call_later(wait_ms / 1000, _beat, loop, host)


def _the_loop(host: Any) -> asyncio.AbstractEventLoop:
    global _loop, _loop_thread
    with _lock:
        if _loop is None:
            loop = asyncio.new_event_loop()
            loop.call_soon(_beat, loop, host)
            _loop_thread = threading.Thread(
                target=_run_loop, args=(loop,), name="streams", daemon=True
            )
            _loop_thread.start()
            _loop = loop
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
        driver.requests.put(given)
    if ended:
        driver.requests.end()


def stop_all(seconds: float) -> None:
    """Close every generator, and give them that long to end."""
    for driver in list(_drivers):
        driver.close()
    with _changed:
        _changed.wait_for(lambda: not _drivers, seconds)


async def _end_tasks() -> None:
    # As asyncio.run does.
    loop = asyncio.get_running_loop()
    tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await loop.shutdown_asyncgens()
    if hasattr(loop, "shutdown_default_executor"):  # Since Python 3.9.
        await loop.shutdown_default_executor()


def end_loop(seconds: float) -> None:
    """End the event loop with all that the user still runs on it, within that time."""
    end = time.monotonic() + seconds
    with _lock:
        if _loop is None or _loop_thread is None:
            return
    try:
        asyncio.run_coroutine_threadsafe(_end_tasks(), _loop).result(seconds)
    except BaseException as fault:
        print(f"wrapper: the event loop did not end in order: {fault!r}", flush=True)
    _ending.set()
    with contextlib.suppress(RuntimeError):  # It has just seen that, and is closed.
        _loop.call_soon_threadsafe(_loop.stop)
    _loop_thread.join(max(end - time.monotonic(), 0))
