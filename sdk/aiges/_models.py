# SPDX-License-Identifier: Apache-2.0
"""Calls of other models of the loader, from inside a worker: ``aiges.call`` and its kin.

What is left of the caller's own deadline, its cancellation and its request id go along. See
docs/calls_between_models.md.
"""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, cast, overload

from aiges import _tracing, context
from aiges._narrow import is_buffer, is_mapping

if TYPE_CHECKING:
    from aiges.dto import ResponseData

    _Items = list[ResponseData]
else:
    _Items = list

__all__ = ["CallFailed", "ModelAnswer", "Stream", "acall", "call", "stream"]

_KINDS = (
    *("internal", "invalid", "not_found", "unavailable", "unsupported", "exists", "cancelled"),
    *("unknown", "overloaded", "deadline"),
)
_FOR_EVER = -1


class CallFailed(Exception):
    """Another model did not answer, or with an error.

    ``model`` is its name, ``code`` what a client of it would have got, ``kind`` how to react:
    invalid, not_found, unavailable, unsupported, exists, cancelled, overloaded, deadline, unknown
    or internal. A hook that lets it pass has failed itself, by its own fault.
    """

    def __init__(self, model: str, code: int, error_class: int, text: str) -> None:
        super().__init__(f"model {model}: {text}")
        self.model, self.code, self.text = model, code, text
        self.error_class = error_class  # As wrapperCallNext has it.
        self.kind = _KINDS[error_class] if 0 <= error_class < len(_KINDS) else _KINDS[0]


class ModelAnswer(_Items):
    """What a model has answered: a list of ResponseData, also by key. May be returned as it is."""

    @overload
    def __getitem__(self, at: str) -> ResponseData: ...
    @overload
    def __getitem__(self, at: Any) -> Any: ...
    def __getitem__(  # pyright: ignore[reportIncompatibleMethodOverride] (adds str to list's own)
        self, at: Any
    ) -> Any:
        """Return the item with that key, or at that place."""
        if not isinstance(at, str):
            return cast("Any", super().__getitem__(at))
        found = self.get(at)
        if found is None:
            names = ", ".join(repr(item.key) for item in self) or "none"
            raise KeyError(f"expected an item {at!r}, got {names}")
        return found

    def get(self, key: str) -> ResponseData | None:
        """Return the first item with that key; None: there is none."""
        return next((item for item in self if item.key == key), None)


def call(
    model: str,
    payloads: Any,
    params: Mapping[str, Any] | None = None,
    *,
    version: str = "",
    timeout: float | None = None,
) -> ModelAnswer:
    """Call a model of this loader and wait for its answer. Raises CallFailed.

    ``payloads``: any form in which a hook may return results, the items of a request, or a dict of
    name and data. ``timeout`` in seconds, beside the caller's own deadline. Not in an event loop,
    which would stand still: there is ``acall``.
    """
    made = _begin(model, payloads, params, version, timeout, context.usr_tag())
    try:
        return _answer(model, made.next(_FOR_EVER))
    finally:
        made.end()


async def acall(
    model: str,
    payloads: Any,
    params: Mapping[str, Any] | None = None,
    *,
    version: str = "",
    timeout: float | None = None,
) -> ModelAnswer:
    """Do as ``call`` does, in an event loop, which goes on meanwhile. A cancelled task ends it."""
    inbox = _inbox()
    tag = context.usr_tag()
    made = _begin(model, payloads, params, version, timeout, tag, False, inbox.host)
    try:
        return _answer(model, await inbox.next(made))
    finally:
        inbox.end(made)


def stream(
    model: str,
    payloads: Any,
    params: Mapping[str, Any] | None = None,
    *,
    version: str = "",
    timeout: float | None = None,
) -> Stream:
    """Open a session of a model, send it everything, and return what it answers, piece by piece.

    For ``for`` and, in an event loop, ``async for``; each piece is a ModelAnswer. Who stops earlier
    closes it (``close``, or a ``with`` around it), or lets go of it: then the session ends.
    """
    return Stream(model, payloads, params, version, timeout)


class Stream:
    """The answers of one session; begun when the first is asked for."""

    def __init__(
        self,
        model: str,
        payloads: Any,
        params: Mapping[str, Any] | None,
        version: str,
        timeout: float | None,
    ) -> None:
        self._order = (model, payloads, params, version, timeout, context.usr_tag())
        self._model = model
        self._made: Any = None
        self._inbox: _Inbox | None = None
        self._over = False

    def _begin(self, inbox: _Inbox | None) -> Any:
        if self._made is None:
            self._inbox = inbox
            self._made = _begin(*self._order, True, inbox.host if inbox else None)
        elif (self._inbox is None) != (inbox is None):
            raise RuntimeError("a stream is read by for or by async for, not by both")
        return self._made

    def _take(self, got: Any) -> ModelAnswer | None:
        """Return what has come; None: that was the end."""
        self._over = got[4]
        answer = _answer(self._model, got)
        # What says no more than that it was the last.
        ends = self._over and not any(item.data or item.desc for item in answer)
        return None if ends else answer

    def __iter__(self) -> Iterator[ModelAnswer]:
        return self

    def __next__(self) -> ModelAnswer:
        answer = None
        if not self._over:
            try:
                answer = self._take(self._begin(None).next(_FOR_EVER))
            except BaseException:
                self.close()
                raise
        if answer is None:
            self.close()
            raise StopIteration
        return answer

    def __aiter__(self) -> Stream:
        return self

    async def __anext__(self) -> ModelAnswer:
        answer = None
        if not self._over:
            inbox = _inbox()
            try:
                answer = self._take(await inbox.next(self._begin(inbox)))
            except BaseException:
                self.close()
                raise
        if answer is None:
            self.close()
            raise StopAsyncIteration
        return answer

    def close(self) -> None:
        """End the session, if it has not ended. Nothing follows."""
        self._over = True
        if self._made is None:
            return
        if self._inbox is not None:
            self._inbox.end(self._made)
        else:
            self._made.end()

    def __enter__(self) -> Stream:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    async def aclose(self) -> None:
        """Do as ``close`` does."""
        self.close()

    async def __aenter__(self) -> Stream:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()


def _begin(
    model: str,
    payloads: Any,
    params: Mapping[str, Any] | None,
    version: str,
    timeout: float | None,
    tag: str,
    session: bool = False,
    inbox: Any = None,
) -> Any:
    kind = getattr(context.aiges_embed, "_ModelCall", None)
    if kind is None:
        text = "models can be called inside a worker of the loader only"
        raise CallFailed(model, 10109, _KINDS.index("unavailable"), text)
    if timeout is not None and not 0 < timeout < 2**31 / 1000:
        raise ValueError(f"timeout: expected seconds above 0, got {timeout!r}")
    timeout_ms = 0 if timeout is None else max(int(timeout * 1000), 1)
    given = None if params is None else dict(params)
    if trace := _tracing.outgoing():
        given = {**trace, **(given or {})}
    return kind(tag, model, version, given, _items(payloads), timeout_ms, session, inbox)


def _items(payloads: Any) -> Any:
    """Return payloads in a form that results have, too."""
    given = payloads
    if is_mapping(payloads) and not ("key" in payloads and "data" in payloads):
        return [_named(name, data) for name, data in payloads.items()]
    if hasattr(given, "list") and not hasattr(given, "error_code"):
        return list(given.list)  # A DataListCls.
    return given


def _named(name: str, data: Any) -> Any:
    if is_buffer(data) or isinstance(data, str):
        from aiges.dto import ResponseData

        return ResponseData(name, data=data)
    return (name, data)  # An array.


def _answer(model: str, got: Any) -> ModelAnswer:
    code, error_class, text, items, _ = got
    if code:
        raise CallFailed(model, code, error_class, text)
    return ModelAnswer(items)


class _Inbox:
    """Who waits in one event loop, by call."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.host = context.aiges_embed._ModelInbox() if context.aiges_embed else None
        self._waiting: dict[int, asyncio.Future[None]] = {}
        if self.host is not None:
            loop.add_reader(self.host.fd(), self._wake)

    def _wake(self) -> None:
        assert self.host is not None
        for call_id in self.host.take():
            future = self._waiting.pop(call_id, None)
            if future is not None and not future.done():
                future.set_result(None)

    async def next(self, made: Any) -> Any:
        while True:
            got = made.next(0)
            if got is not None:
                return got
            future = asyncio.get_running_loop().create_future()
            self._waiting[made.id] = future
            await future

    def end(self, made: Any) -> None:
        self._waiting.pop(made.id, None)
        made.end()


_inboxes: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, _Inbox]
_inboxes = weakref.WeakKeyDictionary()


def _inbox() -> _Inbox:
    loop = asyncio.get_running_loop()
    found = _inboxes.get(loop)
    if found is None:
        found = _inboxes[loop] = _Inbox(loop)
    return found
