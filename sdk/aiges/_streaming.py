"""Runs generator hooks for sessions: each plain one on a thread of its own, async ones on one loop.

Embedded in libwrapper.so; ``host`` is aiges_embed. What a generator yields goes to
``host._deliver``, which waits while the client is slower: 0 taken, -1 not wanted any more, 1 no
room now (only where it may not wait). An async generator must not make the others on its loop
wait, so it waits for room on another thread.
"""

import asyncio
import queue
import threading

_END = object()
_drivers: "set[object]" = set()
_loop = None
_lock = threading.Lock()


class _Requests:
    """A session's input, in order, as an iterator."""

    def __init__(self):
        self._items = queue.SimpleQueue()

    def put(self, item):
        self._items.put(item)

    def __iter__(self):
        return self

    def __next__(self):
        item = self._items.get()
        if item is _END:
            self._items.put(_END)
            raise StopIteration
        return item


class _AsyncRequests:
    """The same for ``async for``; fed from other threads."""

    def __init__(self, loop):
        self._items = asyncio.Queue()
        self._loop = loop

    def put(self, item):
        self._loop.call_soon_threadsafe(self._items.put_nowait, item)

    def __aiter__(self):
        return self

    async def __anext__(self):
        item = await self._items.get()
        if item is _END:
            self._items.put_nowait(_END)
            raise StopAsyncIteration
        return item


class ThreadDriver:
    """One session of a plain generator function; ``call(input)`` makes the generator."""

    def __init__(self, host, tag, call):
        self.host, self.tag, self.call = host, tag, call
        self.requests, self.stopping = _Requests(), False

    def start(self, given):
        _drivers.add(self)
        threading.Thread(target=self._run, args=(given,), name="stream", daemon=True).start()

    def _run(self, given):
        host, tag = self.host, self.tag
        host._enter(tag)
        try:
            generator = self.call(given)
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

    def close(self):
        self.stopping = True
        self.requests.put(_END)


class AsyncDriver:
    """One session of an async generator function, or one call of a coroutine function."""

    def __init__(self, host, tag, call):
        self.host, self.tag, self.call = host, tag, call
        self.loop = _the_loop()
        self.requests = _AsyncRequests(self.loop)
        self.future = None

    def start(self, given):
        _drivers.add(self)
        self.future = asyncio.run_coroutine_threadsafe(self._run(given), self.loop)

    async def _send(self, function, *args):
        code = function(*args, False)
        if code == 1:
            code = await self.loop.run_in_executor(None, function, *args, True)
        return code

    async def _run(self, given):
        host, tag = self.host, self.tag
        host._enter_task(tag)
        try:
            made = self.call(given)
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

    def close(self):
        if self.future is not None:
            self.future.cancel()


def _the_loop():
    global _loop
    with _lock:
        if _loop is None:
            _loop = asyncio.new_event_loop()
            threading.Thread(target=_loop.run_forever, name="streams", daemon=True).start()
        return _loop


def drive(host, tag, call, is_async, takes_input):
    """Make the driver of a session; one that takes its input piece by piece starts now."""
    driver = (AsyncDriver if is_async else ThreadDriver)(host, tag, call)
    if takes_input:
        driver.start(driver.requests)
    return driver


def feed(driver, given, ended):
    if given is not None:
        driver.requests.put(given)
    if ended:
        driver.requests.put(_END)


def stop_all(seconds):
    """Close every generator, and give them that long to end."""
    for driver in list(_drivers):
        driver.close()
    done = threading.Event()
    for _ in range(int(seconds * 100)):
        if not _drivers:
            return
        done.wait(0.01)
