# SPDX-License-Identifier: Apache-2.0
"""Calls every hook of a wrapper.py as the loader does, and judges what comes back.

Runs in the throwaway process of ``asectl check``: the code of the user may do anything.
"""

from __future__ import annotations

import json
from typing import Any, Callable, cast

from aiges import _yielded
from aiges._narrow import is_dict, is_row
from aiges.cli._drive_session import Sessions
from aiges.cli._findings import ERROR, WARNING, Findings
from aiges.cli._hooks import SID, Given, Hooks, Lazy, Place
from aiges.cli._load import Failed
from aiges.cli._signatures import place_of
from aiges.core.types import DataEnd

__all__ = ["Driver"]

BATCH = 2
RESOURCE, RESOURCE_ID = ("test-resource", b"test"), 1
DATA_PER = 4


class Driver:
    """Drives ``holder``: the object of class Wrapper (``is_class``), or the module."""

    def __init__(
        self,
        holder: Any,
        is_class: bool,
        findings: Findings,
        given: Given,
        stage: Callable[[str], object] = lambda _: None,
    ) -> None:
        self._hooks = Hooks(holder, is_class, findings, given, stage)
        self._judge, self._findings = self._hooks.judge, findings
        self._sessions = Sessions(self._hooks)

    @property
    def times(self) -> list[dict[str, Any]]:
        """How long each call took."""
        return self._hooks.times

    def run(self) -> None:
        """Drive all hooks, in the order of the loader. What is wrong is among the findings."""
        own = self._hooks.own
        self._start()
        loaded = own("wrapperLoadRes") and self._load()
        if own("wrapperOnceExec"):
            self._once()
            self._once()  # A second one shows what the first has left behind.
        if own("wrapperOnceExecAsync"):
            self._sessions.once_async()
        if own("wrapperBatchExec"):
            self._batch()
        if own("wrapperStream"):
            self._stream()
        if own("wrapperCreate"):
            self._sessions.session()
        if own("wrapperUnloadRes"):
            self._unload(loaded)
        self._errors()
        if self._hooks.has("wrapperFini"):
            done, value, place = self._hooks.call("wrapperFini")
            if done:
                self._judge.code("wrapperFini", value, place, none_too=True)
        self._schema()

    def _start(self) -> None:
        hooks = self._hooks
        for name, none_too in (("wrapperInit", False), ("wrapperWarmup", True)):
            if hooks.has(name):
                done, value, place = hooks.call(name, config=dict(hooks.given.config))
                if not done or not self._judge.code(name, value, place, none_too, hooks.words):
                    raise Failed

    def _load(self) -> bool:
        """Load a resource: the user's, else one that is made up. Returns whether it was taken."""
        name, given = "wrapperLoadRes", self._hooks.given.resource
        patch_id, data = given or RESOURCE
        done, value, place = self._hooks.call(
            name,
            level=ERROR if given else WARNING,  # Nobody can load what is made up.
            reqData=self._hooks.data([(patch_id, data, DATA_PER, DataEnd, {"patch_id": patch_id})]),
            patch_id=patch_id,
            resId=RESOURCE_ID,
        )
        if not done:
            return False
        if isinstance(value, int) and not isinstance(value, bool) and value != 0:
            self._hooks.refused(name, value, place, "give it a resource: --resource NAME=@FILE")
            return False
        return self._judge.code(name, value, place)

    def _unload(self, loaded: bool) -> None:
        name = "wrapperUnloadRes"
        if not loaded:
            at = place_of(getattr(self._hooks.holder, name))
            return self._findings.not_tried(name, "no resource was loaded", at)
        patch_id = (self._hooks.given.resource or RESOURCE)[0]
        done, value, place = self._hooks.call(name, patch_id=patch_id, resId=RESOURCE_ID)
        if done:
            self._judge.code(name, value, place)
        return None

    def _once(self) -> None:
        name, hooks = "wrapperOnceExec", self._hooks
        answers: list[Any] = []
        done, value, place = hooks.call(
            name, params=hooks.params(), reqData=hooks.request(), respData=answers
        )
        if not done:
            return
        if isinstance(value, Lazy) and not value.is_one:
            self._values(name, value, place)
            self._judge.appended(name, answers, place, once=False)
            return
        any_form = hooks.is_class or is_row(value)
        value = value[0] if isinstance(value, Lazy) else value
        if any_form and (hooks.is_class or not isinstance(value, int)):
            self._answer(name, value, place)
            self._judge.appended(name, answers, place, once=False)
        elif isinstance(value, int) and not isinstance(value, bool) and value != 0:
            hooks.refused(name, value, place)
        elif self._judge.code(name, value, place):
            self._judge.appended(name, answers, place)

    def _answer(self, name: str, value: Any, place: Place) -> None:
        found = self._judge.response(name, value, place)
        self._hooks.refused(name, found[1] if found else 0, place)

    def _values(self, name: str, values: Any, place: Place) -> None:
        for value in values:
            self._judge.response(name, value, place, once=False)

    def _batch(self) -> None:
        name, hooks = "wrapperBatchExec", self._hooks
        done, value, place = hooks.call(
            name,
            params=[hooks.params() for _ in range(BATCH)],
            reqData=[hooks.request() for _ in range(BATCH)],
            usrTags=[SID] * BATCH,
        )
        if not done:
            return
        of = is_row(value) and not isinstance(value, Lazy)
        if not of or len(value) != BATCH:
            got = str(len(value)) if of else type(value).__name__
            self._findings.add(
                name,
                f"expected a list of {BATCH} results for {BATCH} requests, got {got}",
                "return one result for each request, in their order",
                place,
            )
            return
        for each in value:
            if isinstance(each, Exception):
                hooks.refused(name, repr(each), place)
            elif isinstance(each, int) and each:
                hooks.refused(name, each, place)
            else:
                self._answer(name, each, place)

    def _stream(self) -> None:
        name, hooks = "wrapperStream", self._hooks
        requests = _yielded.Requests(hooks.request())
        done, value, place = hooks.call(name, params=hooks.params(), requests=requests)
        if done and not (isinstance(value, Lazy) and not value.is_one):
            self._findings.add(
                name,
                f"expected a generator, got {type(value).__name__}",
                "yield each answer instead of returning",
                place,
            )
        elif done:
            self._values(name, value, place)

    def _errors(self) -> None:
        if not self._hooks.own("wrapperError"):
            return
        for code in {1, *(c for c in self._judge.codes if isinstance(c, int))}:
            done, value, place = self._hooks.call("wrapperError", errNum=code)
            if done and not isinstance(value, str):
                self._findings.add(
                    "wrapperError",
                    f"expected str for code {code}, got {type(value).__name__}",
                    'return text for every code: .get(code, "unknown error")',
                    place,
                )

    def _schema(self) -> None:
        """What is declared; where it cannot be told, the loader serves without it."""
        holder, name = self._hooks.holder, "wrapperSchema"
        if not self._hooks.own(name):
            declares = getattr(holder, "inputs", None) or getattr(holder, "accepts", None)
            if not declares or not hasattr(holder, "schema"):
                return
            name = "schema"
        self._hooks.stage(name)
        hook = getattr(holder, name)
        try:
            made = hook()
            made = json.loads((made if isinstance(made, str) else json.dumps(made)) or "{}")
            if made and not is_dict(made):
                raise ValueError(f"expected a dict or its JSON, got {type(made).__name__}")
        except Exception as error:
            place = place_of(hook)
            if name == "schema":
                kind = cast("Any", type(holder))
                place = place_of(getattr(kind, "__init__", None))
            self._findings.add(name, str(error), "mend the declaration", place, WARNING)
