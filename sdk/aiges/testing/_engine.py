# SPDX-License-Identifier: Apache-2.0
"""A model's hooks called in this process: typed, v2 and v1 in one way."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import threading
import traceback
import types
from collections.abc import Generator, Iterator, Mapping
from typing import Any

from aiges import _results, dto
from aiges._narrow import is_mapping, is_row
from aiges._signature import FUNCTIONS, METHODS, arguments
from aiges.client.errors import AigesError, EngineError, error_of_http
from aiges.client.message import DataType, Payload
from aiges.core.types import DataOnce
from aiges.errors import CallError
from aiges.testing._find import is_typed_object

__all__ = ["HOST", "Engine", "payload_of"]

HOST = "in-process"
STATUSES = {0: 500, 1: 400, 2: 404, 3: 503, 4: 501, 5: 409, 6: 499, 7: 500}
CODES = {"wrapperInit": 10901, "wrapperWarmup": 10901}
EXEC_FAILED, NO_DATA = 10909, 10106
TAG = "test-call"


class Engine:
    """Made and begun with a target; ``call`` serves one request. Calls do not run side by side."""

    def __init__(self, target: Any, config: Mapping[str, str]) -> None:
        self.model: Any = None  # Of the typed contract.
        self._loop: _Loop | None = None
        # As in a worker with one thread. A step of a generator counts, not what lies between them.
        self._lock = threading.RLock()
        self._holder, self._is_class = self._hold(target)
        names = getattr(self._holder, "hook_names", {})
        self._names: Mapping[str, str] = names if is_mapping(names) else {}
        self._begin(dict(config))

    def _hold(self, target: Any) -> tuple[Any, bool]:
        """Return what has the hooks, and whether they are methods."""
        if is_typed_object(target):
            from aiges.contracts.typed._engine import Engine as TypedEngine
            from aiges.contracts.typed._model import Model

            self.model = Model(target)
            return TypedEngine(self.model), True
        if isinstance(target, types.ModuleType):
            made = getattr(target, "Wrapper", None)
            if not inspect.isclass(made):
                return target, False
            target = made
        if not isinstance(target, type):
            return target, True
        options = {"legacy": False, "is_aipaas": True, "keep_schema_default_value": True}
        try:
            inspect.signature(target).bind(**options)
        except (TypeError, ValueError):
            options = {}
        return target(**options), True

    def _begin(self, config: dict[str, str]) -> None:
        for name in ("wrapperInit", "wrapperWarmup"):
            hook = getattr(self._holder, name, None)
            if not callable(hook):
                continue
            if self.model is not None:  # What it raises is the user's, as it is.
                hook(config)
                continue
            code = self._run(name, config=config)
            if code not in (0, None):
                raise EngineError(CODES[name], f"{name}: expected 0, got {code!r}", HOST)

    def close(self) -> None:
        """End the model."""
        hook = getattr(self._holder, "wrapperFini", None)
        if callable(hook):
            self._run("wrapperFini")
        if self._loop is not None:
            self._loop.stop()

    def call(self, params: dict[str, str], payloads: list[Payload]) -> Iterator[list[Payload]]:
        """Yield what comes at a time. Raises AigesError, with what the model raised as its cause"""
        params = {"sid": TAG, **params}
        request = self._request(payloads)
        if callable(getattr(self._holder, "wrapperOnceExec", None)):
            name = "wrapperOnceExec"
            appended: list[Any] = []
            made = self._run(name, params=params, reqData=request, respData=appended)
            if appended:
                yield _payloads(name, [self._appended(name, appended)])
                return
        elif callable(getattr(self._holder, "wrapperBatchExec", None)):
            name = "wrapperBatchExec"
            given = {"params": [params], "reqData": [request], "usrTags": [TAG]}
            results = self._run(name, **given)
            made = results[0] if is_row(results) and results else results
            if isinstance(made, Exception):
                raise self._error(name, made) from made
        else:
            raise EngineError(
                0,
                "expected predict, wrapperOnceExec or wrapperBatchExec, found none: other hooks "
                "are served by the loader alone, loader=True",
                HOST,
            )
        for value in self._values(name, made):
            yield _payloads(name, [value])

    def _values(self, name: str, made: Any) -> Generator[Any, None, None]:
        """Yield what a hook has returned, or what it yields."""
        try:
            if inspect.iscoroutine(made):
                yield self._on_loop(made)
            elif inspect.isasyncgen(made):
                yield from self._async_values(made)
            elif inspect.isgenerator(made):
                yield from self._plain_values(made)
            else:
                yield made
        except GeneratorExit:
            raise
        except Exception as error:
            raise self._error(name, error) from error

    def _plain_values(self, made: Any) -> Iterator[Any]:
        end = object()
        with contextlib.closing(made):
            while True:
                with self._lock:
                    value = next(made, end)
                if value is end:
                    return
                yield value

    def _async_values(self, made: Any) -> Iterator[Any]:
        async def step() -> tuple[bool, Any]:
            try:
                return True, await made.__anext__()
            except StopAsyncIteration:
                return False, None

        try:
            while True:
                more, value = self._on_loop(step())
                if not more:
                    return
                yield value
        finally:
            self._on_loop(made.aclose())

    def _on_loop(self, work: Any) -> Any:
        """Run it on a loop of our own: here one may be running already, as in notebooks."""
        if self._loop is None:
            self._loop = _Loop()
        return self._loop.run(work)

    def _run(self, name: str, **given: Any) -> Any:
        hook = getattr(self._holder, name)
        roles = METHODS if self._is_class else FUNCTIONS
        known = {"usrTag": TAG, "psrId": 0, "sid": TAG, "psrIds": (), "psrCnt": 0, **given}
        try:
            positional, named = arguments(hook, roles[name], known)
        except TypeError as error:
            raise EngineError(EXEC_FAILED, f"{name}: {error}", HOST) from None
        try:
            with self._lock:
                return hook(*positional, **named)
        except Exception as error:
            raise self._error(name, error) from error

    def _appended(self, name: str, appended: list[Any]) -> list[dto.ResponseData]:
        items: list[dto.ResponseData] = []
        try:
            for at, value in enumerate(appended):
                items += _results.appended(value, f"respData[{at}]")
        except _results.Refused as refused:
            raise EngineError(EXEC_FAILED, f"{name}: {refused}", HOST) from None
        return items

    def _request(self, payloads: list[Payload]) -> Any:
        if not self._is_class:
            return tuple(
                {
                    "key": each.name,
                    "data": each.data,
                    "len": len(each.data),
                    "status": DataOnce,
                    "type": int(each.type),
                    "desc": dict(each.attributes),
                }
                for each in payloads
            )
        made = dto.DataListCls()
        for each in payloads:
            node = dto.DataListNode(
                key=each.name, data=each.data, status=DataOnce, type=int(each.type)
            )
            node.desc = dict(each.attributes)
            made.list.append(node)
        return made

    def _error(self, name: str, error: Exception) -> AigesError:
        """Return what a client is told of what a hook raised."""
        if isinstance(error, AigesError):
            return error
        if isinstance(error, CallError):
            status = STATUSES.get(error.error_class, 500)
            return error_of_http(status, EXEC_FAILED, str(error), HOST)
        shown = f"{self._names.get(name, name)} raised {type(error).__name__}: {error}"
        last = traceback.extract_tb(error.__traceback__)[-1:]
        where = f" ({last[0].filename}, line {last[0].lineno})" if last else ""
        return error_of_http(500, EXEC_FAILED, shown + where, HOST)


def payload_of(item: dto.ResponseData) -> Payload:
    """Return an item of an answer as a client gets it."""
    kind = DataType(item.type) if item.type in list(DataType) else DataType.OTHER
    return Payload(item.key, bytes(item.data), kind, dict(item.desc or {}))


def _payloads(name: str, values: list[Any]) -> list[Payload]:
    found: list[Payload] = []
    for value in values:
        try:
            items, code = _results.read(value)
        except _results.Refused as refused:
            raise EngineError(EXEC_FAILED, f"{name}: {refused}", HOST) from None
        if code:
            raise EngineError(EXEC_FAILED, f"{name}: the engine returned the error {code}", HOST)
        found += [payload_of(item) for item in items]
    return found


class _Loop:
    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def run(self, work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
