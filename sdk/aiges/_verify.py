# SPDX-License-Identifier: Apache-2.0
"""What ``WrapperBase.run()`` does: call the hooks as the loader does, and judge the results."""

from __future__ import annotations

import logging
import queue
import time
import traceback
from typing import TYPE_CHECKING, Any, Callable

from aiges import _results, _yielded, dto
from aiges._shown import shown
from aiges._signature import METHODS, arguments, look
from aiges.core.types import DataEnd, DataOnce
from aiges.errors import BadInput

if TYPE_CHECKING:
    from aiges.sdk import WrapperBase

log = logging.getLogger("aiges")

SID = "test-111111"
STREAM_TIMEOUT_S = 60.0
MOST_EMPTY_READS = 100  # As the loader.
EMPTY_READ_PAUSE_S = 0.05


class _Stop(Exception):
    """The rest cannot be tried."""


class _NoUse(Exception):
    """The hook says that the test values cannot be used: the rest cannot be tried, and is right."""


def _refused(name: str, error: BadInput) -> _NoUse:
    log.info("%s: refuses the test values, code %s: %s", name, error.code, error)
    return _NoUse()


def _end(wrapper: WrapperBase, problems: list[str]) -> None:
    try:
        _call(wrapper, "wrapperFini")
    except _Stop as stop:
        problems.append(str(stop))


def once(wrapper: WrapperBase) -> list[str]:
    """Return what is wrong with a once call, from wrapperInit to wrapperFini."""
    problems: list[str] = []
    try:
        _init(wrapper)
        params, request = _test_call(wrapper)
        response = _call(wrapper, "wrapperOnceExec", params=params, reqData=request)
        if _yielded.is_lazy(response):
            problems += _check_lazy(wrapper, response, "wrapperOnceExec")
        else:
            problems += _check_answer(wrapper, response, "wrapperOnceExec", {DataOnce})
        _call(wrapper, "wrapperFini")
    except _NoUse:
        _end(wrapper, problems)
    except _Stop as stop:
        problems.append(str(stop))
    return problems


def stream(wrapper: WrapperBase) -> list[str]:
    """Return what is wrong with a session, in whichever way the wrapper serves them."""
    if hasattr(wrapper, "wrapperStream"):
        return _stream_hook(wrapper)
    return _session(wrapper) if _is_own(wrapper, "wrapperCreate") else once(wrapper)


def _stream_hook(wrapper: WrapperBase) -> list[str]:
    problems: list[str] = []
    try:
        _init(wrapper)
        params, request = _test_call(wrapper)
        requests = _yielded.Requests(request)
        made = _call(wrapper, "wrapperStream", params=params, requests=requests)
        if not _yielded.is_lazy(made):
            raise _Stop(f"wrapperStream: expected a generator, got {_what(made)}")
        problems += _check_lazy(wrapper, made, "wrapperStream")
        _call(wrapper, "wrapperFini")
    except _NoUse:
        _end(wrapper, problems)
    except _Stop as stop:
        problems.append(str(stop))
    return problems


def _is_own(wrapper: WrapperBase, name: str) -> bool:
    hook = getattr(type(wrapper), name, None)
    return hook is not None and not hook.__qualname__.startswith("WrapperBase.")


def _session(wrapper: WrapperBase) -> list[str]:
    problems: list[str] = []
    results = dto.init_rq()
    try:
        _init(wrapper)
        params, request = _test_call(wrapper)
        created = _call(wrapper, "wrapperCreate", params=params)
        handle = getattr(created, "handle", None)
        code = getattr(created, "error_code", None)
        if not isinstance(handle, str) or code != 0:
            raise _Stop(
                "wrapperCreate: expected a SessionCreateResponse with a handle and error_code 0, "
                f"got {_what(created)} (handle {shown(handle)}, error_code {shown(code)})"
            )
        written = _call(wrapper, "wrapperWrite", handle=handle, reqData=request)
        if written != 0:
            problems.append(f"wrapperWrite: expected 0, got {shown(written)}")
        if _is_own(wrapper, "wrapperRead"):
            problems += _read_session(wrapper, handle)
        else:
            problems += _read_until_end(wrapper, results)
        _call(wrapper, "wrapperDestroy", handle=handle)
        _call(wrapper, "wrapperFini")
    except _NoUse:
        _end(wrapper, problems)
    except _Stop as stop:
        problems.append(str(stop))
    return problems


def _read_session(wrapper: WrapperBase, handle: str) -> list[str]:
    for _ in range(MOST_EMPTY_READS):
        answer = _call(wrapper, "wrapperRead", handle=handle)
        try:
            items, code = ([], 0) if answer is None else _results.read(answer)
            if not items and not code:
                time.sleep(EMPTY_READ_PAUSE_S)  # Nothing yet.
                continue
        except _results.Refused:
            items, code = [], 0
        problems = _check_answer(wrapper, answer, "wrapperRead", {0, 1, DataEnd, DataOnce})
        if code or problems or any(item.status in (DataEnd, DataOnce) for item in items):
            return problems  # An error code is a valid end.
    raise _Stop(
        f"wrapperRead: expected an item with status {DataEnd} (end), got none in "
        f"{MOST_EMPTY_READS} reads"
    )


def _read_until_end(wrapper: WrapperBase, results: queue.Queue[Any]) -> list[str]:
    problems: list[str] = []
    while True:
        try:
            response, _ = results.get(timeout=STREAM_TIMEOUT_S)
        except queue.Empty:
            raise _Stop(
                f"callback: expected an item with status {DataEnd} (end) within "
                f"{STREAM_TIMEOUT_S:.0f} s, got none"
            ) from None
        problems += _check_answer(wrapper, response, "callback", {0, 1, DataEnd, DataOnce})
        if problems:
            return problems
        items, code = _results.read(response)
        if code or any(item.status in (DataEnd, DataOnce) for item in items):
            return problems


def _init(wrapper: WrapperBase) -> None:
    code = _call(wrapper, "wrapperInit", config=wrapper.config)
    if code != 0:
        raise _Stop(f"wrapperInit: expected 0, got {shown(code)}")


def _test_call(wrapper: WrapperBase) -> tuple[dict[str, str], dto.DataListCls]:
    params = {key: field.test_value for key, field in wrapper.params.items()}
    params["sid"] = SID
    request = dto.DataListCls()
    for key, field in wrapper.inputs.items():
        request.list.append(
            dto.DataListNode(key=key, data=field.test_value, status=DataOnce, type=field.type)
        )
    return params, request


def _call(wrapper: WrapperBase, name: str, **known: Any) -> Any:
    hook: Callable[..., Any] = getattr(wrapper, name)
    values = {"usrTag": SID, "psrId": 0, "sid": SID, **known}
    try:
        look(name, hook, METHODS[name])
    except TypeError as error:
        raise _Stop(f"{name}: {error}") from None
    given, named = arguments(hook, METHODS[name], values)
    try:
        return hook(*given, **named)
    except BadInput as error:
        if name == "wrapperInit":
            raise _Stop(f"{name} raised BadInput: {error}") from error
        raise _refused(name, error) from error
    except Exception as error:
        log.error("%s", traceback.format_exc().rstrip())
        raise _Stop(f"{name} raised {type(error).__name__}: {error}") from error


def _check_lazy(wrapper: WrapperBase, made: Any, where: str) -> list[str]:
    """Run a generator or coroutine, and judge each value; the loader sets their statuses."""
    try:
        values = _yielded.run(made)
    except BadInput as error:
        raise _refused(where, error) from error
    except Exception as error:
        log.error("%s", traceback.format_exc().rstrip())
        raise _Stop(f"{where} raised {type(error).__name__}: {error}") from error
    problems: list[str] = []
    for value in values:
        problems += _check_answer(wrapper, value, where, {0, 1, DataEnd, DataOnce})
    return problems


def _what(value: Any) -> str:
    return "None" if value is None else type(value).__name__


def _check_answer(wrapper: WrapperBase, answer: Any, where: str, statuses: set[int]) -> list[str]:
    try:
        items, code = _results.read(answer)
    except _results.Refused as refused:
        if refused.at.startswith("Response.list"):
            return [f"{where}: {refused}"]
        inner = f" ({refused})" if refused.at else ""
        return [f"{where}: expected {_results.FORMS}, got {_what(answer)}{inner}"]
    if code != 0:
        log.info("%s: error_code %s: %s", where, code, _call_error(wrapper, code))
        return []
    if not items:
        return [f"{where}: expected at least one ResponseData, got none"]
    problems: list[str] = []
    for i, item in enumerate(items):  # A key may come again, as the next piece.
        at = f"{where}: Response.list[{i}]"
        problems += [f"{at}.{text}" for text in _check_item(wrapper, item, statuses)]
    return problems


def check_answer(wrapper: WrapperBase, answer: Any) -> list[str]:
    """Return what is wrong with an answer of wrapperOnceExec."""
    return _check_answer(wrapper, answer, "wrapperOnceExec", {DataOnce})


def _call_error(wrapper: WrapperBase, code: int) -> str:
    try:
        return str(wrapper.wrapperError(code))
    except Exception as error:
        return f"(wrapperError raised {type(error).__name__}: {error})"


def _check_item(wrapper: WrapperBase, item: dto.ResponseData, statuses: set[int]) -> list[str]:
    problems: list[str] = []
    field = wrapper.accepts.get(item.key)
    if field is None:
        names = ", ".join(sorted(wrapper.accepts)) or "none"
        text = f"expected one that responseCls declares ({names}), got {shown(item.key)}"
        problems.append(f"key: {text}")
    elif item.type != field.type and not _results.is_untyped(item):
        problems.append(f"type: responseCls declares {field.type}, got {item.type}")
    if item.len != len(item.data):
        problems.append(f"len: data has {len(item.data)} bytes, len says {item.len}")
    if item.status not in statuses:
        problems.append(f"status: expected one of {sorted(statuses)}, got {item.status}")
    return problems
