"""Calls every hook of a wrapper.py as the loader does, and judges what comes back.

Runs in the throwaway process of ``asectl check``: the code of the user may do anything.
"""

from __future__ import annotations

import inspect
import queue
import sys
import time
from pathlib import Path
from typing import Any, Callable

from aiges import _yielded, dto
from aiges._signature import FUNCTIONS, METHODS, plan
from aiges.cli._answers import Judge
from aiges.cli._findings import WARNING, Findings
from aiges.cli._signatures import check_hooks, hook_of, place_of
from aiges.core.types import DataEnd, DataOnce

__all__ = ["Driver", "Failed", "load", "make"]

SID = "test-111111"
CALLBACK_TIMEOUT_S = 20.0
MOST_EMPTY_READS = 100
EMPTY_READ_PAUSE_S = 0.05
BATCH = 2


class Failed(Exception):
    """The rest cannot be tried; why is among the findings."""


def load(file: Path, findings: Findings) -> Any:
    """Import wrapper.py as the loader does: by its name, its folder on the path."""
    sys.path.insert(0, str(file.parent))
    sys.argv = [""]
    try:
        return __import__(file.stem)
    except SyntaxError as error:
        place = (error.filename or str(file), error.lineno or 0)
        findings.add("", f"syntax error: {error.msg}", "mend the line", place)
    except ImportError as error:
        missing = error.name or "it"
        fix = f"install {missing} (pip install -r requirements.txt), or mend the import"
        findings.raised("import", error, fix, (str(file), 0))
    except BaseException as error:  # Also SystemExit: the worker would end.
        fix = "let the module be imported; what needs the model belongs into wrapperInit"
        findings.raised("import", error, fix, (str(file), 0))
    raise Failed


def make(module: Any, file: Path, findings: Findings) -> tuple[Any, bool]:
    """Return the object of class Wrapper and True, or the module itself and False."""
    cls = getattr(module, "Wrapper", None)
    if not inspect.isclass(cls):
        check_hooks(module, False, (str(file), 1), findings)
        return module, False
    try:
        place = (inspect.getsourcefile(cls) or str(file), inspect.getsourcelines(cls)[1])
    except (OSError, TypeError):
        place = (str(file), 1)
    options = {"legacy": False, "is_aipaas": True, "keep_schema_default_value": True}
    try:
        inspect.signature(cls).bind(**options)
    except (TypeError, ValueError):
        options = {}
    try:
        made = cls(**options)
    except Exception as error:
        findings.raised("Wrapper()", error, "let it be made without arguments", place)
        raise Failed from None
    check_hooks(made, True, place, findings)
    return made, True


class Driver:
    """``inputs`` (key to type and bytes) stand in for declared test values of the same key."""

    def __init__(
        self,
        holder: Any,
        is_class: bool,
        findings: Findings,
        inputs: dict[str, tuple[int, bytes]],
        params: dict[str, str],
        config: dict[str, str],
        stage: Callable[[str], None],
    ) -> None:
        self._holder, self._is_class, self._findings = holder, is_class, findings
        self._roles = METHODS if is_class else FUNCTIONS
        self._config, self._stage = config, stage
        fields = getattr(holder, "inputs", None) if is_class else None
        fields = fields if isinstance(fields, dict) else {}
        self._inputs = {key: (field.type, field.test_value()) for key, field in fields.items()}
        self._inputs.update(inputs)
        self._inputs = self._inputs or {"data": (0, b"test")}
        given = getattr(holder, "params", None) if is_class else None
        self._params = (
            {key: field.test_value() for key, field in given.items()}
            if isinstance(given, dict)
            else {}
        )
        self._params.update(params)
        self._params["sid"] = SID
        accepts = getattr(holder, "accepts", None) if is_class else None
        self.judge = Judge(findings, accepts if isinstance(accepts, dict) else {})
        self.times: list[dict[str, Any]] = []

    def run(self) -> None:
        """Drive all hooks. What is wrong is among the findings."""
        self._start()
        if self._own("wrapperOnceExec"):
            self._once("wrapperOnceExec")
            self._once("wrapperOnceExec")  # A second one shows what the first has left behind.
        if self._own("wrapperBatchExec"):
            self._batch()
        if self._own("wrapperStream"):
            self._stream()
        if self._own("wrapperCreate"):
            self._session()
        self._errors()
        if self._has("wrapperFini"):
            done, value, place = self._call("wrapperFini")
            if done:
                self.judge.code("wrapperFini", value, place, none_too=True)
        self._schema()

    def _own(self, name: str) -> bool:
        return hook_of(self._holder, name) is not None

    def _has(self, name: str) -> bool:
        return callable(getattr(self._holder, name, None))

    def _start(self) -> None:
        for name, none_too in (("wrapperInit", False), ("wrapperWarmup", True)):
            if self._has(name):
                done, value, place = self._call(name, config=dict(self._config))
                if not done or not self.judge.code(name, value, place, none_too, self._words):
                    raise Failed

    def _words(self, code: int) -> str:
        """Return what wrapperError says about a code, as an addition to a sentence."""
        done, said, _ = (
            self._call("wrapperError", errNum=code) if self._has("wrapperError") else (False, 0, 0)
        )
        return f" ({said})" if done else ""

    def _call(self, name: str, **given: Any) -> tuple[bool, Any, tuple[str, int]]:
        """Return whether it returned, what, and the place of its return statement."""
        hook = getattr(self._holder, name)
        values = {
            "usrTag": SID,
            "psrId": 0,
            "sid": SID,
            "psrIds": (),
            "psrCnt": 0,
            "errNum": 0,
            **given,
        }
        roles = self._roles[name]
        arguments = [values[roles.split()[i]] for i in plan(hook, roles)]
        self._stage(name)
        begin = time.monotonic()
        place = place_of(hook)
        code = getattr(inspect.unwrap(getattr(hook, "__func__", hook)), "__code__", None)
        last = [0]

        def local(frame: Any, event: str, _: Any) -> Any:
            if event == "return":
                last[0] = frame.f_lineno
            return local

        def tracer(frame: Any, event: str, _: Any) -> Any:
            return local if frame.f_code is code else None

        try:
            sys.settrace(tracer)
            try:
                value = hook(*arguments)
                if _yielded.is_lazy(value):
                    value = _Lazy(_yielded.run(value), inspect.iscoroutine(value))
            finally:
                sys.settrace(None)
        except (Exception, SystemExit) as error:
            fix = "mend the line; for input that it cannot take, return response_err(code)"
            self._findings.raised(name, error, fix, place)
            return False, None, place
        self.times.append({"hook": name, "ms": round((time.monotonic() - begin) * 1000, 3)})
        return True, value, (place[0], last[0] or place[1])

    def _request(self) -> Any:
        if not self._is_class:
            return tuple(
                {"key": k, "data": d, "len": len(d), "status": DataOnce, "type": t, "desc": {}}
                for k, (t, d) in self._inputs.items()
            )
        request = dto.DataListCls()
        for key, (kind, data) in self._inputs.items():
            request.list.append(dto.DataListNode(key=key, data=data, status=DataOnce, type=kind))
        return request

    def _once(self, name: str) -> None:
        answers: list[Any] = []
        done, value, place = self._call(
            name, params=dict(self._params), reqData=self._request(), respData=answers
        )
        if not done:
            return
        if isinstance(value, _Lazy) and not value.is_one:
            self._values(name, value, place)
            return
        value = value[0] if isinstance(value, _Lazy) else value
        if self._is_class:
            self.judge.response(name, value, place)
            self._refused(name, getattr(value, "error_code", 0), place)
        elif isinstance(value, int) and not isinstance(value, bool) and value != 0:
            self._refused(name, value, place)
        elif self.judge.code(name, value, place):
            self.judge.appended(name, answers, place)

    def _values(self, name: str, values: Any, place: tuple[str, int]) -> None:
        for value in values:
            self.judge.response(name, value, place, once=False)

    def _refused(self, name: str, code: Any, place: tuple[str, int]) -> None:
        if not code:
            return
        text = self._words(code) if isinstance(code, int) else ""
        self.judge.codes.append(code)
        self._findings.add(
            name,
            f"answered the test values with the error {code}{text}",
            "give it values that it takes: --in KEY=TEXT or KEY=@FILE, --param K=V, or value and "
            "path of the fields in requestCls",
            place,
            WARNING,
        )

    def _batch(self) -> None:
        name = "wrapperBatchExec"
        done, value, place = self._call(
            name,
            params=[dict(self._params) for _ in range(BATCH)],
            reqData=[self._request() for _ in range(BATCH)],
            usrTags=[SID] * BATCH,
        )
        if not done:
            return
        value = value[0] if isinstance(value, _Lazy) and value.is_one else value
        if not isinstance(value, (list, tuple)) or len(value) != BATCH:
            got = f"{len(value)}" if isinstance(value, (list, tuple)) else type(value).__name__
            self._findings.add(
                name,
                f"expected a list of {BATCH} results for {BATCH} requests, got {got}",
                "return one result for each request, in their order",
                place,
            )
            return
        for each in value:
            if isinstance(each, (int, Exception)) and not isinstance(each, bool):
                self._refused(name, each if isinstance(each, int) else repr(each), place)
            else:
                self.judge.response(name, each, place)

    def _stream(self) -> None:
        name = "wrapperStream"
        done, value, place = self._call(
            name, params=dict(self._params), requests=_yielded.Requests(self._request())
        )
        if done and not (isinstance(value, _Lazy) and not value.is_one):
            self._findings.add(
                name,
                f"expected a generator, got {type(value).__name__}",
                "yield each answer instead of returning",
                place,
            )
        elif done:
            self._values(name, value, place)

    def _session(self) -> None:
        results = dto.init_rq()
        done, made, place = self._call("wrapperCreate", params=dict(self._params))
        if not done:
            return
        handle: Any = made
        code: Any = 0
        if self._is_class:
            handle, code = getattr(made, "handle", None), getattr(made, "error_code", None)
        if not isinstance(handle, str) or code != 0:
            wanted = "a SessionCreateResponse with" if self._is_class else "text,"
            self._findings.add(
                "wrapperCreate",
                f"expected {wanted} a handle and error_code 0, got {made!r} "
                f"(handle {handle!r}, error_code {code!r})",
                "return SessionCreateResponse(sid, 0)" if self._is_class else "return usrTag",
                place,
            )
            return
        if self._has("wrapperWrite"):
            done, value, place = self._call("wrapperWrite", handle=handle, reqData=self._request())
            if done:
                self.judge.code("wrapperWrite", value, place)
            if done and self._own("wrapperRead"):
                self._read(handle)
            elif done:
                self._take(results, place)
        name = "wrapperDestroy" if self._has("wrapperDestroy") else "wrapperDestory"
        if self._has(name):
            done, value, place = self._call(name, handle=handle)
            if done:
                self.judge.code(name, value, place, none_too=True)

    def _read(self, handle: str) -> None:
        name = "wrapperRead"
        for _ in range(MOST_EMPTY_READS):
            answers: list[Any] = []
            done, value, place = self._call(name, handle=handle, respData=answers)
            if not done:
                return
            if self._is_class or isinstance(value, list):
                if value is None:
                    items: list[Any] = []
                elif getattr(value, "error_code", 0):
                    return self._refused(name, value.error_code, place)
                elif self._is_class:
                    items = self.judge.response(name, value, place, once=False)
                else:
                    items = self.judge.appended(name, value, place, once=False)
            elif not self.judge.code(name, value, place):
                return None
            else:
                items = self.judge.appended(name, answers, place, once=False)
            if any(item.status in (DataEnd, DataOnce) for item in items):
                return None
            time.sleep(0 if items else EMPTY_READ_PAUSE_S)
        hook = getattr(self._holder, name)
        return self._no_end(name, f"got none in {MOST_EMPTY_READS} reads", place_of(hook))

    def _take(self, results: Any, place: tuple[str, int]) -> None:
        self._stage("callback")
        until = time.monotonic() + CALLBACK_TIMEOUT_S
        while True:
            try:
                response, _ = results.get(timeout=max(0.0, until - time.monotonic()))
            except queue.Empty:
                text = f"got none within {CALLBACK_TIMEOUT_S:.0f} s of wrapperWrite"
                return self._no_end("callback", text, place)
            items = self.judge.response("callback", response, place, once=False)
            if getattr(response, "error_code", 0):
                return self._refused("callback", response.error_code, place)
            if not isinstance(response, dto.Response):
                return None
            if any(item.status in (DataEnd, DataOnce) for item in items):
                return None

    def _no_end(self, name: str, text: str, place: tuple[str, int]) -> None:
        self._findings.add(
            name,
            f"expected an item with status 2 (end) or 3 (whole) after the last input, {text}",
            "set status 2 on the last item, or the session never ends",
            place,
        )

    def _errors(self) -> None:
        if not self._own("wrapperError"):
            return
        for code in {1, *(c for c in self.judge.codes if isinstance(c, int))}:
            done, value, place = self._call("wrapperError", errNum=code)
            if done and not isinstance(value, str):
                self._findings.add(
                    "wrapperError",
                    f"expected str for code {code}, got {type(value).__name__}",
                    'return text for every code: .get(code, "unknown error")',
                    place,
                )

    def _schema(self) -> None:
        if not getattr(self._holder, "inputs", None) or not hasattr(self._holder, "schema"):
            return
        self._stage("schema")
        try:
            self._holder.schema()
        except ValueError as error:
            place = place_of(getattr(type(self._holder), "__init__", None))
            self._findings.add("schema", str(error), "mend the declaration", place, WARNING)


class _Lazy(list):  # type: ignore[type-arg]
    """What a generator yielded, or, ``is_one``, what a coroutine returned."""

    def __init__(self, values: list[Any], is_one: bool) -> None:
        super().__init__(values)
        self.is_one = is_one
