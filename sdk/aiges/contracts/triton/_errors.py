# SPDX-License-Identifier: Apache-2.0
"""Errors as models say them, as they say them to models, and as the host takes them."""

from __future__ import annotations

import re
import traceback

from aiges import errors
from aiges._models import CallFailed

__all__ = [
    "EngineFault",
    "LoadError",
    "TritonError",
    "TritonModelException",
    "WrongUse",
    "error_of",
    "failed_text",
    "host_error",
]


class LoadError(Exception):
    """A model that cannot be loaded, and why."""


class TritonModelException(Exception):
    """A wrong use of what models are given; models raise it, too."""

    __module__ = "c_python_backend_utils"  # As texts of errors name it.


class WrongUse(Exception):
    """What execute has done, in words that stand for themselves."""


class EngineFault(errors.CallError):
    """The model's own fault, with the text that the client gets."""


class TritonError:
    """What an answer fails with: a text and a code."""

    __module__ = "c_python_backend_utils"  # As texts of errors name it.
    UNKNOWN, INTERNAL, NOT_FOUND, INVALID_ARG, UNAVAILABLE, UNSUPPORTED, ALREADY_EXISTS = range(7)
    CANCELLED = 7
    __slots__ = ("_code", "_message")

    def __init__(self, message: str, code: int = INTERNAL) -> None:
        if not isinstance(message, str):
            raise TypeError(f"message: expected a str, got {type(message).__name__}")
        if not isinstance(code, int) or not 0 <= code <= 7:
            raise TypeError(f"code: expected one of TritonError's, got {code!r}")
        self._message, self._code = message, code

    def message(self) -> str:
        """Return the text."""
        return self._message

    def code(self) -> int:
        """Return the code."""
        return self._code


_KINDS: dict[int, type[errors.CallError]] = {
    TritonError.UNKNOWN: errors.Unknown,
    TritonError.INTERNAL: EngineFault,
    TritonError.NOT_FOUND: errors.NotFound,
    TritonError.INVALID_ARG: errors.BadInput,
    TritonError.UNAVAILABLE: errors.Unavailable,
    TritonError.UNSUPPORTED: errors.Unsupported,
    TritonError.ALREADY_EXISTS: errors.AlreadyExists,
    TritonError.CANCELLED: errors.Cancelled,
}
_CODES = {kind.error_class: code for code, kind in _KINDS.items()}
_TOO_MANY, _TOO_LATE = 8, 9  # Of CallFailed.error_class.
_ENGINE_CODE = re.compile(r";code=-?\d+\Z")  # For clients that take the number out of the text.
_CODES_OF_CALLS = {
    **_CODES,
    _TOO_MANY: TritonError.UNAVAILABLE,
    _TOO_LATE: TritonError.UNAVAILABLE,
}


def host_error(error: TritonError) -> Exception:
    """Return what a hook raises for it: the host says the kind to the client, with the text."""
    made: Exception = _KINDS[error.code()](error.message())
    return made


def error_of(fault: BaseException) -> TritonError:
    """Return the error that an exception of the host's stands for."""
    if isinstance(fault, TimeoutError):
        return TritonError(str(fault) or "Request timeout expired", TritonError.UNAVAILABLE)
    if isinstance(fault, CallFailed):
        code = _CODES_OF_CALLS.get(fault.error_class, TritonError.INTERNAL)
        return TritonError(_ENGINE_CODE.sub("", fault.text), code)
    if isinstance(fault, errors.CallError):
        return TritonError(str(fault), _CODES.get(fault.error_class, TritonError.INTERNAL))
    return TritonError(str(fault) or type(fault).__name__, TritonError.INTERNAL)


def failed_text(instance: str, fault: BaseException) -> str:
    """Return what clients are told of an exception that the model has raised."""
    lines = [
        f"  {frame.filename}({frame.lineno}): {frame.name}"
        for frame in traceback.extract_tb(fault.__traceback__)
        if "/aiges/contracts/" not in frame.filename
    ]
    said = str(fault) if isinstance(fault, WrongUse) else f"{type(fault).__name__}: {fault}"
    where = "\n\nAt:\n" + "\n".join(reversed(lines)) + "\n" if lines else ""
    return f"Failed to process the request(s) for model '{instance}', message: {said}{where}"
