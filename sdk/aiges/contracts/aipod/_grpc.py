# SPDX-License-Identifier: Apache-2.0
"""gRPC calls of ``ai.AI`` as door calls: one message in, one out, without grpcio and protobuf."""

from __future__ import annotations

import functools
import logging
from typing import Any, Callable

import aiges_embed

from aiges.contracts._doors import WHOLE, DoorLoop, fault_fields
from aiges.contracts._threads import DoorThreads
from aiges.contracts.aipod._service import Service
from aiges.contracts.aipod._wire import METHODS, SERVICE, framed_output, read_input

__all__ = ["GrpcFace"]

host: Any = aiges_embed

_LOG = logging.getLogger("aiges.aipod")
_HEAD = 5
# Clients may refuse trailers of over 8 KiB, in which what is not ASCII has three times its size.
_MOST_TEXT, _MOST_PACKED = 4096, 6144
_PLAIN = bytes(byte for byte in range(0x20, 0x7F) if byte != 0x25)
_TOO_LONG = "the answer is too long to be sent"
_CANCELLED, _UNKNOWN, _UNIMPLEMENTED, _INTERNAL = 1, 2, 12, 13
_NO_FIELDS: tuple[()] = ()
_METHOD_OF = {f"/{SERVICE}/{name}": name for name in METHODS}


def _words_of(text: str) -> bytes:
    """Return as much of a text as clients take."""
    words = text[:_MOST_TEXT].encode(errors="replace").replace(b"\0", b" ")
    while len(words) + 2 * len(words.translate(None, _PLAIN)) > _MOST_PACKED:
        words = words[: len(words) * 7 // 8].decode(errors="ignore").encode()
    return words


class GrpcCall:
    """A call: what the loop tells what happens to it, and what its answer goes to."""

    __slots__ = (
        "_detached",
        "_gone",
        "_known",
        "_loop",
        "_on_message",
        "_parts",
        "ended",
        "face",
        "path",
        "tag",
        "whole",
    )

    def __init__(
        self,
        face: GrpcFace,
        loop: DoorLoop,
        known: bool,
        tag: str,
        path: str,
        data: bytes,
        whole: bool,
    ) -> None:
        self.face, self._loop, self._known = face, loop, known  # known: to the loop.
        self.tag, self.path, self.whole = tag, path, whole
        self._parts = [data] if data else []
        self._gone = self._detached = self.ended = False
        self._on_message: Callable[[], None] | None = None

    # --- what the loop says ---

    def wait_message(self, then: Callable[[], None]) -> None:
        """Call it when the message is there, or none will come. On the loop.

        Parts are whole messages. What follows the first one is not kept.
        """
        if self._parts and not self.whole:
            host._doors_took(self.tag, len(self._parts[0]))
        if self._parts or self.whole:
            then()
        else:
            self._on_message = then

    def add(self, data: bytes, last: bool, _trailers: Any) -> None:
        """Take a further part of the request."""
        self.whole = last
        if data:
            host._doors_took(self.tag, len(data))
        then = self._on_message
        if then is not None and (data or last):
            self._on_message = None
            self._parts.append(data)
            then()

    def leave(self) -> None:
        """Hear that nobody waits any more.

        What has a thread, or waits for one, keeps its place with the host until that looks at it:
        else ever more calls would wait, which the host does not count.
        """
        self._gone = True
        has_thread = self._on_message is None
        self._on_message = None
        if self._detached or not has_thread:
            self.drop()

    def make_room(self) -> None:
        """Hear that there is room again: an answer in one piece needs none."""

    def fail(self, fault: BaseException | str) -> None:
        """End it with an error of the host's words, if it has not ended."""
        if not self.ended:
            self.ended = True
            host._doors_fail(self.tag, fault)

    # --- what serves it ---

    def body(self) -> bytes:
        """Return the request with what is before its message."""
        return self._parts.pop() if self._parts else b""

    @property
    def gone(self) -> bool:
        """Whether nobody waits for it."""
        return self._gone or bool(host.call_state(self.tag)[0])

    def detach(self) -> None:
        """Give its place back when the client leaves."""
        self._detached = True
        if not self._known:
            self._known = True
            self._loop.adopt(self)
        if self.gone:
            self.drop()

    def drop(self) -> None:
        """End it, for nobody waits for it, and give its place back."""
        self._gone = True
        self.refuse(_CANCELLED, "")

    def answer(self, data_json: bytes) -> None:
        """Answer it."""
        try:
            framed = framed_output(data_json)
        except (OverflowError, MemoryError) as fault:
            self.refuse(_UNKNOWN, f"Exception calling application: {_TOO_LONG}", fault)
        else:
            self._end(_NO_FIELDS, framed)

    def refuse(self, code: int, text: str, fault: BaseException | None = None) -> None:
        """Answer with a status."""
        fields = [(b":trailers", b""), (b"grpc-status", b"%d" % code)]
        if text:
            fields.append((b"grpc-message", _words_of(text)))
        self._end(fields + fault_fields(fault), b"")

    def _end(self, fields: Any, data: bytes) -> None:
        if self.ended:
            return
        self.ended = True
        try:
            host._doors_send(self.tag, True, WHOLE, fields, data)
        except BaseException as fault:
            _LOG.error("an answer of %d bytes cannot be sent", len(data), exc_info=fault)
            host._doors_fail(self.tag, fault)
        finally:
            if self._known:
                self._loop.forget(self)


class GrpcFace:
    """Serves them; what DoorThreads has as ``grpc``."""

    def __init__(self, doors: DoorThreads, service: Service, served: Callable[[], None]) -> None:
        self._doors, self._service, self._served = doors, service, served
        doors.grpc = self

    @property
    def simple(self) -> list[str]:
        """The paths that a thread serves without the loop."""
        return list(_METHOD_OF)

    def make(
        self, tag: str, pseudo: dict[str, str], fields: Any, data: bytes, last: bool
    ) -> GrpcCall:
        """Make the call. On the loop."""
        return GrpcCall(self, self._doors.loop, True, tag, pseudo["path"], data, last)

    def begin(self, call: GrpcCall) -> None:
        """Begin a call that has come by the loop. On the loop."""
        if call.path not in _METHOD_OF:
            call.refuse(_UNIMPLEMENTED, "Method not found!")
            return
        serve = functools.partial(self._serve, call)
        call.wait_message(functools.partial(self._doors.put, serve))

    def serve_simple(self, tag: str, path: str, client: str, fields: bytes, data: bytes) -> None:
        """Serve a call that has come whole. On a thread."""
        self._serve(GrpcCall(self, self._doors.loop, False, tag, path, data, True))

    def _serve(self, call: GrpcCall) -> None:
        self._served()
        if call.gone:
            call.drop()
            return
        data = call.body()
        size = int.from_bytes(data[1:_HEAD], "big")
        try:
            if len(data) < _HEAD:
                text = f'"{call.path}" requires exactly one request message.'
                call.refuse(_UNIMPLEMENTED, text)
                return
            try:
                # What follows the first message is not looked at.
                given = read_input(
                    data if len(data) == size + _HEAD else data[: size + _HEAD], _HEAD
                )
            except ValueError as fault:
                _LOG.warning("%s: no message of ai.AI: %s", call.path, fault)
                call.refuse(_INTERNAL, "Exception deserializing request!")
                return
            self._service.serve(
                _METHOD_OF[call.path], given.version, given.kwargs_json, given.binary_data, call
            )
        except BaseException as fault:
            _LOG.error("%s has failed", call.path, exc_info=fault)
            call.refuse(_UNKNOWN, f"Exception calling application: {fault}", fault)
