# SPDX-License-Identifier: Apache-2.0
"""Client and AsyncClient with one face for calls by the names of inputs (both_clients.py)."""

from aiges.client import Client
from both_clients import OnLoopClient, OnLoopStream


class AwaitedClient(OnLoopClient):
    """AsyncClient(..), on a loop of its own."""

    def with_options(self, **options):
        made = object.__new__(AwaitedClient)
        made._loop, made._inner = self._loop, self._inner.with_options(**options)
        return made

    def predict(self, **inputs):
        return self._loop.run(self._inner.predict(**inputs))

    def stream(self, *args, **inputs):
        async def make():
            return self._inner.stream(*args, **inputs)

        return OnLoopStream(self._loop, self._loop.run(make()))


KINDS = {"sync": Client, "asyncio": AwaitedClient}
