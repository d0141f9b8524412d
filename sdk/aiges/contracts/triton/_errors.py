# SPDX-License-Identifier: Apache-2.0
"""Errors as models say them, as they say them to models, and as the host takes them."""

from __future__ import annotations

import traceback
from typing import Any

from aiges import errors
from aiges.errors import BadInput

__all__ = [
    "EngineFault",
    "LoadError",
    "TritonError",
    "TritonModelException",
    "error_of",
    "failed_text",
    "host_error",
]


class LoadError(Exception):
    """A model that cannot be loaded, and why."""


class TritonModelException(Exception):
    """A wrong use of what models are given; models raise it, too."""


class EngineFault(Exception):
    """The model's own fault, with the text that the client gets."""


class TritonError:
    """What an answer fails with: a text and a code."""

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


_KINDS = {
    TritonError.UNKNOWN: "Unknown",
    TritonError.INTERNAL: "EngineFault",
    TritonError.NOT_FOUND: "NotFound",
    TritonError.INVALID_ARG: "BadInput",
    TritonError.UNAVAILABLE: "Unavailable",
    TritonError.UNSUPPORTED: "Unsupported",
    TritonError.ALREADY_EXISTS: "AlreadyExists",
    TritonError.CANCELLED: "Cancelled",
}
_CODES = {name: code for code, name in _KINDS.items()}


def host_error(error: TritonError) -> Exception:
    """Return what a hook raises for it: the host says the kind to the client, with the text."""
    kind: Any = getattr(errors, _KINDS[error.code()], None)
    return EngineFault(error.message()) if kind is None else kind(error.message())


def error_of(fault: BaseException) -> TritonError:
    """Return the error that an exception of the host's stands for."""
    if isinstance(fault, TimeoutError):
        return TritonError(str(fault) or "Request timeout expired", TritonError.UNAVAILABLE)
    for kind in type(fault).__mro__:
        code = _CODES.get(kind.__name__)
        if code is not None and issubclass(kind, (BadInput, Exception)):
            return TritonError(str(fault), code)
    return TritonError(str(fault) or type(fault).__name__, TritonError.INTERNAL)


def failed_text(instance: str, fault: BaseException) -> str:
    """Return what clients are told of an exception that the model has raised."""
    lines = [
        f"  {frame.filename}({frame.lineno}): {frame.name}"
        for frame in traceback.extract_tb(fault.__traceback__)
        if "/aiges/contracts/" not in frame.filename
    ]
    said = f"{type(fault).__name__}: {fault}"
    where = "\n\nAt:\n" + "\n".join(reversed(lines)) + "\n" if lines else ""
    return f"Failed to process the request(s) for model '{instance}', message: {said}{where}"
