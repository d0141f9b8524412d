# SPDX-License-Identifier: Apache-2.0
"""Response senders: how a model answers by itself, from any thread.

What a sender is for is a :class:`Single` (one answer, which the hook waits for) or a
:class:`Stream` (a session, to which answers go as they come). Both outlive the sender: a model that
drops one without the final flag is told of, rather than waited for.
"""

from __future__ import annotations

import json
import threading
from typing import Any

import aiges_embed

from aiges.contracts.triton._errors import (
    EngineFault,
    TritonError,
    TritonModelException,
    host_error,
)
from aiges.contracts.triton._response import (
    BEGIN,
    LAST,
    MORE,
    ONCE,
    PARAMETERS,
    InferenceResponse,
    item,
    items_of,
)

__all__ = ["FINAL", "InferenceResponseSender", "Single", "Stream"]

FINAL = 1
ERROR = ":error"
_UNABLE = "Unable to send response. "
_DROPPED = "the response sender was given up before the final flag was sent"
_ASK_S = 0.05  # Between looks at whether somebody waits still.
host: Any = aiges_embed


class InferenceResponseSender:
    """What a model holds."""

    __slots__ = ("__weakref__", "_answering", "_request")

    def __init__(self, request: Any, answering: Any) -> None:
        self._request, self._answering = request, answering

    def send(self, response: InferenceResponse | None = None, flags: int = 0) -> None:
        """Send an answer, or say with ``flags`` that it was the last."""
        if flags not in (0, FINAL):
            raise TritonModelException(_UNABLE + "Unsupported flag provided.")
        if response is None:
            if flags == 0:
                raise TritonModelException(
                    "Inference Response object must be provided when the response flags is set to "
                    "zero."
                )
        elif not isinstance(response, InferenceResponse):
            raise TypeError(f"expected an InferenceResponse, got {type(response).__name__}")
        self._answering.send(response, flags)

    def is_cancelled(self) -> bool:
        """Whether nobody waits for answers any more."""
        return bool(self._request.is_cancelled())

    def __del__(self) -> None:
        self._answering.drop()


class Single:
    """The one answer to a request. Thread-safe."""

    def __init__(self, tag: str) -> None:
        self._tag = tag
        self._changed = threading.Condition()
        self.response: InferenceResponse | None = None
        self._closed = self._dropped = False
        self.sender: Any = None  # A weak reference to who holds it.

    def send(self, response: InferenceResponse | None, flags: int) -> None:
        """Take an answer, of a sender or of what execute returns."""
        with self._changed:
            if self._closed:
                raise TritonModelException(_UNABLE + "Response sender has been closed.")
            if response is not None and self.response is not None:
                raise TritonModelException(
                    _UNABLE + "Non-decoupled model cannot send more than one response."
                )
            if response is None and self.response is None:
                raise TritonModelException(
                    _UNABLE
                    + "Non-decoupled model cannot send complete final before sending a response."
                )
            self._closed = flags == FINAL
            if response is not None:
                self.response = response
            self._changed.notify_all()

    def drop(self) -> None:
        """Hear that no sender is left."""
        with self._changed:
            self._dropped = True
            self._changed.notify_all()

    def close(self) -> None:
        """Refuse what is sent from now on."""
        with self._changed:
            self._closed = True

    def wait(self) -> InferenceResponse:
        """Return the answer when it is there, or the error that there is in its place."""
        with self._changed:
            while self.response is None:
                if self._dropped:
                    return InferenceResponse(error=TritonError(_DROPPED))
                if not self._changed.wait(_ASK_S) and host.call_state(self._tag)[0]:
                    text = "nobody waits for the answer any more"
                    return InferenceResponse(error=TritonError(text, TritonError.CANCELLED))
            return self.response


class Stream:
    """Any number of answers, which go to a session. Thread-safe."""

    def __init__(self, tag: str, request: Any, reshapes: Any, on_end: Any) -> None:
        self._tag, self._request, self._reshapes, self._on_end = tag, request, reshapes, on_end
        self._lock = threading.RLock()
        self._keys: dict[str, bool] = {}
        self._begun = self._closed = False
        self._error: TritonError | None = None  # Not delivered: it may be the end.
        self.sender: Any = None

    def send(self, response: InferenceResponse | None, flags: int) -> None:
        """Deliver an answer; waits while the client is slower."""
        with self._lock:
            if self._closed:
                raise TritonModelException(_UNABLE + "Response sender has been closed.")
            error = response.error() if response is not None else None
            if flags == FINAL:
                self._closed = True
                self._end(response, error or (self._error if response is None else None))
                return
            self._tell_error()
            if error is not None:
                self._error = error
            elif response is not None:
                self._deliver(items_of(response, self._wanted(), self._reshapes, self._place()))

    def _wanted(self) -> Any:
        return self._request._named_outputs()

    def _place(self) -> int:
        return MORE if self._begun else BEGIN

    def _tell_error(self) -> None:
        # An error that is not the end: what follows shows that.
        error, self._error = self._error, None
        if error is not None:
            text = json.dumps({"message": error.message(), "code": error.code()}).encode()
            self._deliver([item(ERROR, text, len(text), self._place())])

    def _deliver(self, items: list[dict[str, Any]]) -> None:
        if items:
            self._begun = True
            for each in items:
                self._keys[each["key"]] = True
            host.callback(items, self._tag)  # Who has left is told nothing.

    def _end(self, response: InferenceResponse | None, error: TritonError | None) -> None:
        if error is not None and error is not self._error:
            self._tell_error()
        if error is not None:
            self._deliver_fault(host_error(error))
            return
        items = []
        if response is not None:
            self._tell_error()
            items = items_of(response, self._wanted(), self._reshapes, LAST)
        # Every key that there was ends; an empty payload is no part of an answer, so those that
        # this one lacks end by themselves.
        rest: set[str] = {*self._keys} - {each["key"] for each in items}
        if items and rest - {PARAMETERS}:
            for each in items:
                each["status"] = self._place()
            self._deliver(items)
            items, rest = [], set(self._keys)
        ends = [item(key, b"{}" if items else b"", 2 if items else 0, LAST) for key in rest]
        host.callback(items + ends or [item(":end", b"", 0, ONCE)], self._tag)
        self._on_end(self._tag)

    def fail(self, fault: Exception) -> None:
        """End the session with an error, unless it has ended."""
        with self._lock:
            if not self._closed:
                self._closed = True
                self._deliver_fault(fault)

    def _deliver_fault(self, fault: Exception) -> None:
        host._fail(self._tag, fault)
        self._on_end(self._tag)

    @property
    def is_open(self) -> bool:
        """Whether the final flag is awaited."""
        return not self._closed

    def close(self) -> None:
        """Refuse what is sent from now on: the session has ended."""
        self._closed = True

    def drop(self) -> None:
        """Hear that no sender is left."""
        with self._lock:
            if not self._closed:
                self._tell_error_or(EngineFault(_DROPPED))

    def _tell_error_or(self, fault: Exception) -> None:
        error, self._error = self._error, None
        self.fail(host_error(error) if error is not None else fault)
