# SPDX-License-Identifier: Apache-2.0
"""What generator and coroutine hooks give, for ``WrapperBase.run()``: run to the end."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator, Iterator
from typing import Any

from aiges import dto


class Requests:
    """The input of wrapperStream, for ``for`` and for ``async for``."""

    def __init__(self, *pieces: dto.DataListCls) -> None:
        self._pieces = iter(pieces)

    def __iter__(self) -> Iterator[dto.DataListCls]:
        return self._pieces

    async def __aiter__(self) -> AsyncIterator[dto.DataListCls]:
        for piece in self._pieces:
            yield piece


def is_lazy(made: object) -> bool:
    """Tell whether a hook's result has to be run before there is anything to look at."""
    return inspect.isgenerator(made) or inspect.isasyncgen(made) or inspect.iscoroutine(made)


def run(made: Any) -> list[Any]:
    """Run it to the end. A list of what it yielded, or of the one thing that it returned."""
    if inspect.isgenerator(made):
        return list(made)
    return asyncio.run(_run(made))


async def _run(made: Any) -> list[Any]:
    if inspect.iscoroutine(made):
        return [await made]
    return [value async for value in made]
