# SPDX-License-Identifier: Apache-2.0
"""What can go wrong with a call, by what the caller can do about it.

    AigesError
      Overloaded        10110: the service has no room now; try later
        Limited         10422: the caller has used up what it may; `retry_after_s` says until when
      DeadlineExceeded  10102: the time was not enough; the call may have run
      WorkerLost        10109: the process of the engine died with the call; it may have run
      Unavailable       no loader answered; `maybe_ran` says whether the call may have run
      BadRequest        the request, or its key, is at fault; the same one will fail again
      EngineError       every other code: what the engine or the session says

`CODES` has all numbers of the product with their class and meaning; docs/errors.md has the texts.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

__all__ = [
    "CODES",
    "AigesError",
    "BadRequest",
    "Code",
    "DeadlineExceeded",
    "EngineError",
    "Limited",
    "Overloaded",
    "Unavailable",
    "WorkerLost",
    "error_of",
    "error_of_http",
]


class AigesError(Exception):
    """``code`` is the product's number (0: none was told), ``text`` what was said about it.

    ``host`` is the ``host:port`` that said it, empty where no host was asked. ``status`` is that
    of HTTP, 0 where none came; ``request_id`` names the call in the loader's log, where known.
    """

    status = 0
    request_id = ""

    def __init__(self, code: int, text: str, host: str = "") -> None:
        super().__init__(code, text, host)
        self.code, self.text, self.host = code, text, host

    def __str__(self) -> str:
        where = f" ({self.host})" if self.host else ""
        return f"{self.code}: {self.text}{where}" if self.code else f"{self.text}{where}"

    @property
    def meaning(self) -> str:
        """What the code stands for; empty for 0 and for numbers that are not the product's."""
        return CODES[self.code].meaning if self.code in CODES else ""


class Overloaded(AigesError):
    """The service is full; the call was not executed."""


class Limited(Overloaded):
    """The caller has reached a limit of its own; the call was not executed.

    Another loader would not help. ``retry_after_s`` is when there is room again, in seconds; 0
    where that was not told.
    """

    def __init__(self, code: int, text: str, host: str = "") -> None:
        super().__init__(code, text, host)
        said = _AGAIN.search(text)
        self.retry_after_s = float(said[1]) if said else 0.0


# As the loader words it: over gRPC a message has no other place for that.
_AGAIN = re.compile(r"try again in (\d+(?:\.\d+)?) s$")


class DeadlineExceeded(AigesError):
    """The time of the call has passed."""


class WorkerLost(AigesError):
    """The process of the engine died with the call, or no worker is up."""


class Unavailable(AigesError):
    """No answer came. ``maybe_ran``: the request may have reached the engine."""

    def __init__(self, code: int, text: str, host: str = "", maybe_ran: bool = False) -> None:
        super().__init__(code, text, host)
        self.maybe_ran = maybe_ran


class BadRequest(AigesError):
    """The request is wrong, or too large."""


class EngineError(AigesError):
    """The engine failed, or answered what the request did not expect; or the session is over."""


class Code(NamedTuple):
    """A number of the product: the class of its error, and what it stands for."""

    kind: type[AigesError]
    meaning: str


# The numbers of loader/api/codes.h, and those of docs/errors.md that only WebSockets know.
CODES: Mapping[int, Code] = MappingProxyType(
    {
        10000: Code(BadRequest, "the HTTP body is no JSON envelope"),
        10001: Code(BadRequest, "a field of the HTTP request cannot be converted"),
        10003: Code(BadRequest, "unknown operation, service or path"),
        10004: Code(BadRequest, "the kind of session is not served"),
        10008: Code(EngineError, "no such session: never known, or expired"),
        10009: Code(BadRequest, "a payload is missing, malformed, or finds no room"),
        10101: Code(EngineError, "the session is over"),
        10102: Code(DeadlineExceeded, "the deadline passed"),
        10105: Code(EngineError, "a call or session with this handle is in work"),
        10106: Code(EngineError, "the engine's output is not what the request expects"),
        10107: Code(BadRequest, "not what the engine declares"),
        10109: Code(WorkerLost, "the worker died, or none is up"),
        10110: Code(Overloaded, "refused: no licence is free, or the queue is full"),
        10114: Code(DeadlineExceeded, "the session lasted too long"),
        10163: Code(BadRequest, "a frame of the WebSocket is no JSON object"),
        10401: Code(BadRequest, "the LoaderInput is no valid message"),
        10420: Code(BadRequest, "no key came, or one that is not known"),
        10421: Code(BadRequest, "the key may not do this"),
        10422: Code(Limited, "the caller's own limit is reached"),
        10430: Code(BadRequest, "the service's entitlement does not allow it"),
        10901: Code(EngineError, "wrapperInit failed"),
        10903: Code(EngineError, "wrapperLoadRes failed"),
        10904: Code(EngineError, "wrapperUnloadRes failed"),
        10905: Code(EngineError, "wrapperCreate failed"),
        10907: Code(EngineError, "wrapperWrite failed"),
        10908: Code(EngineError, "wrapperRead failed"),
        10909: Code(EngineError, "wrapperExec failed"),
        10910: Code(EngineError, "the engine called back with an error"),
    }
)


def error_of(code: int, text: str, host: str) -> AigesError:
    """Return the error for a code of the product."""
    kind = CODES[code].kind if code in CODES else EngineError
    return kind(code, text, host)


def error_of_http(status: int, code: int, text: str, host: str, request_id: str = "") -> AigesError:
    """Return the error for an answer of HTTP: by the product's code, else by the status."""
    known = CODES[code].kind if code in CODES else None
    if known is None or (known is EngineError and 400 <= status < 500):
        known = _KINDS.get(status) or (BadRequest if 400 <= status < 500 else EngineError)
    error = (
        Unavailable(code, text, host, maybe_ran=True)
        if known is Unavailable
        else known(code, text, host)
    )
    error.status, error.request_id = status, request_id
    return error


# Statuses of proxies and of hosts without codes of ours.
_KINDS: Mapping[int, type[AigesError]] = {
    408: DeadlineExceeded,
    429: Overloaded,
    502: Unavailable,
    503: Unavailable,
    504: DeadlineExceeded,
}
