# SPDX-License-Identifier: Apache-2.0
"""The user's wrapper with its tasks: what the host sees in place of it.

All that it has is there as it is; wrapperOnceExec, wrapperStream, wrapperBatchExec and
wrapperCreate are asked only for calls that are no tasks, and wrapperSchema says which tasks there
are. wrapperOnceExec is a generator, so that one hook serves whole answers and streams.
"""

from __future__ import annotations

import importlib
import inspect
import json
import os
import traceback
from types import ModuleType
from typing import Any, Callable

from aiges import _signature
from aiges._narrow import is_dict, is_row
from aiges.contracts._tasks._call import TASK, read_call
from aiges.contracts._tasks._hooks import Hook, find_hooks, is_async, tasks_of
from aiges.contracts._tasks._serve import is_iterator, serve, serve_async, values_of
from aiges.errors import BadInput

__all__ = ["Served", "load"]


def load() -> Any:
    """Import the user's module, and return what the host is to see of it."""
    name, _, path = (os.environ.get("AIGES_APP") or "wrapper").partition(":")
    module = importlib.import_module(name)
    wrapper = getattr(module, path or "Wrapper", None)
    if not isinstance(wrapper, type):
        if path:
            raise ValueError(f'[aiges] app: expected "{name}:Class", got no class {path} there')
        return Served(module, _signature.FUNCTIONS)
    if not tasks_of(wrapper) and tasks_of(module):
        raise ValueError(
            f"expected {', '.join(tasks_of(module))} as methods of class {wrapper.__name__}, got "
            "functions beside it"
        )
    return _Module(wrapper)


class _Module:
    """What a module with a class Wrapper is to the host."""

    def __init__(self, wrapper: type) -> None:
        class Wrapper:
            """Makes the user's object."""

            def __new__(cls, **options: Any) -> Any:
                """Return it with its tasks."""
                return Served(wrapper(**options), _signature.METHODS)

        # The host looks at it for what the constructor takes.
        Wrapper.__signature__ = inspect.signature(wrapper)  # type: ignore[attr-defined]
        self.Wrapper = Wrapper


class _Planned:
    """A hook of the user's for other calls, called with those arguments that it wants."""

    def __init__(self, function: Callable[..., Any], roles: str) -> None:
        self.function = function
        order, self._names = _signature.plan(function, roles)
        self._order = order[: len(order) - len(self._names)]
        self._named = order[len(self._order) :]

    def __call__(self, given: tuple[Any, ...]) -> Any:
        named = {name: given[i] for name, i in zip(self._names, self._named)}
        return self.function(*[given[i] for i in self._order], **named)


class _Failed:
    """An answer that is the user's error code."""

    def __init__(self, code: int) -> None:
        self.error_code, self.list = code, ()


class Served:
    """A module or an object of the user's, with its tasks."""

    def __init__(self, owner: Any, roles: dict[str, str]) -> None:
        self._owner, self._all_roles = owner, roles
        self._hooks = find_hooks(owner)
        self._tasks = tasks_of(owner)
        if not self._tasks:
            raise ValueError(
                "expected a hook chat, complete, embed, transcribe or openai, got none"
            )
        self._roles = roles["wrapperOnceExec"].split()
        self._once = self._planned("wrapperOnceExec")
        self._stream = self._planned("wrapperStream")
        batch, create = self._planned("wrapperBatchExec"), self._planned("wrapperCreate")
        if self._planned("wrapperOnceExecAsync") is not None:
            raise ValueError("wrapperOnceExecAsync: expected none beside hooks for tasks, got one")
        others = [each.function for each in (self._once, self._stream) if each is not None]
        asyncs = [is_async(hook.function) for hook in self._hooks.values()]
        loop = any(asyncs) or any(is_async(function) for function in others)
        self.wrapperOnceExec = self._once_async() if loop else self._once_plain()
        if self._stream is not None:
            if loop != is_async(self._stream.function):
                raise ValueError(
                    "expected wrapperStream and the hooks for tasks to be all async or none"
                )
            self.wrapperStream = self._stream_async() if loop else self._stream_plain()
        if batch is not None:
            if loop:
                raise ValueError("wrapperBatchExec: expected no async hooks beside it, got some")
            self.wrapperBatchExec = self._batch_plain(batch)
        if create is not None:
            self.wrapperCreate = self._create_plain(create)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._owner, name)

    def _planned(self, name: str) -> _Planned | None:
        function = getattr(self._owner, name, None)
        default = str(getattr(function, "__qualname__", "")).startswith("WrapperBase.")
        if not callable(function) or default:
            return None
        return _Planned(function, self._all_roles[name])

    # --- what the engine says of itself ---

    def wrapperSchema(self) -> Any:  # noqa: N802 (frozen name)
        """Return what the user's wrapper declares, with its tasks."""
        said: Any = {}
        try:
            said = self._declared()
            said = json.loads(said) if isinstance(said, str) else said
        except Exception:
            traceback.print_exc()
        shown: dict[Any, Any] = dict(said) if is_dict(said) else {}
        card = shown.get("model")
        known: dict[Any, Any] = card if is_dict(card) else {}
        return {**shown, "model": {**known, "tasks": self._tasks}}

    def _declared(self) -> Any:
        owner = self._owner
        if callable(getattr(owner, "wrapperSchema", None)):
            return owner.wrapperSchema()
        if isinstance(owner, ModuleType) or not callable(getattr(owner, "schema", None)):
            return {}
        inputs, accepts = getattr(owner, "inputs", None), getattr(owner, "accepts", None)
        kept = getattr(owner, "__mappings__", None)
        if inputs is not None or accepts is not None:
            return owner.schema() if inputs or accepts else {}
        if is_dict(kept) and not (kept.get("inputs") or kept.get("accepts")):
            return {}
        return owner.schema()

    # --- once calls, and sessions whose input comes whole ---

    def _asked(self, given: tuple[Any, ...]) -> Any:
        values = dict(zip(self._roles, given))
        return read_call(values["params"], values["reqData"])

    def _other(self, given: tuple[Any, ...]) -> Any:
        """Return what the user's own hook gives for a call that is no task."""
        if self._once is not None:
            return self._once(given)
        values = dict(zip(self._roles, given))
        values["requests"] = iter([values["reqData"]])
        if self._stream is None:
            raise BadInput(
                f"expected a call of OpenAI's API ({', '.join(self._tasks)}), got another: this "
                "engine has no wrapperOnceExec"
            )
        roles = self._all_roles["wrapperStream"].split()
        return self._stream(tuple(values.get(role) for role in roles))

    def _once_plain(self) -> Any:
        hooks = self._hooks

        def wrapperOnceExec(*given: Any) -> Any:  # noqa: N802
            call = self._asked(given)
            if call is not None:
                yield from serve(hooks, call)
                return
            made = self._other(given)
            if is_iterator(made):
                yield from made
            else:
                yield from _answers(made)

        return wrapperOnceExec

    def _once_async(self) -> Any:
        hooks = self._hooks
        function = None if self._once is None else self._once.function

        async def wrapperOnceExec(*given: Any) -> Any:  # noqa: N802
            call = self._asked(given)
            if call is not None:
                served: Any = serve_async(hooks, call)
            else:
                served = values_of(lambda: self._other(given), function)
            try:
                async for value in served:
                    if call is not None:
                        yield value
                    elif not value[0]:
                        yield value[1]
                    else:
                        for each in _answers(value[1]):
                            yield each
            finally:
                await served.aclose()

        return wrapperOnceExec

    # --- sessions whose input comes piece by piece ---

    def _stream_plain(self) -> Any:
        hooks, stream = self._hooks, self._stream
        assert stream is not None

        def wrapperStream(*given: Any) -> Any:  # noqa: N802
            if TASK not in given[0]:
                yield from stream(given)
                return
            nodes = [node for piece in given[1] for node in getattr(piece, "list", piece)]
            call = read_call(given[0], nodes)
            assert call is not None
            yield from serve(hooks, call)

        return wrapperStream

    def _stream_async(self) -> Any:
        hooks, stream = self._hooks, self._stream
        assert stream is not None

        async def wrapperStream(*given: Any) -> Any:  # noqa: N802
            if TASK in given[0]:
                nodes = [n async for piece in given[1] for n in getattr(piece, "list", piece)]
                call = read_call(given[0], nodes)
                assert call is not None
                served: Any = serve_async(hooks, call)
            else:
                served = stream(given)
            try:
                async for value in served:
                    yield value
            finally:
                await served.aclose()

        return wrapperStream

    # --- the rest ---

    def _batch_plain(self, batch: _Planned) -> Any:
        hooks = self._hooks

        def wrapperBatchExec(params: Any, reqData: Any, usrTags: Any) -> list[Any]:  # noqa: N802, N803
            results: list[Any] = [None] * len(params)
            others = [i for i, each in enumerate(params) if TASK not in each]
            if others:
                given = [[each[i] for i in others] for each in (params, reqData, usrTags)]
                made = batch(tuple(given))
                if not is_row(made) or len(made) != len(others):
                    raise TypeError(
                        f"wrapperBatchExec: expected a list of {len(others)} results, got "
                        f"{type(made).__name__}"
                    )
                for i, each in zip(others, made):
                    results[i] = each
            for i, each in enumerate(params):
                if TASK in each:
                    results[i] = _one(hooks, each, reqData[i])
            return results

        return wrapperBatchExec

    def _create_plain(self, create: _Planned) -> Any:
        roles = self._all_roles["wrapperCreate"].split()

        def wrapperCreate(*given: Any) -> Any:  # noqa: N802
            if TASK in given[roles.index("params")]:
                raise BadInput(
                    "stream: expected false, as this engine has sessions of its own "
                    "(wrapperCreate), got true"
                )
            return create(given)

        return wrapperCreate


def _answers(made: Any) -> list[Any]:
    """Return what a plain hook has returned, as a generator would yield it."""
    if isinstance(made, int):  # A function that has appended its results.
        return [_Failed(made)] if made else []
    return [made]


def _one(hooks: dict[str, Hook], params: Any, data: Any) -> Any:
    try:
        call = read_call(params, data)
        assert call is not None
        return list(serve(hooks, call))
    except Exception as fault:
        return fault
