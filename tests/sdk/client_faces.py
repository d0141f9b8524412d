# SPDX-License-Identifier: Apache-2.0
"""Client and AsyncClient with one blocking face, so that the same tests run through both."""

import asyncio
import threading

from aiges.client import AsyncClient, Client


class _Loop:
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


class _Stream:
    def __init__(self, loop, inner):
        self._loop, self.inner = loop, inner

    def __iter__(self):
        return self

    def __next__(self):
        try:
            return self._loop.run(self._next())
        except StopAsyncIteration:
            raise StopIteration from None

    async def _next(self):
        return await self.inner.__anext__()

    def close(self):
        self._loop.run(self.inner.close())

    @property
    def request_id(self):
        return self.inner.request_id


class AwaitedClient:
    """AsyncClient(..), on a loop of its own."""

    def __init__(self, *args, **options):
        self._loop = _Loop()

        async def make():
            return AsyncClient(*args, **options)

        try:
            self.inner = self._loop.run(make())
        except BaseException:
            self._loop.stop()
            raise

    def with_options(self, **options):
        made = object.__new__(AwaitedClient)
        made._loop, made.inner = self._loop, self.inner.with_options(**options)
        return made

    def predict(self, **inputs):
        return self._loop.run(self.inner.predict(**inputs))

    def stream(self, *args, **inputs):
        async def make():
            return self.inner.stream(*args, **inputs)

        return _Stream(self._loop, self._loop.run(make()))

    def close(self):
        self._loop.run(self.inner.close())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
        self._loop.stop()


KINDS = {"sync": Client, "asyncio": AwaitedClient}
