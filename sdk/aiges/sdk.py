# SPDX-License-Identifier: Apache-2.0
"""``WrapperBase``: declare a wrapper, and try it out without the loader.

A wrapper derives from it, names its inputs, parameters and outputs, and overrides the hooks it
needs. ``schema()`` tells gateways and pages about them. ``python wrapper.py`` ending in
``Wrapper().run()`` calls the hooks as the loader would, in this process, so that breakpoints work,
and reports every way in which a result breaks the contract. The loader needs nothing but the hooks.
"""

from __future__ import annotations

import base64
import json
import logging
import os
import queue
import sys
import threading
import time
from functools import cached_property
from typing import TYPE_CHECKING, Any, Callable

from aiges.core import types
from aiges.core.types import *  # noqa: F403 (published: wrappers import them from here)
from aiges.dto import (
    DataListCls,
    DataListNode,
    Response,
    ResponseData,
    SessionCreateResponse,
    callback,
    init_rq,
)
from aiges.fields import (
    AudioBodyField,
    BooleanParamField,
    Field,
    ImageBodyField,
    IntegerParamField,
    JsonBodyField,
    NumberParamField,
    ParamField,
    PayloadField,
    StringBodyField,
    StringParamField,
)
from aiges.stream import (
    Context,
    ModelProcess,
    Pool,
    ReqHandleThread,
    RequestPool,
    SessionManager,
    StreamHandleThread,
    ThreadPool,
    WorkerThread,
)

# What `from aiges.sdk import *` has always given, besides the numbers of aiges.core.types.
__all__ = [
    "AudioBodyField",
    "BooleanParamField",
    "Context",
    "DataListCls",
    "DataListNode",
    "Field",
    "ImageBodyField",
    "IntegerParamField",
    "JsonBodyField",
    "ModelProcess",
    "NumberParamField",
    "ParamField",
    "PayloadField",
    "Pool",
    "ReqHandleThread",
    "RequestPool",
    "Response",
    "ResponseData",
    "SessionCreateResponse",
    "SessionManager",
    "StreamHandleThread",
    "StringBodyField",
    "StringParamField",
    "ThreadPool",
    "WorkerThread",
    "WrapperBase",
    "base64",
    "callback",
    "init_rq",
    "json",
    "log",
    "os",
    "queue",
    "sys",
    "threading",
    "time",
]
__all__ += types.__all__

SUB, CALL, CALL_TYPE = "ase", "atmos", 0
HOSTS = ["api.xf-yun.com"]
ROUTEKEY: list[str] = []
type_map = {name: number for number, name in Types.items()}  # noqa: F405
log = logging.getLogger("aiges")


def _fields_of(holder: Any) -> dict[str, Any]:
    """Return the fields among the attributes of ``holder`` (an object or a class), by attribute."""
    if holder is None:
        return {}
    found: dict[str, Any] = {}
    for base in reversed((holder if isinstance(holder, type) else type(holder)).__mro__):
        found.update(vars(base))
    if not isinstance(holder, type):
        found.update(getattr(holder, "__dict__", {}))
    return {n: value for n, value in found.items() if isinstance(value, (PayloadField, ParamField))}


class Metaclass(type):
    inputs: dict[str, PayloadField]
    params: dict[str, ParamField]
    accepts: dict[str, PayloadField]

    def __init__(cls, name: str, bases: tuple[type, ...], members: dict[str, Any]) -> None:
        super().__init__(name, bases, members)
        request = _fields_of(getattr(cls, "requestCls", None))
        response = _fields_of(getattr(cls, "responseCls", None))
        cls.inputs, cls.params, cls.accepts = {}, {}, {}
        for attribute, field in request.items():
            if isinstance(field, ParamField):
                cls.params[field.key] = field
            elif attribute.startswith("accept"):  # An output that is declared with the request.
                cls.accepts[field.key] = field
            else:
                cls.inputs[field.key] = field
        for field in response.values():
            if isinstance(field, PayloadField):
                cls.accepts[field.key] = field


class WrapperBase(metaclass=Metaclass):
    """Base of a class-style wrapper.

    ``requestCls`` and ``responseCls`` are objects whose class attributes are fields. From them
    come ``inputs``, ``params`` and ``accepts``, by key.
    """

    serviceId = ""
    version = ""
    call = CALL
    call_type = str(CALL_TYPE)
    sub = SUB
    hosts = ""  # Where a gateway answers for it; the wrapper cannot know.
    webgate_type = "0"
    route: str | list[str] = ""
    config: dict[str, str] = {}  # What run() gives wrapperInit.
    requestCls: Any = None
    responseCls: Any = None

    inputs: dict[str, PayloadField]
    params: dict[str, ParamField]
    accepts: dict[str, PayloadField]

    def __init__(
        self,
        legacy: bool = True,
        is_aipaas: bool = False,
        keep_schema_default_value: bool = True,
        *_: Any,
        **__: Any,
    ) -> None:
        self.legacy = legacy
        self.is_aipaas = is_aipaas
        self.keep_schema_default_value = keep_schema_default_value
        self.config = dict(type(self).config)
        self.session = SessionManager()

    def printPythonInfo(self) -> None:  # noqa: N802
        """Print which Python runs this."""
        print(f"Python {sys.version} at {sys.executable}")

    @cached_property
    def inputs_test_values(self) -> dict[str, bytes]:
        """What run() sends, by key of the input; files are read at first use."""
        return {key: field.test_value for key, field in self.inputs.items()}

    @cached_property
    def params_test_values(self) -> dict[str, str]:
        """The parameters that run() sends."""
        return {key: field.test_value for key, field in self.params.items()}

    # Hooks; in the loader wrapperInit gets [wrapper] of aiges.toml. What overrides them may have
    # the parameters of any age and answer in any form, so checkers are told nothing of either.
    if TYPE_CHECKING:

        def wrapperInit(self, *args: Any, **kwargs: Any) -> Any: ...
        def wrapperFini(self, *args: Any, **kwargs: Any) -> Any: ...
        def wrapperOnceExec(self, *args: Any, **kwargs: Any) -> Any: ...
        def wrapperOnceExecAsync(self, *args: Any, **kwargs: Any) -> Any: ...
        def wrapperError(self, *args: Any, **kwargs: Any) -> Any: ...
        def wrapperCreate(self, *args: Any, **kwargs: Any) -> Any: ...
        def wrapperWrite(self, *args: Any, **kwargs: Any) -> Any: ...
        def wrapperRead(self, *args: Any, **kwargs: Any) -> Any: ...
        def wrapperDestroy(self, *args: Any, **kwargs: Any) -> Any: ...
        def wrapperLoadRes(self, *args: Any, **kwargs: Any) -> Any: ...
        def wrapperUnloadRes(self, *args: Any, **kwargs: Any) -> Any: ...
    else:

        def wrapperInit(self, config):
            """Load the model; 0 is success, anything else ends the start."""
            return 0

        def wrapperFini(self):
            """Free what wrapperInit got."""
            return 0

        def wrapperOnceExec(self, params, reqData, usrTag="", persId=0):
            """Answer one call."""
            raise NotImplementedError(f"{type(self).__name__} has no wrapperOnceExec")

        def wrapperOnceExecAsync(self, params, reqData, sid, persId=0):
            """Begin one call, to be answered by callback."""
            raise NotImplementedError(f"{type(self).__name__} has no wrapperOnceExecAsync")

        def wrapperError(self, ret):
            """Say what an error code means; the text reaches the client."""
            return f"engine error {ret}"

        def wrapperCreate(self, params, sid, persId=0, usrTag=""):
            """Begin a session."""
            raise NotImplementedError(f"{type(self).__name__} has no wrapperCreate")

        def wrapperWrite(self, handle, datas):
            """Take a piece of a session's input."""
            raise NotImplementedError(f"{type(self).__name__} has no wrapperWrite")

        def wrapperRead(self, handle):
            """Return what a session has so far."""
            raise NotImplementedError(f"{type(self).__name__} has no wrapperRead")

        def wrapperDestroy(self, handle):
            """End a session."""
            return 0

        def wrapperLoadRes(self, reqData, resId):
            """Take a resource."""
            return 0

        def wrapperUnloadRes(self, resId):
            """Let a resource go."""
            return 0

    def run(self, stream: bool = False) -> bool:
        """Call the hooks with the declared test values, and check what they return.

        Logs every violation with what was expected and what came. Returns True when there is none.
        """
        return self.run_stream() if stream else self.run_once()

    def run_once(self) -> bool:
        """Try out a once call; see run()."""
        from aiges import _verify  # As in schema(): it brings asyncio along.

        return self._told(_verify.once)

    def run_stream(self) -> bool:
        """Try out a session; see run()."""
        from aiges import _verify

        return self._told(_verify.stream)

    def _told(self, check: Callable[[WrapperBase], list[str]]) -> bool:
        if not logging.getLogger().handlers:
            logging.basicConfig(level=logging.INFO, format="%(levelname).1s %(message)s")
        problems = check(self)
        for problem in problems:
            log.error("%s", problem)
        if problems:
            places = "1 place" if len(problems) == 1 else f"{len(problems)} places"
            log.error("wrapper.py breaks the contract in %s", places)
        else:
            log.info("wrapper.py has been verified")
        return not problems

    def check_resp(self, resp: Any) -> bool:
        """Tell whether an answer keeps to what is declared; logs what does not."""
        from aiges import _verify

        problems = _verify.check_answer(self, resp)
        for problem in problems:
            log.error("%s", problem)
        return not problems

    def schema(self) -> str:
        """Return what goes in and out of this wrapper, as JSON; see ``aiges.schema``.

        ``legacy``, ``is_aipaas`` and ``keep_schema_default_value`` of the constructor choose the
        generation and how defaults are written. Raises SchemaError when nothing is declared.
        """
        from aiges.schema import describe  # Not at import: the loader needs the hooks only.

        return json.dumps(describe(self), ensure_ascii=False)

    def schema_legacy(self) -> str:
        """Return the schema of the legacy generation."""
        return self._schema_as(legacy=True)

    def schema_v2(self) -> str:
        """Return the schema of the second generation."""
        return self._schema_as(legacy=False)

    def _schema_as(self, legacy: bool) -> str:
        before, self.legacy = self.legacy, legacy
        try:
            return self.schema()
        finally:
            self.legacy = before
