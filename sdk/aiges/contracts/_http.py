# SPDX-License-Identifier: Apache-2.0
"""HTTP for contracts whose user code blocks: one function on threads, request in, answer out.

A request has come whole before the function is called; an answer may be one piece or an iterable
of pieces, which are sent as they come, each when there is room for it.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Iterable
from typing import Any, Callable, NamedTuple, Union
from urllib.parse import unquote

import aiges_embed

from aiges.contracts._doors import BEGIN, LAST, MORE, WHOLE, ClientGone, Field, fault_fields
from aiges.contracts._threads import DoorThreads

__all__ = ["HttpAnswer", "HttpFace", "HttpRequest"]

host: Any = aiges_embed

_PSEUDO = {
    f":{name}".encode(): name
    for name in ("method", "scheme", "authority", "path", "client", "port", "version")
}


class HttpRequest:
    """One request. ``fields`` has the head in its order, with repeats, names in lower case."""

    __slots__ = ("_call", "body", "fields", "pseudo")

    def __init__(
        self, call: HttpCall, pseudo: dict[str, str], fields: list[Field], body: bytes
    ) -> None:
        self._call, self.pseudo, self.fields, self.body = call, pseudo, fields, body

    @property
    def method(self) -> str:
        """GET, POST, .."""
        return self.pseudo["method"]

    @property
    def path(self) -> str:
        """The path, decoded, without the query."""
        path = self.pseudo["path"].partition("?")[0]
        return unquote(path) if "%" in path else path

    @property
    def query(self) -> str:
        """What follows the question mark, as it came."""
        return self.pseudo["path"].partition("?")[2]

    @property
    def client(self) -> str:
        """The address of the client, with its port."""
        return self.pseudo["client"]

    def get(self, name: bytes, default: bytes = b"") -> bytes:
        """Return the first field of that name."""
        for key, value in self.fields:
            if key == name:
                return value
        return default

    def note(self, fault: BaseException) -> None:
        """Let the host list what the answer's own words hide."""
        self._call.fault = fault


class HttpAnswer(NamedTuple):
    """``body`` as one piece has a length; an iterable is closed when it has a ``close``."""

    status: int
    fields: list[Field]
    body: Union[bytes, memoryview, Iterable[bytes]] = b""  # noqa: UP007 (evaluated)


Handler = Callable[[HttpRequest], HttpAnswer]


class HttpCall:
    """What is told what happens to a call, and sends its answer."""

    __slots__ = (
        "_changed",
        "_parts",
        "_rooms",
        "_size",
        "_watch",
        "ended",
        "face",
        "fault",
        "fields",
        "gone",
        "on_gone",
        "pseudo",
        "served",
        "tag",
        "whole",
    )

    def __init__(
        self, face: HttpFace, tag: str, pseudo: dict[str, str], fields: list[Field], data: bytes
    ) -> None:
        self.face, self.tag, self.pseudo, self.fields = face, tag, pseudo, fields
        self._parts, self._size = [data] if data else [], len(data)
        self.whole = self.served = self.ended = self.gone = False
        self.fault: BaseException | None = None
        self._rooms = 0
        self._changed: threading.Condition | None = None
        self.on_gone: Callable[[], None] | None = None
        # Lets the loop know the call, so that it hears of what happens.
        self._watch: Callable[[], None] | None = None

    def unknown_to_loop(self, watch: Callable[[], None]) -> None:
        """Say how the loop can be told to tell of the call."""
        self._watch = watch

    # --- what the host says, on the loop ---

    def add(self, data: bytes, last: bool, _trailers: list[Field]) -> None:
        """Take a further part of the request."""
        if data:
            self._size += len(data)
            if not self.served:  # Else it has been refused, and nobody wants it.
                self._parts.append(data)
            host._doors_took(self.tag, len(data))
        self.whole = last
        self.face.on_part(self)

    def leave(self) -> None:
        """Hear that nobody waits any more."""
        self.gone = True
        self._wake()
        if self.on_gone is not None:
            self.on_gone()
        self.face.on_part(self)

    def make_room(self) -> None:
        """Hear that the client has taken some of the answer."""
        self._rooms += 1
        self._wake()

    def fail(self, fault: BaseException | str) -> None:
        """End the call with an error, if it has not ended."""
        if not self.ended:
            self.ended = True
            host._doors_fail(self.tag, fault)

    # --- what serves it ---

    @property
    def size(self) -> int:
        """Bytes of the body that have come."""
        return self._size

    def body(self) -> bytes:
        """Return all of it."""
        body = self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)
        self._parts.clear()
        return body

    @property
    def known_to_loop(self) -> bool:
        """Whether the loop tells it what happens."""
        return self._watch is None

    def listen(self) -> None:
        """Hear of everything from now on. On a thread."""
        watch, self._watch = self._watch, None
        if watch is not None:
            watch()
            self.gone = self.gone or bool(host.call_state(self.tag)[0])

    def send(self, status: int, fields: list[Field], data: bytes | memoryview = b"") -> None:
        """Send a part of the answer, when there is room for it. Raises ClientGone. On a thread."""
        if self.fault is not None and status in (LAST, WHOLE):
            fields = [*fields, *fault_fields(self.fault)]
        code = host._doors_send(self.tag, False, status, fields, data)
        if code == 1:
            self.listen()
        while code == 1:
            seen = self._rooms
            code = host._doors_send(self.tag, False, status, fields, data)
            if code == 1:
                self._wait(functools.partial(self._is_other, seen))
                if self.gone:
                    break
        self.ended = self.ended or status in (LAST, WHOLE)
        if code != 0:
            raise ClientGone

    def _is_other(self, seen: int) -> bool:
        return self._rooms != seen

    def _wait(self, there: Callable[[], bool]) -> None:
        if self._changed is None:
            self._changed = threading.Condition()
        with self._changed:
            while not there() and not self.gone:
                self._changed.wait()

    def _wake(self) -> None:
        changed = self._changed
        if changed is not None:
            with changed:
                changed.notify_all()


class HttpFace:
    """Serves all calls of HTTP by one function.

    A body of more than ``most_body`` bytes is answered by ``too_large``, without being kept.
    What the function raises is in the log, and answered in the words of the contract's refusal.
    """

    def __init__(
        self, doors: DoorThreads, handler: Handler, most_body: int, too_large: Handler
    ) -> None:
        self._doors, self._handler = doors, handler
        self._most_body, self._too_large = most_body, too_large
        doors.http = self

    # --- on the loop ---

    def make(
        self, tag: str, pseudo: dict[str, str], fields: list[Field], data: bytes, last: bool
    ) -> HttpCall:
        """Make the call. On the loop."""
        call = HttpCall(self, tag, pseudo, fields, data)
        call.whole = last
        return call

    def begin(self, call: HttpCall) -> None:
        """Begin a call whose body may be on its way. On the loop."""
        if "websocket" in call.pseudo:
            call.served = True
            self._doors.put_for(call, self._refuse_socket)
            return
        self.on_part(call)

    def on_part(self, call: HttpCall) -> None:
        """Look whether it can be served now. On the loop."""
        if call.served:
            return
        if call.gone:
            call.served = True
            call.fail("the client has left")
            self._doors.loop.forget(call)
        elif call.size > self._most_body:
            call.served = True
            self._doors.put_for(call, self._serve, self._too_large)
        elif call.whole:
            call.served = True
            self._doors.put_for(call, self._serve, self._handler)

    # --- on a thread ---

    def serve_simple(self, tag: str, path: str, client: str, fields: bytes, data: bytes) -> None:
        """Serve a call that came whole, without the loop."""
        pseudo: dict[str, str] = {}
        head: list[Field] = []
        texts = iter(fields.split(b"\0"))
        for field in zip(texts, texts):
            name, value = field
            if name[:1] != b":":
                head.append(field)
            elif (known := _PSEUDO.get(name)) is not None:
                pseudo[known] = value.decode("latin-1")
            else:
                pseudo[name[1:].decode("latin-1")] = value.decode("latin-1")
        call = HttpCall(self, tag, pseudo, head, data)
        call.whole = call.served = True
        call.unknown_to_loop(functools.partial(self._doors.loop.adopt, call))
        self._serve(call, self._handler)

    def _refuse_socket(self, call: HttpCall) -> None:
        try:
            call.send(WHOLE, [(b":status", b"404")])
        except ClientGone:
            pass
        finally:
            self._doors.loop.forget(call)

    def _dropped(self, call: HttpCall) -> bool:
        """End a call that has not begun, where nobody waits for it any more."""
        if not call.gone and not host.call_state(call.tag)[0]:
            return False
        call.fail("the client has left")
        if call.known_to_loop:
            self._doors.loop.forget(call)
        return True

    def _serve(self, call: HttpCall, handler: Handler) -> None:
        if self._dropped(call):
            return
        try:
            answer = handler(HttpRequest(call, call.pseudo, call.fields, call.body()))
            self._send(call, answer)
        except ClientGone:
            pass
        except BaseException as fault:
            call.fail(fault)
        finally:
            call.fail("the call ended without an answer")
            if call.known_to_loop:
                self._doors.loop.forget(call)

    @staticmethod
    def _send(call: HttpCall, answer: HttpAnswer) -> None:
        head = [(b":status", b"%d" % answer.status), *answer.fields]
        if isinstance(answer.body, (bytes, bytearray, memoryview)):
            call.send(WHOLE, head, answer.body)  # pyright: ignore[reportArgumentType] (no iterable is one)
            return
        try:
            status, fields = BEGIN, head
            for piece in answer.body:
                if piece or status == BEGIN:
                    call.send(status, fields, piece)
                    status, fields = MORE, []
            if status == BEGIN:
                call.send(WHOLE, head)
            else:
                call.send(LAST, [])
        finally:
            close = getattr(answer.body, "close", None)
            if close is not None:
                close()
