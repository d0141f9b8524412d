# SPDX-License-Identifier: Apache-2.0
"""What ends with ``close()`` can stand in a ``with``."""

from __future__ import annotations

from typing import TypeVar

_Sync = TypeVar("_Sync", bound="Closing")
_Async = TypeVar("_Async", bound="AsyncClosing")


class Closing:
    """Leaving the ``with`` closes it."""

    def close(self) -> None:
        """End it."""
        raise NotImplementedError

    def __enter__(self: _Sync) -> _Sync:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class AsyncClosing:
    """Leaving the ``async with`` closes it."""

    async def close(self) -> None:
        """End it."""
        raise NotImplementedError

    async def __aenter__(self: _Async) -> _Async:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()
