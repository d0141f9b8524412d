# SPDX-License-Identifier: Apache-2.0
"""A door call as messages in, messages out and a status, whoever serves it."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import Any, Callable

import aiges_embed

from aiges.contracts._doors import BEGIN, LAST, MORE, WHOLE, fault_fields
from aiges.contracts.grpc._wire import Field, Metadatum, fields_of, metadata_of, trailers_of

__all__ = ["GrpcCall"]

host: Any = aiges_embed

_HEAD = 5  # Bytes before each message.
_INTERNAL = 13
_SMALL = 1024  # Bytes of a part that more is added to.


def _framed(message: bytes | None) -> bytes:
    return b"" if message is None else b"\0%b%b" % (len(message).to_bytes(4, "big"), message)


class GrpcCall:
    """One call. What it is told by :class:`DoorLoop` happens on the loop's thread.

    A subclass says in :meth:`_wake` who waits for it.
    """

    __slots__ = (
        "_at",
        "_fields",
        "_parts",
        "begun",
        "client",
        "ended",
        "face",
        "fault",
        "gone",
        "on_gone",
        "on_part",
        "path",
        "rooms",
        "tag",
        "whole",
    )

    def __init__(
        self, tag: str, path: str, client: str, fields: list[Field] | bytes, data: bytes, last: bool
    ) -> None:
        self.tag, self.path, self.client = tag, path, client
        self._fields = fields  # Bytes: name NUL value NUL, and so on.
        self._parts: deque[bytes] = deque((data,) if data else ())
        self._at = 0  # In the first of them.
        self.whole = last  # The client has said everything.
        self.begun = False  # The head of the answer is on its way,
        self.ended = False  # and so is its end.
        self.gone = False
        self.face: Any = None  # Serves it.
        self.fault: BaseException | None = None  # That the status does not tell the host of.
        self.rooms = 0  # How often the host had none and has said that there is again.
        self.on_gone: Callable[[], object] | None = None
        self.on_part: Callable[[], None] | None = None

    # --- what the host says ---

    def add(self, data: bytes, last: bool, _trailers: list[Field]) -> None:
        """Take a further part of the request."""
        if data:
            self._append(data)
        self.whole = last
        self._wake()
        if self.on_part is not None:
            self.on_part()

    def leave(self) -> None:
        """Hear that nobody waits any more."""
        self.gone = True
        self._wake()
        if self.on_part is not None:
            self.on_part()
        if self.on_gone is not None:
            self.on_gone()

    def make_room(self) -> None:
        """Hear that the client has taken some of the answer."""
        self.rooms += 1
        self._wake()

    def has_room(self, seen: int) -> bool:
        """Whether there was room since ``rooms`` was that."""
        return self.rooms != seen

    def fail(self, fault: BaseException | str) -> None:
        """End the call with an error, if it has not ended."""
        if not self.ended:
            self.ended = True
            host._doors_fail(self.tag, fault)

    def _wake(self) -> None:
        raise NotImplementedError

    def _append(self, data: bytes) -> None:
        parts = self._parts
        # A handler that does not read lets many small messages pile up.
        if parts and len(parts[-1]) < _SMALL:
            parts[-1] += data
        else:
            parts.append(data)

    # --- what serves it ---

    @property
    def metadata(self) -> tuple[Metadatum, ...]:
        """What the client has said about its call."""
        fields = self._fields
        if isinstance(fields, bytes):
            texts = fields.split(b"\0")
            fields = list(zip(texts[::2], texts[1::2]))
        return metadata_of(fields)

    @property
    def can_start(self) -> bool:
        """Whether a message is there, or none will come."""
        return bool(self._parts) or self.whole or self.gone

    def message(self) -> bytes | None:
        """Take the next message of those that are there."""
        if not self._parts:
            return None
        data, begin = self._parts[0], self._at + _HEAD
        end = begin + int.from_bytes(data[begin - 4 : begin], "big")
        self._at = end
        if end >= len(data):
            self._parts.popleft()
            self._at = 0
            if not self.whole:
                host._doors_took(self.tag, len(data))
        return data[begin:end]

    def offer(self, message: bytes | None, initial: list[Field]) -> int:
        """Send a message, or the head alone. 0: taken; 1: no room now; -1: nobody waits."""
        data = _framed(message)
        fields = () if self.begun else initial
        code: int = host._doors_send(self.tag, True, MORE if self.begun else BEGIN, fields, data)
        if code == 0:
            self.begun = True
        return code

    def end(
        self,
        code: int,
        details: str | bytes,
        metadata: Iterable[Any] | None,
        message: bytes | None = None,
    ) -> None:
        """Send the last message, if there is one, and the status. Once."""
        if self.ended:
            return
        data = _framed(message)
        try:
            trailers = trailers_of(code, details, metadata) if code or details or metadata else []
        except (TypeError, ValueError) as fault:
            trailers, data = trailers_of(_INTERNAL, str(fault), None), b""
        self.ended = True
        if self.fault is not None:
            trailers = [*trailers, *fault_fields(self.fault)]
        if self.begun:
            host._doors_send(self.tag, True, LAST, trailers, data)
        else:
            fields = [(b":trailers", b""), *trailers] if trailers else ()
            host._doors_send(self.tag, True, WHOLE, fields, data)

    @staticmethod
    def initial(metadata: Any) -> list[Field]:
        """Return metadata of an answer as it is sent. Raises ValueError."""
        return fields_of(metadata)
