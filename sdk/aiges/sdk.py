"""``WrapperBase``: declare a wrapper, and try it out without the loader.

A wrapper derives from it, names its inputs, parameters and outputs, and overrides the hooks it
needs. ``schema()`` tells gateways and pages about them. ``python wrapper.py`` ending in
``Wrapper().run()`` calls the hooks as the loader would, in this process, so that breakpoints work,
and reports every way in which a result breaks the contract. The loader needs nothing but the hooks.
"""

from __future__ import annotations

import json
import logging
from functools import cached_property
from typing import Any

from aiges.dto import DataListCls, Response, SessionCreateResponse
from aiges.fields import (
    AudioBodyField,
    BooleanParamField,
    ImageBodyField,
    IntegerParamField,
    JsonBodyField,
    NumberParamField,
    ParamField,
    PayloadField,
    StringBodyField,
    StringParamField,
)
from aiges.stream import SessionManager

__all__ = [
    "AudioBodyField",
    "BooleanParamField",
    "ImageBodyField",
    "IntegerParamField",
    "JsonBodyField",
    "NumberParamField",
    "ParamField",
    "PayloadField",
    "StringBodyField",
    "StringParamField",
    "WrapperBase",
]

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


class _Metaclass(type):
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


class WrapperBase(metaclass=_Metaclass):
    """Base of a class-style wrapper.

    ``requestCls`` and ``responseCls`` are objects whose class attributes are fields. From them
    come ``inputs``, ``params`` and ``accepts``, by key.
    """

    serviceId = ""
    version = ""
    call = "atmos"
    call_type = "0"
    sub = "ase"
    hosts = "api.xf-yun.com"
    webgate_type = "0"
    route: str | list[str] = ""
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
        self.config: dict[str, str] = {}
        self.session = SessionManager()

    @cached_property
    def inputs_test_values(self) -> dict[str, bytes]:
        """What run() sends, by key of the input; files are read at first use."""
        return {key: field.test_value() for key, field in self.inputs.items()}

    @cached_property
    def params_test_values(self) -> dict[str, str]:
        """The parameters that run() sends."""
        return {key: field.test_value() for key, field in self.params.items()}

    # Hooks. In the loader wrapperInit gets [wrapper] of aiges.toml.

    def wrapperInit(self, config: dict[str, str]) -> int:  # noqa: N802
        """Load the model; 0 is success, anything else ends the start."""
        return 0

    def wrapperFini(self) -> int:  # noqa: N802
        """Free what wrapperInit got."""
        return 0

    def wrapperOnceExec(  # noqa: N802
        self,
        params: dict[str, str],
        reqData: DataListCls,  # noqa: N803
    ) -> Response:
        """Answer one call."""
        raise NotImplementedError(f"{type(self).__name__} has no wrapperOnceExec")

    def wrapperError(self, code: int) -> str:  # noqa: N802
        """Say what an error code means; the text reaches the client."""
        return f"engine error {code}"

    def wrapperCreate(self, params: dict[str, str], sid: str) -> SessionCreateResponse:  # noqa: N802
        """Begin a session."""
        raise NotImplementedError(f"{type(self).__name__} has no wrapperCreate")

    def wrapperWrite(self, handle: str, reqData: DataListCls) -> int:  # noqa: N802, N803
        """Take a piece of a session's input."""
        raise NotImplementedError(f"{type(self).__name__} has no wrapperWrite")

    def wrapperRead(self, handle: str) -> Response:  # noqa: N802
        """Return what a session has so far."""
        raise NotImplementedError(f"{type(self).__name__} has no wrapperRead")

    def wrapperDestroy(self, handle: str) -> int:  # noqa: N802
        """End a session."""
        return 0

    def run(self, stream: bool = False) -> bool:
        """Call the hooks with the declared test values, and check what they return.

        Logs every violation with what was expected and what came. Returns True when there is none.
        """
        if not logging.getLogger().handlers:
            logging.basicConfig(level=logging.INFO, format="%(levelname).1s %(message)s")
        from aiges import _verify  # As in schema(): it brings asyncio along.

        problems = _verify.stream(self) if stream else _verify.once(self)
        for problem in problems:
            log.error("%s", problem)
        if problems:
            log.error("wrapper.py breaks the contract in %d places", len(problems))
        else:
            log.info("wrapper.py has been verified")
        return not problems

    def schema(self) -> str:
        """Return what goes in and out of this wrapper, as JSON; see ``aiges.schema``.

        ``legacy``, ``is_aipaas`` and ``keep_schema_default_value`` of the constructor choose the
        generation and how defaults are written. Raises SchemaError when nothing is declared.
        """
        from aiges.schema import describe  # Not at import: the loader needs the hooks only.

        return json.dumps(describe(self), ensure_ascii=False)
