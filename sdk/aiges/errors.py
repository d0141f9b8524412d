# SPDX-License-Identifier: Apache-2.0
"""Whose fault an error is, and the return codes of the hooks as the shim reports them."""

from __future__ import annotations

__all__ = ["BAD_INPUT", "INIT_ERROR", "OK", "USER_EXEC_ERROR", "USER_INIT_ERROR", "BadInput"]

OK = 0
INIT_ERROR = 30001
USER_INIT_ERROR = 30002
USER_EXEC_ERROR = 30003
BAD_INPUT = 30006


class BadInput(Exception):
    """The caller has sent what cannot be used. Raise it in any hook that serves calls.

    The client gets HTTP 400 or gRPC INVALID_ARGUMENT with ``text`` as it is, so say what was
    expected and what came. Any other exception is the engine's fault: 500, with a traceback in
    the log. XSF clients get the loader's code as for any error of that hook, and ``;code=<code>``
    behind the text; ``code`` is any int of 32 bits but 0, 30006 where none is given.

    In the list that wrapperBatchExec returns it stands in the place of its call. In wrapperInit
    and wrapperWarmup, which no caller has asked for, it is an exception like others.
    """

    code: int

    def __init__(self, text: str, code: int = BAD_INPUT) -> None:
        super().__init__(text)
        if not isinstance(code, int):
            raise TypeError(f"code: expected an int, got {type(code).__name__}")
        if code == 0 or not -(2**31) <= code < 2**31:
            raise ValueError(f"code: expected an int of 32 bits that is not 0, got {code}")
        self.code = int(code)
