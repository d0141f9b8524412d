# SPDX-License-Identifier: Apache-2.0
"""The same methods over plain HTTP, which AIPOD never had: ``POST /predict?version=v1``, JSON.

The body is the object of the keyword arguments; ``binary_data`` in it is base64. An answer is the
value as JSON; an error is ``{"error": text}``.
"""

from __future__ import annotations

import base64
import logging
from typing import Any, Callable
from urllib.parse import parse_qs

import aiges_embed

from aiges._narrow import is_dict
from aiges.contracts._doors import ClientGone, Field
from aiges.contracts._http import HttpAnswer, HttpCall, HttpFace, HttpRequest
from aiges.contracts._threads import DoorThreads
from aiges.contracts.aipod._data import decode, encode
from aiges.contracts.aipod._service import Service
from aiges.contracts.aipod._wire import METHODS

__all__ = ["HTTP_DOORS", "REFUSAL", "JsonFace"]

host: Any = aiges_embed

_LOG = logging.getLogger("aiges.aipod")
_JSON: list[Field] = [(b"content-type", b"application/json")]
_MOST_BODY = 140 << 20  # 100 MiB in base64, and what is beside it.
_INVALID, _UNKNOWN = 3, 2
_CHANGING = frozenset(("initialize", "train", "cancel"))  # What is there on the disk.
_OWN_SITES = (b"none", b"same-origin")
_STATUS_OF = {1: 409, 2: 500, 3: 400, 8: 429, 9: 409, 14: 503}  # Of a gRPC code.

HTTP_DOORS: list[dict[str, Any]] = [
    {
        "http": f"/{name}",
        "methods": ["GET", "POST"] if name == "log" else ["POST"],
        "long": name == "train",
    }
    for name in METHODS
]
REFUSAL = {"type": "application/json", "body": '{"error": %s}'}


class _Reply:
    """Where the answer of a request goes."""

    def __init__(
        self, call: HttpCall, doors: DoorThreads, send: Callable[[Any, Any], None]
    ) -> None:
        self._call, self._doors, self._send = call, doors, send

    @property
    def gone(self) -> bool:
        """Whether nobody waits for it."""
        return self._call.gone or bool(host.call_state(self._call.tag)[0])

    def detach(self) -> None:
        """Give its place back when the client leaves."""
        self._call.on_gone = self.drop
        self._call.listen()
        if self._call.gone:
            self.drop()

    def drop(self) -> None:
        """End it, for nobody waits for it, and give its place back."""
        self._call.fail("the client has left")
        self._doors.loop.forget(self._call)

    def answer(self, data_json: bytes, status: int = 200) -> None:
        """Answer it."""
        call = self._call
        if call.ended:
            return
        try:
            self._send(call, HttpAnswer(status, _JSON, data_json))
        except ClientGone:
            pass
        finally:
            call.fail("the call ended without an answer")
            if call.known_to_loop:
                self._doors.loop.forget(call)

    def refuse(self, code: int, text: str, fault: BaseException | None = None) -> None:
        """Answer with an error."""
        self._call.fault = fault
        self.answer(encode({"error": text}), _STATUS_OF.get(code, 500))


class JsonFace(HttpFace):
    """Serves them; an answer may come when the thread that has read the request is long gone."""

    def __init__(self, doors: DoorThreads, service: Service, served: Callable[[], None]) -> None:
        super().__init__(doors, _answered_later, _MOST_BODY, _too_large)
        self._service, self._served = service, served

    def _serve(self, call: HttpCall, handler: Any) -> None:
        self._served()
        if handler is _too_large:
            super()._serve(call, handler)
            return
        if self._dropped(call):
            return
        reply = _Reply(call, self._doors, self._send)
        try:
            self._serve_request(HttpRequest(call, call.pseudo, call.fields, call.body()), reply)
        except BaseException as fault:
            _LOG.error("%s has failed", call.pseudo.get("path"), exc_info=fault)
            reply.refuse(_UNKNOWN, f"{type(fault).__name__}: {fault}", fault)

    def _serve_request(self, request: HttpRequest, reply: _Reply) -> None:
        method = request.path[1:]
        if method in _CHANGING and _is_from_page(request):
            text = f"/{method} is not for pages in a browser (Origin, Sec-Fetch-Site): they could"
            reply.answer(encode({"error": f"{text} be anybody's"}), 403)
            return
        query = parse_qs(request.query, keep_blank_values=True)
        version = query.get("version", [""])[-1]
        body = request.body or b"{}"
        binary_data = b""
        try:
            kwargs = decode(body)
            if not is_dict(kwargs):
                raise ValueError(f"expected an object of arguments, got {type(kwargs).__name__}")
            if "binary_data" in kwargs:
                binary_data = _bytes_of(kwargs.pop("binary_data"))
                body = encode(kwargs)
        except (ValueError, RecursionError) as fault:
            reply.refuse(_INVALID, f"body: {fault}")
            return
        self._service.serve(method, version, body, binary_data, reply)


def _is_from_page(request: HttpRequest) -> bool:
    """Whether a browser says that a page sends this. All browsers send Origin with a POST."""
    site = request.get(b"sec-fetch-site", b"none").lower()
    return any(name == b"origin" for name, _ in request.fields) or site not in _OWN_SITES


def _bytes_of(text: Any) -> bytes:
    if not isinstance(text, str):
        raise ValueError(f"binary_data: expected base64, got {type(text).__name__}")
    try:
        return base64.b64decode(text.encode(), validate=True)
    except ValueError as fault:
        raise ValueError(f"binary_data: expected base64: {fault}") from None


def _answered_later(_request: HttpRequest) -> HttpAnswer:
    raise NotImplementedError  # In the place of this, JsonFace._serve does the work.


def _too_large(_request: HttpRequest) -> HttpAnswer:
    text = f"the body is longer than {_MOST_BODY} bytes"
    return HttpAnswer(413, _JSON, encode({"error": text}))
