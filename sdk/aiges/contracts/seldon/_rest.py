# SPDX-License-Identifier: Apache-2.0
"""REST: which path is which call, and how answers and errors look."""

from __future__ import annotations

import logging
from typing import Any, Callable, NamedTuple

from aiges.contracts._http import HttpAnswer, HttpRequest
from aiges.contracts.seldon import _calls
from aiges.contracts.seldon._access import AccessLog
from aiges.contracts.seldon._arrays import dump
from aiges.contracts.seldon._bodies import message_of
from aiges.contracts.seldon._errors import (
    BAD_DATA,
    INTERNAL,
    SeldonMicroserviceException,
    answer_of,
)
from aiges.contracts.seldon._handlers import UserHandlers
from aiges.contracts.seldon._json_calls import JsonCalls
from aiges.contracts.seldon._metadata import Metadata
from aiges.contracts.seldon._openapi import document

__all__ = ["Rest"]

_LOG = logging.getLogger("aiges.seldon")

_ANY, _POST, _GET = ("GET", "POST"), ("POST",), ("GET",)
_JSON = (b"content-type", b"application/json")
_CORS = (b"access-control-allow-origin", b"*")
_ALL_METHODS = b"DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT"
_NOT_FOUND = (
    "404 Not Found: The requested URL was not found on the server. If you entered the URL manually "
    "please check your spelling and try again."
)
_NOT_ALLOWED = "405 Method Not Allowed: The method is not allowed for the requested URL."
# Pages of the host's that would show more to everybody than this service does.
_CLOSED = (
    "/",
    "/docs",
    "/openapi.json",
    "/status.json",
    "/swagger/{path..}",
    "/admin/{path..}",
)
_PREFIXES = ("/deployment/{path..}", "/seldon/{path..}")


class _Route(NamedTuple):
    methods: tuple[str, ...]
    answer: Callable[[HttpRequest], Any]  # What it returns is the body as JSON, or an HttpAnswer.
    is_users: bool  # Runs the user's code.


class Rest:
    """Answers requests of HTTP. Thread-safe as far as the user's code is."""

    def __init__(
        self,
        served: _calls.Served,
        metadata: Metadata,
        strict: bool,
        access: AccessLog | None = None,
    ) -> None:
        self._served, self._metadata, self._strict = served, metadata, strict
        self._access = access
        self._passes = served.unit.passes_payload
        self._json = JsonCalls(served)
        self._proto: Any = None
        self._handlers = UserHandlers(served.model.user)
        predict, feedback = _Route(_POST, self._predict, True), self._feedback
        health, about = _Route(_GET, self._health, True), _Route(_GET, self._about, False)
        self._routes: dict[str, _Route] = {
            "/predict": _Route(_ANY, self._predict, True),
            "/api/v1.0/predictions": predict,
            "/api/v0.1/predictions": predict,
            "/send-feedback": _Route(_ANY, feedback, True),
            "/api/v1.0/feedback": _Route(_POST, feedback, True),
            "/api/v0.1/feedback": _Route(_POST, feedback, True),
            "/transform-input": _Route(_ANY, self._call(_calls.INPUT), True),
            "/transform-output": _Route(_ANY, self._call(_calls.OUTPUT), True),
            "/route": _Route(_ANY, self._call(_calls.ROUTE), True),
            "/aggregate": _Route(_ANY, self._aggregate, True),
            "/health/ping": _Route(_GET, self._ping, False),
            "/health/status": health,
            "/api/v1.0/health/status": health,
            "/metadata": about,
            "/api/v1.0/metadata": about,
            "/seldon.json": _Route(_GET, self._openapi, False),
            "/openapi.json": _Route(_GET, self._openapi, False),
            "/ready": _Route(_GET, self._empty, False),
            "/live": _Route(_GET, self._empty, False),
            served.unit.metrics_path: _Route(_GET, self._metrics, False),
        }

    @property
    def patterns(self) -> list[str]:
        """The paths that are answered here, as the host takes them."""
        closed = [path for path in _CLOSED if path not in self._routes]
        units = ["/api/v1.0/status/{unit}", "/api/v1.0/metadata/{unit}"]
        return [*self._routes, *units, *closed, *_PREFIXES]

    def is_free(self, path: str) -> bool:
        """Whether a path is answered without the user's code."""
        route = self._routes.get(path.partition("?")[0])
        return route is not None and not route.is_users

    def handle(self, request: HttpRequest) -> HttpAnswer:
        """Answer a request."""
        answer = self._answer(request)
        if self._access is not None:
            self._access.write(request, answer)
        return answer

    def too_large(self, request: HttpRequest) -> HttpAnswer:
        """Refuse a request whose body is longer than may be."""
        info = "the body is longer than [wrapper] max_body_mb allows"
        answer = _with_puid(self._failed(413, info, reason=BAD_DATA), request, False)
        if self._access is not None:
            self._access.write(request, answer)
        return answer

    def _answer(self, request: HttpRequest) -> HttpAnswer:
        path, method = request.path, request.method
        route, is_gateways = self._routes.get(path), False
        if route is None:
            route, is_gateways = self._behind(path)
        if route is None:
            return self._failed(self._shown(404), _NOT_FOUND)
        if method == "OPTIONS":
            return _options(route, request)
        if method not in route.methods and not (method == "HEAD" and "GET" in route.methods):
            allowed = (b"allow", _allowed(route))
            return self._failed(self._shown(405), _NOT_ALLOWED, allowed)
        try:
            answer = route.answer(request)
            if not isinstance(answer, HttpAnswer):
                answer = HttpAnswer(200, [_JSON, _CORS], dump(answer))
        except Exception as fault:
            answer = self._fault(request, fault)
        return _with_puid(answer, request, is_gateways)

    # --- calls ---

    def predict(self, message: Any) -> Any:
        """Answer a message, whoever has brought it. Raises what the user's code raises."""
        return self._json.call(_calls.PREDICT, message)

    def _call(self, kind: _calls.Kind) -> Callable[[HttpRequest], Any]:
        def answer(request: HttpRequest) -> Any:
            return self._json.call(kind, message_of(request, self._passes, self._strict))

        return answer

    def _predict(self, request: HttpRequest) -> Any:
        answer = self._json.call(_calls.PREDICT, message_of(request, self._passes, self._strict))
        if isinstance(answer, (bytes, bytearray)):
            return HttpAnswer(200, [_JSON, _CORS], bytes(answer))
        if self._passes and isinstance(answer, str):
            return HttpAnswer(200, [_JSON, _CORS], answer.encode())
        status = answer.get("status") if isinstance(answer, dict) else None
        code = status.get("code") if isinstance(status, dict) else None
        if isinstance(code, int) and 200 <= code <= 599:
            return HttpAnswer(code, [_JSON, _CORS], dump(answer))
        return answer

    def _feedback(self, request: HttpRequest) -> Any:
        proto = self._proto_calls()
        feedback = proto.feedback_of(message_of(request, False, self._strict))
        return proto.json_of(proto.send_feedback(feedback))

    def _proto_calls(self) -> Any:
        """Made when it is wanted: who serves REST alone needs no protobuf."""
        if self._proto is None:
            from aiges.contracts.seldon._proto_calls import ProtoCalls

            self._proto = ProtoCalls(self._served)
        return self._proto

    def _aggregate(self, request: HttpRequest) -> Any:
        return self._json.aggregate(message_of(request, False, self._strict))

    def _health(self, _request: HttpRequest) -> Any:
        answer = self._json.health()
        return answer if isinstance(answer, dict) else self._proto_calls().json_of(answer)

    # --- pages ---

    def _about(self, _request: HttpRequest) -> Any:
        return self._metadata.get()

    def _openapi(self, _request: HttpRequest) -> Any:
        return document(self._served.unit.name)

    def _ping(self, _request: HttpRequest) -> HttpAnswer:
        return HttpAnswer(200, [(b"content-type", b"text/html; charset=utf-8"), _CORS], b"pong")

    def _empty(self, _request: HttpRequest) -> HttpAnswer:
        return HttpAnswer(200, [_CORS], b"")

    def _metrics(self, _request: HttpRequest) -> HttpAnswer:
        body, kind = self._served.metrics.generate_metrics()
        return HttpAnswer(200, [(b"content-type", kind.encode())], body)

    # --- parts ---

    def _behind(self, path: str) -> tuple[_Route | None, bool]:
        """The route of a path as a gateway's clients say it, and whether it is a gateway's."""
        first, _, rest = path[1:].partition("/")
        if first == "deployment":
            return self._unit_route("/" + rest.partition("/")[2]), True
        if first == "seldon":
            after = "/" + rest.partition("/")[2]
            found = self._unit_route(after)
            if found is None:
                found = self._unit_route("/" + after[1:].partition("/")[2])
            return found, True
        return self._unit_route(path), False

    def _unit_route(self, path: str) -> _Route | None:
        route = self._routes.get(path)
        if route is None:
            begin, _, unit = path.rpartition("/")
            if unit and begin == "/api/v1.0/metadata":
                return self._routes[begin]
            if unit and begin == "/api/v1.0/status":
                return self._routes["/health/status"]
        return route

    def _fault(self, request: HttpRequest, fault: Exception) -> HttpAnswer:
        handled = self._handlers.answer(fault)
        if handled is not None:
            status, fields, data = handled
            return HttpAnswer(status, [*fields, _CORS], data)
        status, body = answer_of(fault)
        if status >= 500:
            _LOG.error("a call failed: %s", fault, exc_info=fault)
            request.note(fault)
        try:
            text = dump(body)
        except (TypeError, ValueError):
            status, body = answer_of(RuntimeError(str(fault)))
            text = dump(body)
        if not isinstance(status, int) or not 200 <= status <= 599:
            status = 500
        return HttpAnswer(status, [_JSON, _CORS], text)

    def _shown(self, status: int) -> int:
        return 500 if self._strict else status

    @staticmethod
    def _failed(
        status: int, info: str, *fields: tuple[bytes, bytes], reason: str = INTERNAL
    ) -> HttpAnswer:
        body = SeldonMicroserviceException(info, reason=reason).to_dict()
        return HttpAnswer(status, [_JSON, _CORS, *fields], dump(body))


def _allowed(route: _Route) -> bytes:
    head = ("HEAD",) if "GET" in route.methods else ()
    return ", ".join(sorted({*route.methods, *head, "OPTIONS"})).encode()


def _options(route: _Route, request: HttpRequest) -> HttpAnswer:
    """What a browser asks before a page of another origin calls."""
    fields = [_CORS, (b"allow", _allowed(route)), (b"content-type", b"text/html; charset=utf-8")]
    if request.get(b"access-control-request-method"):
        fields.append((b"access-control-allow-methods", _ALL_METHODS))
        headers = request.get(b"access-control-request-headers")
        if headers:
            fields.append((b"access-control-allow-headers", headers))
    return HttpAnswer(200, fields, b"")


def _with_puid(answer: HttpAnswer, request: HttpRequest, is_gateways: bool) -> HttpAnswer:
    """Echo the number of the request; a gateway gives one to those that have none."""
    puid = request.get(b"seldon-puid")
    if not puid and is_gateways:
        puid = request.get(b"x-request-id")
    if puid:
        answer.fields.append((b"seldon-puid", puid))
    return answer
