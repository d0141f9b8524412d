"""``WrapperBase``: declare a wrapper, and try it out without the loader.

A wrapper derives from it, names its inputs, parameters and outputs, and overrides the hooks it
needs. ``python wrapper.py`` ending in ``Wrapper().run()`` then calls the hooks as the loader would,
in this process, so that breakpoints work, and reports every way in which a result breaks the
contract. The loader itself needs nothing but the hooks.
"""

from __future__ import annotations

import logging
from typing import Any

from aiges import _verify
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


def _fields_of(holder: Any, kind: type[Any]) -> dict[str, Any]:
    """Return the fields of that kind among the class attributes of ``holder``, by key."""
    if holder is None:
        return {}
    found = {}
    for base in reversed(type(holder).__mro__):
        for value in vars(base).values():
            if isinstance(value, kind):
                found[value.key] = value
    return found


class _Metaclass(type):
    def __init__(cls, name: str, bases: tuple[type, ...], members: dict[str, Any]) -> None:
        super().__init__(name, bases, members)
        request = getattr(cls, "requestCls", None)
        response = getattr(cls, "responseCls", None)
        cls.inputs = _fields_of(request, PayloadField)
        cls.params = _fields_of(request, ParamField)
        cls.accepts = _fields_of(response, PayloadField)


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
    requestCls: Any = None
    responseCls: Any = None

    inputs: dict[str, PayloadField]
    params: dict[str, ParamField]
    accepts: dict[str, PayloadField]

    def __init__(self, legacy: bool = True, *_: Any, **__: Any) -> None:
        self.legacy = legacy
        self.config: dict[str, str] = {}
        self.session = SessionManager()

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
        problems = _verify.stream(self) if stream else _verify.once(self)
        for problem in problems:
            log.error("%s", problem)
        if problems:
            log.error("wrapper.py breaks the contract in %d places", len(problems))
        else:
            log.info("wrapper.py has been verified")
        return not problems
