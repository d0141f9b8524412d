# SPDX-License-Identifier: Apache-2.0
"""``POST /{name}/{method}`` as the original's gateway answers it."""

from __future__ import annotations

import json
from typing import Any, Callable
from urllib.parse import unquote

from aiges.contracts._http import HttpAnswer, HttpRequest
from aiges.contracts.paddle.pipeline._front import Answer
from aiges.contracts.paddle.pipeline._messages import BadRequest, from_json, to_json

__all__ = ["REFUSAL", "HttpSide", "too_large"]

_FIELDS = [(b"content-type", b"application/json")]
_INVALID, _NOT_FOUND, _UNIMPLEMENTED, _EXHAUSTED = 3, 5, 12, 8
# What the host says in our place.
REFUSAL = {"type": "application/json", "body": '{"error":%s,"code":14,"details":[]}'}
_ALLOWED = "POST"


def _refused(status: int, code: int, text: str) -> HttpAnswer:
    said = {"error": text, "message": text, "code": code, "details": []}
    body = json.dumps(said, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
    return HttpAnswer(status, _FIELDS, body)


def too_large(_request: HttpRequest) -> HttpAnswer:
    """Refuse a body that is too large to be kept."""
    return _refused(429, _EXHAUSTED, "grpc: received message larger than max")


class HttpSide:
    """Answers requests by ``answer``. Threads: any."""

    def __init__(self, answer: Callable[[Any], Answer]) -> None:
        self._answer = answer
        # The path that nearly all have: one lookup.
        self._known: tuple[str, tuple[str, str]] = ("", ("", ""))

    def handle(self, request: HttpRequest) -> HttpAnswer:
        """Answer one."""
        path = request.pseudo["path"]
        known, names = self._known
        if path != known:
            found = _names_in(path)
            if found is None:
                return _refused(404, _NOT_FOUND, "Not Found")
            names = found
            self._known = path, names
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
