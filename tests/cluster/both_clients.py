# SPDX-License-Identifier: Apache-2.0
"""AsyncClient with the methods of Client, so that the same tests run through both."""

import asyncio
import threading

from aiges.client import AsyncClient, Client


class EventLoop:
    """An event loop on a thread of its own."""

    def __init__(self):
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()

    def run(self, work):
        return asyncio.run_coroutine_threadsafe(work, self.loop).result()

    def stop(self):
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.loop.close()


class OnLoop:
    """What an asyncio object does, awaited on its loop; everything else is the object's own."""

    def __init__(self, loop, inner):
        self._loop, self._inner = loop, inner

    def __getattr__(self, name):
        return getattr(self._inner, name)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self._loop.run(self._inner.close())


class OnLoopSession(OnLoop):
    def write(self, *args, **options):
        self._loop.run(self._inner.write(*args, **options))

    def read(self, *args, **options):
        return self._loop.run(self._inner.read(*args, **options))

    def __iter__(self):
        while not self.ended:
            yield from self.read()


class OnLoopStream(OnLoop):
    def __iter__(self):
        return self

    def __next__(self):
        try:
            return self._loop.run(self._next())
        except StopAsyncIteration:
            raise StopIteration from None

    async def _next(self):
        return await self._inner.__anext__()


class OnLoopClient(OnLoop):
    """AsyncClient(..), on a loop of its own."""

    def __init__(self, *args, **options):
        loop = EventLoop()

        async def make():
            return AsyncClient(*args, **options)

        try:
            super().__init__(loop, loop.run(make()))
        except BaseException:
            loop.stop()
            raise

    def close(self):
        if self._loop.thread.is_alive():
            super().close()
            # Calls that end with the client tell their threads first.
            self._loop.run(asyncio.sleep(0.05))

    def __exit__(self, *_):
        self.close()
        self._loop.stop()

    def once(self, *args, **options):
        return self._loop.run(self._inner.once(*args, **options))

    def session(self, *args, **options):
        return OnLoopSession(self._loop, self._loop.run(self._inner.session(*args, **options)))

    def stream(self, inputs, *args, **options):
        async def make():
            return self._inner.stream(as_async(inputs), *args, **options)

        return OnLoopStream(self._loop, self._loop.run(make()))


def as_async(inputs):
    """A plain iterator as an async one, whose waiting does not hold the loop up."""
    if not hasattr(inputs, "__next__"):
        return inputs

    async def pieces():
        end = object()
        try:
            while (piece := await asyncio.to_thread(next, inputs, end)) is not end:
                yield piece
        finally:
            if hasattr(inputs, "close") and not getattr(inputs, "gi_running", False):
                inputs.close()

    return pieces()


KINDS = {"sync": Client, "asyncio": OnLoopClient}
