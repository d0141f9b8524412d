# SPDX-License-Identifier: Apache-2.0
"""Unary methods of gRPC as door calls: message in, message out, without grpcio.

What came whole is served by a thread at once; a client's call over baidu_std comes here, too.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import aiges_embed

from aiges.contracts._doors import WHOLE, fault_fields
from aiges.contracts._threads import DoorThreads
from aiges.contracts.paddle.server._calls import NotYet

__all__ = ["UnaryFace"]

host: Any = aiges_embed

_LOG = logging.getLogger("aiges.paddle")
_HEAD = 5  # Bytes before a message.
_CANCELLED, _INVALID, _UNIMPLEMENTED, _INTERNAL, _UNAVAILABLE = 1, 3, 12, 13, 14
_MOST_TEXT = 4096
_LARGE = 16_384  # Bytes that are not copied.
Method = Callable[["bytes | memoryview"], "list[bytes | memoryview]"]


class _Call:
    """One call: what the loop tells it, and its answer."""

    __slots__ = ("_known", "_parts", "_wanted", "ended", "face", "gone", "path", "tag", "whole")

    def __init__(
        self, face: UnaryFace, known: bool, tag: str, path: str, data: bytes, whole: bool
    ) -> None:
        self.face, self._known, self.tag, self.path = face, known, tag, path
        self._parts = [data] if data else []
        self.whole, self.gone, self.ended = whole, False, False
        self._wanted: Callable[[], None] | None = None

    # --- what the loop says ---

    def wait(self, then: Callable[[], None]) -> None:
        """Call it once, when the message is there or none will come. Parts are whole messages."""
        if self._parts or self.whole:
            then()
        else:
            self._wanted = then

    def add(self, data: bytes, last: bool, _trailers: Any) -> None:
        """Take a further part of the request; what follows the first message is not kept."""
        self.whole = last
        if data:
            host._doors_took(self.tag, len(data))
            if not self._parts:
                self._parts.append(data)
        self._go_on()

    def leave(self) -> None:
        """Hear that nobody waits any more."""
        self.gone = True
        self._go_on()

    def make_room(self) -> None:
        """Hear that there is room: an answer in one piece needs none."""

    def _go_on(self) -> None:
        wanted = self._wanted
        if wanted is not None and (self._parts or self.whole or self.gone):
            self._wanted = None
            wanted()

    # --- what serves it ---

    def body(self) -> bytes | memoryview | None:
        """Return the message; a large one as a view."""
        if not self._parts:
            return None
        data = self._parts.pop()
        end = _HEAD + int.from_bytes(data[1:_HEAD], "big")
        return data[_HEAD:end] if end < _LARGE else memoryview(data)[_HEAD:end]

    def is_left(self) -> bool:
        """Whether nobody waits for it."""
        return self.gone or bool(host.call_state(self.tag)[0])

    def answer(self, pieces: Sequence[bytes | memoryview]) -> None:
        """Answer it by a message in pieces."""
        size = sum(len(piece) for piece in pieces)
        self._end((), b"".join((b"\0", size.to_bytes(4, "big"), *pieces)))

    def refuse(self, code: int, text: str, fault: BaseException | None = None) -> None:
        """Answer with a status. ``fault`` is for the host's list of failures."""
        fields = [(b":trailers", b""), (b"grpc-status", b"%d" % code)]
        if text:
            words = text[:_MOST_TEXT].encode(errors="replace").replace(b"\0", b" ")
            fields.append((b"grpc-message", words))
        self._end(fields + fault_fields(fault), b"")

    def fail(self, fault: BaseException | str) -> None:
        """End it in the host's words, if it has not ended."""
        if not self.ended:
            self.ended = True
            host._doors_fail(self.tag, fault)

    def _end(self, fields: Any, data: bytes) -> None:
        if self.ended:
            return
        self.ended = True
        try:
            host._doors_send(self.tag, True, WHOLE, fields, data)
        finally:
            if self._known:
                self.face.forget(self)


class UnaryFace:
    """What DoorThreads has as ``grpc``. ``methods``: by path.

    ValueError of a method is the client's mistake, all else the service's.
    """

    def __init__(self, doors: DoorThreads, methods: Mapping[str, Method]) -> None:
        self._doors, self._methods = doors, dict(methods)
        doors.grpc = self

    @property
    def simple(self) -> list[str]:
        """The paths that threads take without the loop."""
        return list(self._methods)

    def forget(self, call: Any) -> None:
        """Let the loop forget a call."""
        self._doors.loop.forget(call)

    def make(self, tag: str, pseudo: dict[str, str], fields: Any, data: bytes, last: bool) -> _Call:
        """Make the call. On the loop."""
        return _Call(self, True, tag, pseudo["path"], data, last)

    def begin(self, call: _Call) -> None:
        """Begin a call that has come by the loop. On the loop."""
        if call.path not in self._methods:
            call.refuse(_UNIMPLEMENTED, "Method not found!")
            return
        call.wait(functools.partial(self._doors.put_for, call, self._serve))

    def serve_simple(self, tag: str, path: str, client: str, fields: bytes, data: bytes) -> None:
        """Serve a call that has come whole. On a thread."""
        self._serve(_Call(self, False, tag, path, data, True))

    def _serve(self, call: _Call) -> None:
        if call.is_left():
            call.refuse(_CANCELLED, "")
            return
        message = call.body()
        if message is None:
            call.refuse(_UNIMPLEMENTED, f'"{call.path}" requires exactly one request message.')
            return
        try:
            call.answer(self._methods[call.path](message))
        except NotYet as fault:
            call.refuse(_UNAVAILABLE, str(fault))
        except ValueError as fault:
            call.refuse(_INVALID, str(fault))
        except BaseException as fault:
            _LOG.error("%s has failed", call.path, exc_info=fault)
            call.refuse(_INTERNAL, str(fault) or type(fault).__name__, fault)
