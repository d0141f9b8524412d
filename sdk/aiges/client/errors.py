"""What can go wrong with a call, by what the caller can do about it.

    AigesError
      Overloaded        10110: the service has no room now; try later
      DeadlineExceeded  10102: the time was not enough; the call may have run
      WorkerLost        10109: the process of the engine died with the call; it may have run
      Unavailable       no loader answered; `maybe_ran` says whether the call may have run
      BadRequest        the request is at fault; the same one will fail again
      EngineError       every other code: what the engine or the session says

docs/errors.md lists the codes and texts.
"""

from __future__ import annotations

__all__ = [
    "AigesError",
    "BadRequest",
    "DeadlineExceeded",
    "EngineError",
    "Overloaded",
    "Unavailable",
    "WorkerLost",
    "error_of",
]


class AigesError(Exception):
    """``code`` is the product's number (0: none was told), ``text`` what was said about it.

    ``host`` is the ``host:port`` that said it, empty where no host was asked.
    """

    def __init__(self, code: int, text: str, host: str = "") -> None:
        super().__init__(code, text, host)
        self.code, self.text, self.host = code, text, host

    def __str__(self) -> str:
        where = f" ({self.host})" if self.host else ""
        return f"{self.code}: {self.text}{where}" if self.code else f"{self.text}{where}"


class Overloaded(AigesError):
    """The service is full; the call was not executed."""


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


_BY_CODE: dict[int, type[AigesError]] = {
    10110: Overloaded,
    10102: DeadlineExceeded,
    10109: WorkerLost,
    10000: BadRequest,
    10001: BadRequest,
    10003: BadRequest,
    10009: BadRequest,
    10401: BadRequest,
}


def error_of(code: int, text: str, host: str) -> AigesError:
    """Return the error for a code of the product."""
    return _BY_CODE.get(code, EngineError)(code, text, host)
