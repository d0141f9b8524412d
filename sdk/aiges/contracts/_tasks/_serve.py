# SPDX-License-Identifier: Apache-2.0
"""One request served: its hook is asked, and what that gives goes to the host, bit by bit or whole.

Hooks may be plain functions or generators, and both may be async. Where one of a wrapper's hooks
is async, all of its calls are served on the host's event loop, and plain hooks on threads.
"""

from __future__ import annotations

import asyncio
import contextvars
import functools
import inspect
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Callable

from aiges import context
from aiges._narrow import is_dict
from aiges.contracts._tasks._bodies import Bodies
from aiges.contracts._tasks._call import KEY, Call, item
from aiges.contracts._tasks._choices import Choices
from aiges.contracts._tasks._embeddings import Embeddings
from aiges.contracts._tasks._hooks import WHOLE, Hook, is_async
from aiges.contracts._tasks._transcripts import Transcript
from aiges.dto import callback_metric
from aiges.errors import BadInput

__all__ = ["is_iterator", "serve", "serve_async", "values_of"]

_ANSWERS: dict[str, Any] = {
    "chat": Choices,
    "complete": Choices,
    "embed": Embeddings,
    "transcribe": Transcript,
}
_THREADS = 32  # Of plain hooks beside async ones.
# What the loader counts of an answer's usage.
_COUNTED = {
    "tokens": "total_tokens",
    "prompt_tokens": "prompt_tokens",
    "completion_tokens": "completion_tokens",
}
_MOST_COUNTED = 2**31 - 1
_pool: ThreadPoolExecutor | None = None


def is_iterator(made: object) -> bool:
    """Tell whether a hook gives its answer bit by bit."""
    return hasattr(made, "__next__")


def _begin(hooks: dict[str, Hook], call: Call) -> tuple[Hook, Any]:
    hook = hooks.get(call.task) or hooks.get(WHOLE)
    if hook is None or call.task not in _ANSWERS:
        raise BadInput(f"expected one of the tasks {', '.join(hooks)}, got {call.task}")
    made = Bodies if hook.name == WHOLE else _ANSWERS[call.task]
    return hook, made(call, hook)


def _items(call: Call, pieces: list[Any]) -> list[Any]:
    return [item(piece) for piece in pieces] if call.streams else []


def _whole(answer: Any) -> Any:
    body = answer.body()
    _count(body)
    return body if is_dict(body) and body.get("key") == KEY else item(body)


def _count(answer: Any) -> None:
    """Let the loader count the tokens of an answer, for usage records and limits of callers."""
    usage = answer.get("usage") if is_dict(answer) else None
    if not is_dict(usage):
        return
    tag = context.usr_tag()
    for key, name in _COUNTED.items():
        count = usage.get(name)
        if type(count) is int and count > 0:
            callback_metric(tag, key, min(count, _MOST_COUNTED))


def serve(hooks: dict[str, Hook], call: Call) -> Iterator[Any]:
    """Yield the results of the host: pieces where the client wants a stream, else one."""
    hook, answer = _begin(hooks, call)
    for run, (asked, options) in enumerate(answer.runs):
        for is_last, value in _values(hook.call(asked, options)):
            pieces = (answer.returned if is_last else answer.yielded)(run, value)
            if call.streams and pieces:
                yield _items(call, pieces)
            elif not call.streams and not is_last and context.cancelled():
                return  # Nobody waits: the rest of the generator is not run.
    if not call.streams:
        yield _whole(answer)
        return
    _count(answer.about())
    if pieces := answer.ended():
        yield _items(call, pieces)


def _values(made: Any) -> Iterator[tuple[bool, Any]]:
    """Yield what a hook gives, and whether it has returned that."""
    if not is_iterator(made):
        yield True, made
        return
    try:
        while True:
            is_last, value = _next(made)
            if not is_last or value is not None:
                yield is_last, value
            if is_last:
                return
    finally:
        if hasattr(made, "close"):
            made.close()


def _next(made: Any) -> tuple[bool, Any]:
    try:
        return False, next(made)
    except StopIteration as end:
        return True, end.value


async def serve_async(hooks: dict[str, Hook], call: Call) -> AsyncIterator[Any]:
    """As ``serve``, on the event loop."""
    hook, answer = _begin(hooks, call)
    for run, (asked, options) in enumerate(answer.runs):
        values = values_of(functools.partial(hook.call, asked, options), hook.function)
        try:
            async for is_last, value in values:
                pieces = (answer.returned if is_last else answer.yielded)(run, value)
                if call.streams and pieces:
                    yield _items(call, pieces)
                elif not call.streams and not is_last and context.cancelled():
                    return
        finally:
            await values.aclose()
    if not call.streams:
        yield _whole(answer)
        return
    _count(answer.about())
    if pieces := answer.ended():
        yield _items(call, pieces)


async def values_of(
    call: Callable[[], Any], function: object
) -> AsyncGenerator[tuple[bool, Any], None]:
    """Yield what a hook gives, async or not, and whether it has returned that."""
    made = call() if is_async(function) else await _in_thread(call)
    if inspect.isawaitable(made):
        made = await made
    if hasattr(made, "__anext__"):
        try:
            async for value in made:
                yield False, value
        finally:
            await made.aclose()
    elif is_iterator(made):
        try:
            is_last = False
            while not is_last:
                is_last, value = await _in_thread(_next, made)
                if not is_last or value is not None:
                    yield is_last, value
        finally:
            if hasattr(made, "close"):
                await _in_thread(made.close)
    else:
        yield True, made


async def _in_thread(function: Callable[..., Any], *given: Any) -> Any:
    global _pool
    if _pool is None:
        _pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="task")
    run: Callable[..., Any] = (
        contextvars.copy_context().run
    )  # The call that runs here is the same there.
    return await asyncio.get_running_loop().run_in_executor(_pool, run, function, *given)
