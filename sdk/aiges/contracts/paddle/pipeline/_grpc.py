# SPDX-License-Identifier: Apache-2.0
"""Calls of gRPC with one message in and one out, without grpcio and protobuf."""

from __future__ import annotations

import functools
from typing import Any, Callable, NamedTuple, Optional

import aiges_embed

from aiges.contracts._doors import WHOLE, fault_fields
from aiges.contracts._threads import DoorThreads

__all__ = ["GrpcSide", "Reply"]

host: Any = aiges_embed

_HEAD = 5  # Bytes before a message: whether it is compressed, and its size.
_CANCELLED, _UNIMPLEMENTED, _INTERNAL = 1, 12, 13
_MOST_TEXT = 2048  # Clients may refuse trailers of over 8 KiB, in which a byte may take three.


class Reply(NamedTuple):
    """A status with its text, or the message; and the fault of ours or the user's that it is."""

    code: int
    text: str
    message: bytes = b""
    fault: Optional[BaseException] = None  # noqa: UP045 (3.9)


class _Call:
    """What the loop tells what happens to a call that did not come whole."""

    def __init__(self, face: GrpcSide, tag: str, path: str, data: bytes, whole: bool) -> None:
        self.face, self.tag, self.path, self.whole = face, tag, path, whole
        self.data, self._ended = data, False
        self._then: Callable[[], None] | None = None

    def wait_message(self, then: Callable[[], None]) -> None:
        """Call it once: when the message is there, or none will come. On the loop."""
        if self.data or self.whole:
            self._took(self.data)
            then()
        else:
            self._then = then

    def _took(self, data: bytes) -> None:
        if data and not self.whole:
            host._doors_took(self.tag, len(data))

    def add(self, data: bytes, last: bool, _trailers: Any) -> None:
        """Take a further part. Parts are whole messages; those after the first are not kept."""
        self.whole = last
        self._took(data)
        then = self._then
        if then is not None and (data or last):
            self._then, self.data = None, data
            then()

    def leave(self) -> None:
        """Hear that nobody waits any more: what has no thread yet ends."""
        if self._then is not None:
            self._then = None
            self.end(Reply(_CANCELLED, ""))

    def make_room(self) -> None:
        """Hear that there is room: an answer in one piece needs none."""

    def fail(self, fault: BaseException | str) -> None:
        """End it in the host's words, if it has not ended."""
        if not self._ended:
            self._ended = True
            host._doors_fail(self.tag, fault)

    def end(self, reply: Reply) -> None:
        """Answer it, if it has not ended."""
        if not self._ended:
            self._ended = True
            _send(self.tag, reply)
            self.face.doors.loop.forget(self)


def _send(tag: str, reply: Reply) -> None:
    try:
        if reply.code == 0 and reply.fault is None:
            size = len(reply.message).to_bytes(4, "big")
            host._doors_send(tag, True, WHOLE, (), b"\0%b%b" % (size, reply.message))
            return
        fields = [(b":trailers", b""), (b"grpc-status", b"%d" % reply.code)]
        if reply.text:
            text = reply.text[:_MOST_TEXT].encode("utf-8", "replace").replace(b"\0", b" ")
            fields.append((b"grpc-message", text))
        message = reply.message
        framed = b"\0%b%b" % (len(message).to_bytes(4, "big"), message) if not reply.code else b""
        host._doors_send(tag, True, WHOLE, fields + fault_fields(reply.fault), framed)
    except BaseException as fault:
        host._doors_fail(tag, fault)


class GrpcSide:
    """Answers calls of one method by ``reply``: (the frame, where its message begins) -> Reply."""

    def __init__(
        self, doors: DoorThreads, method: str, reply: Callable[[bytes, int], Reply]
    ) -> None:
        self.doors, self._method, self._reply = doors, method, reply
        self.simple = [method]  # The paths that a thread serves without the loop.
        doors.grpc = self

    def make(self, tag: str, pseudo: dict[str, str], fields: Any, data: bytes, last: bool) -> _Call:
        """Make a call. On the loop."""
        return _Call(self, tag, pseudo["path"], data, last)

    def begin(self, call: _Call) -> None:
        """Begin a call that has come by the loop. On the loop."""
        if call.path != self._method:
            call.end(Reply(_UNIMPLEMENTED, "Method not found!"))
            return
        call.wait_message(functools.partial(self.doors.put_for, call, self._serve))

    def _serve(self, call: _Call) -> None:
        if host.call_state(call.tag)[0]:
            call.end(Reply(_CANCELLED, ""))
        else:
            call.end(self._answer(call.data))

    def serve_simple(self, tag: str, path: str, client: str, fields: bytes, data: bytes) -> None:
        """Serve a call that has come whole. On a thread."""
        if host.call_state(tag)[0]:
            _send(tag, Reply(_CANCELLED, ""))
        else:
            _send(tag, self._answer(data))

    def _answer(self, data: bytes) -> Reply:
        if len(data) < _HEAD:
            return Reply(_UNIMPLEMENTED, f'"{self._method}" requires exactly one request message.')
        end = _HEAD + int.from_bytes(data[1:_HEAD], "big")
        try:
            return self._reply(data if len(data) == end else data[:end], _HEAD)
        except BaseException as fault:
            return Reply(_INTERNAL, f"{type(fault).__name__}: {fault}", fault=fault)
