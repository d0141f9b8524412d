# SPDX-License-Identifier: Apache-2.0
"""``POST /{name}/{method}`` as the original's gateway answers it."""

from __future__ import annotations

import functools
import json
import re
from typing import Any, Callable
from urllib.parse import unquote

import aiges_embed

from aiges.contracts._doors import WHOLE, ClientGone, Field, fault_fields
from aiges.contracts._http import HttpAnswer, HttpCall, HttpFace, HttpRequest
from aiges.contracts._threads import DoorThreads
from aiges.contracts.paddle.pipeline._front import Answer
from aiges.contracts.paddle.pipeline._messages import BadRequest, from_json, to_json

__all__ = ["REFUSAL", "HttpSide", "too_large"]

_FIELDS: list[Field] = [(b"content-type", b"application/json")]
_INVALID, _NOT_FOUND, _UNIMPLEMENTED, _EXHAUSTED = 3, 5, 12, 8
# What the host says in our place.
REFUSAL = {"type": "application/json", "body": '{"error":%s,"message":%s,"code":14,"details":[]}'}
_ALLOWED, _POST = "POST", b":method\0POST\0"
_OK: list[Field] = [(b":status", b"200"), *_FIELDS]
_BAD: Field = (b":status", b"400")
_PLAIN = re.compile(r"/[\w.-]+/[\w.-]+", re.ASCII)
_MOST_BODY = 256 << 20

host: Any = aiges_embed


def _refused(status: int, code: int, text: str) -> HttpAnswer:
    said = {"error": text, "message": text, "code": code, "details": []}
    body = json.dumps(said, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
    return HttpAnswer(status, _FIELDS, body)


def too_large(_request: HttpRequest) -> HttpAnswer:
    """Refuse a body that is too large to be kept."""
    return _refused(429, _EXHAUSTED, "grpc: received message larger than max")


class HttpSide(HttpFace):
    """Answers requests by ``answer``. Threads: any."""

    def __init__(self, doors: DoorThreads, answer: Callable[[Any], Answer]) -> None:
        super().__init__(doors, self.handle, _MOST_BODY, too_large)
        self._answer = answer
        # The path that nearly all have, how it stands in a head, and the names in it.
        self._known: tuple[str, bytes, tuple[str, str]] = ("", b"", ("", ""))

    def serve_simple(self, tag: str, path: str, client: str, fields: bytes, data: bytes) -> None:
        """Serve a call that came whole; what nearly all are without what others need."""
        _, mark, names = self._known
        if not mark or mark not in fields or _POST not in fields:
            super().serve_simple(tag, path, client, fields, data)
            return
        try:
            if host.call_state(tag)[0]:
                host._doors_fail(tag, "the client has left")
                return
            response, raised = self._answer(from_json(data, *names))
            head = _OK if raised is None else [*_OK, *fault_fields(raised)]
            body = to_json(response)
            if host._doors_send(tag, False, WHOLE, head, body) == 1:
                self._send_when_there_is_room(tag, head, body)
        except BadRequest as fault:
            refusal = _refused(400, _INVALID, str(fault))
            host._doors_send(tag, False, WHOLE, [_BAD, *refusal.fields], refusal.body)
        except BaseException as fault:
            host._doors_fail(tag, fault)

    def _send_when_there_is_room(self, tag: str, head: list[Field], body: bytes) -> None:
        call = HttpCall(self, tag, {}, [], b"")
        call.whole = call.served = True
        call.unknown_to_loop(functools.partial(self._doors.loop.adopt, call))
        try:
            call.send(WHOLE, head, body)
        except ClientGone:
            pass
        finally:
            if call.known_to_loop:
                self._doors.loop.forget(call)

    def handle(self, request: HttpRequest) -> HttpAnswer:
        """Answer one."""
        path = request.pseudo["path"]
        known, _, names = self._known
        if path != known:
            found = _names_in(path)
            if found is None:
                return _refused(404, _NOT_FOUND, "Not Found")
            names = found
            if _PLAIN.fullmatch(path):
                self._known = path, f":path\0{path}\0".encode(), names
        if request.pseudo["method"] != _ALLOWED:
            return _refused(405, _UNIMPLEMENTED, "Method Not Allowed")
        try:
            asked = from_json(request.body, *names)
        except BadRequest as fault:
            return _refused(400, _INVALID, str(fault))
        response, raised = self._answer(asked)
        if raised is not None:
            request.note(raised)
        return HttpAnswer(200, _FIELDS, to_json(response))


def _names_in(path: str) -> tuple[str, str] | None:
    """Return service and method of a path; None: it has another shape."""
    parts = path.partition("?")[0].split("/")
    if len(parts) != 3 or parts[0] or not parts[1] or not parts[2]:
        return None
    return unquote(parts[1]), unquote(parts[2])
