# SPDX-License-Identifier: Apache-2.0
"""What a call is refused with, and the return codes of the hooks as the shim reports them."""

from __future__ import annotations

__all__ = [
    "BAD_INPUT",
    "INIT_ERROR",
    "OK",
    "USER_EXEC_ERROR",
    "USER_INIT_ERROR",
    "AlreadyExists",
    "BadInput",
    "CallError",
    "Cancelled",
    "NotFound",
    "Unavailable",
    "Unknown",
    "Unsupported",
]

OK = 0
INIT_ERROR = 30001
USER_INIT_ERROR = 30002
USER_EXEC_ERROR = 30003
BAD_INPUT = 30006


class CallError(Exception):
    """What a hook that serves calls says of a call, as the client is to get it.

    The client gets ``text`` as it is, and the status of its class: a CallError itself is the
    engine's fault, 500, with a traceback in the log. So is any exception that is no CallError, and
    its text then names the hook and the exception. XSF clients get the loader's code as for any
    error of that hook, and ``;code=<code>`` behind the text; ``code`` is any int of 32 bits but 0,
    that of the class where none is given.

    In the list that wrapperBatchExec returns it stands in the place of its call. In wrapperInit
    and wrapperWarmup, which no caller has asked for, it is an exception like others.
    """

    error_class = 0  # As wrapperErrorClass of the C ABI.
    code: int = USER_EXEC_ERROR

    def __init__(self, text: str, code: int | None = None) -> None:
        super().__init__(text)
        if code is None:
            return
        if not isinstance(code, int):
            raise TypeError(f"code: expected an int, got {type(code).__name__}")
        if code == 0 or not -(2**31) <= code < 2**31:
            raise ValueError(f"code: expected an int of 32 bits that is not 0, got {code}")
        self.code = int(code)


class BadInput(CallError):
    """The caller has sent what cannot be used: HTTP 400, gRPC INVALID_ARGUMENT.

    So say what was expected and what came.
    """

    error_class, code = 1, BAD_INPUT


class NotFound(CallError):
    """What the caller names is not there: HTTP 404, gRPC NOT_FOUND."""

    error_class, code = 2, 30007


class Unavailable(CallError):
    """It cannot be done now, and may be later: HTTP 503, gRPC UNAVAILABLE."""

    error_class, code = 3, 30008


class Unsupported(CallError):
    """This engine does not do that: HTTP 501, gRPC UNIMPLEMENTED."""

    error_class, code = 4, 30009


class AlreadyExists(CallError):
    """What the caller would make is there already: HTTP 409, gRPC ALREADY_EXISTS."""

    error_class, code = 5, 30010


class Cancelled(CallError):
    """It was given up before it was done: HTTP 499, gRPC CANCELLED."""

    error_class, code = 6, 30011


class Unknown(CallError):
    """It failed, and nobody knows how: HTTP 500, gRPC UNKNOWN."""

    error_class, code = 7, 30012
