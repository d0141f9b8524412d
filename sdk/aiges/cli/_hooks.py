# SPDX-License-Identifier: Apache-2.0
"""The hooks of one wrapper.py: called as the loader calls them, with test values."""

from __future__ import annotations

import inspect
import sys
import time
from dataclasses import dataclass
from typing import Any, Callable

from aiges import _yielded, dto
from aiges._narrow import is_dict
from aiges._signature import FUNCTIONS, METHODS, arguments
from aiges.cli._answers import Judge
from aiges.cli._findings import ERROR, WARNING, Findings
from aiges.cli._signatures import hook_of, place_of
from aiges.core.types import DataOnce
from aiges.errors import BadInput

__all__ = ["SID", "Given", "Hooks", "Lazy", "Place"]

SID = "test-111111"
VALUES = (
    "give it values that it takes: --in KEY=TEXT or KEY=@FILE, --param K=V, or value and path of "
    "the fields in requestCls"
)
Place = tuple[str, int]


class Lazy(list[Any]):
    """What a generator yielded, or, ``is_one``, what a coroutine returned."""

    def __init__(self, values: list[Any], is_one: bool) -> None:
        super().__init__(values)
        self.is_one = is_one


@dataclass(frozen=True)
class Given:
    """What the user gives: payloads by key (type and bytes), parameters, [wrapper], a resource."""

    inputs: dict[str, tuple[int, bytes]]
    params: dict[str, str]
    config: dict[str, str]
    resource: tuple[str, bytes] | None = None


class Hooks:
    """``given.inputs`` stand in for declared test values of the same key."""

    def __init__(
        self,
        holder: Any,
        is_class: bool,
        findings: Findings,
        given: Given,
        stage: Callable[[str], object],
    ) -> None:
        self.holder, self.is_class, self.findings, self.stage = holder, is_class, findings, stage
        self.given = given
        self._roles = METHODS if is_class else FUNCTIONS
        inputs = getattr(holder, "inputs", None) if is_class else None
        fields: dict[str, Any] = inputs if is_dict(inputs) else {}
        self._inputs: dict[str, tuple[int, bytes]] = {
            key: (field.type, field.test_value) for key, field in fields.items()
        }
        self._inputs.update(given.inputs)
        self._inputs = self._inputs or {"data": (0, b"test")}
        params = getattr(holder, "params", None) if is_class else None
        declared: dict[str, Any] = params if is_dict(params) else {}
        self._params: dict[str, str] = {key: field.test_value for key, field in declared.items()}
        self._params.update(given.params)
        self._params["sid"] = SID
        accepts = getattr(holder, "accepts", None) if is_class else None
        self.judge = Judge(findings, accepts if is_dict(accepts) else {})
        self.times: list[dict[str, Any]] = []

    def own(self, name: str) -> bool:
        """Tell whether the user wrote this hook."""
        return hook_of(self.holder, name) is not None

    def has(self, name: str) -> bool:
        """Tell whether there is such a hook, of the user or of WrapperBase."""
        return callable(getattr(self.holder, name, None))

    def words(self, code: int) -> str:
        """Return what wrapperError says about a code, as an addition to a sentence."""
        done, said, _ = (
            self.call("wrapperError", errNum=code) if self.has("wrapperError") else (False, 0, 0)
        )
        return f" ({said})" if done else ""

    def call(self, name: str, level: str = ERROR, **given: Any) -> tuple[bool, Any, Place]:
        """Return whether it returned, what, and the place of its return statement."""
        hook = getattr(self.holder, name)
        values = {
            "usrTag": SID,
            "psrId": 0,
            "sid": SID,
            "psrIds": (),
            "psrCnt": 0,
            "errNum": 0,
            **given,
        }
        place = place_of(hook)
        try:
            positional, named = arguments(hook, self._roles[name], values)
        except TypeError as error:
            self.findings.add(name, str(error), "take what the loader gives", place, level)
            return False, None, place
        self.stage(name)
        begin = time.monotonic()
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
                value = hook(*positional, **named)
                if _yielded.is_lazy(value):
                    value = Lazy(_yielded.run(value), inspect.iscoroutine(value))
            finally:
                sys.settrace(None)
        except (Exception, SystemExit) as error:
            if isinstance(error, BadInput) and name not in ("wrapperInit", "wrapperWarmup"):
                text = f"refuses the test values: {error} (code {error.code})"
                self.findings.add(name, text, VALUES, place, WARNING)
                return False, None, place
            fix = "mend the line; for input that it cannot take, raise aiges.errors.BadInput"
            self.findings.raised(name, error, fix, place, level)
            return False, None, place
        self.times.append({"hook": name, "ms": round((time.monotonic() - begin) * 1000, 3)})
        return True, value, (place[0], last[0] or place[1])

    def params(self) -> dict[str, str]:
        """Return the test parameters."""
        return dict(self._params)

    def request(self) -> Any:
        """Return the test payloads as reqData."""
        return self.data([(k, d, t, DataOnce, {}) for k, (t, d) in self._inputs.items()])

    def data(self, nodes: list[tuple[str, bytes, int, int, dict[str, str]]]) -> Any:
        """Return payloads (key, data, type, status, desc) in the form of reqData."""
        if not self.is_class:
            return tuple(
                {"key": k, "data": d, "len": len(d), "status": s, "type": t, "desc": desc}
                for k, d, t, s, desc in nodes
            )
        made = dto.DataListCls()
        for key, data, kind, status, desc in nodes:
            node = dto.DataListNode(key=key, data=data, status=status, type=kind)
            node.desc = desc
            made.list.append(node)
        return made

    def refused(self, name: str, code: Any, place: Place, fix: str = VALUES) -> None:
        """Warn of an error that may be due to the test values."""
        if not code:
            return
        text = self.words(code) if isinstance(code, int) else ""
        self.judge.codes.append(code)
        self.findings.add(
            name,
            f"answered the test values with the error {code}{text}",
            fix,
            place,
            WARNING,
        )
