# SPDX-License-Identifier: Apache-2.0
"""HTTP of a service: which path is which call, compressed bodies, and how errors look."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable
from typing import NamedTuple

from aiges.contracts._doors import Field
from aiges.contracts._http import HttpAnswer, HttpRequest

__all__ = ["JSON", "PROTO", "Routes", "page", "text"]

JSON, PROTO = b"application/json", b"application/proto"
_LEAST_PACKED = 512  # Bytes of an answer that is worth it.
_PAGES = {
    400: (
        "Bad Request",
        "The browser (or proxy) sent a request that this server could not understand.",
    ),
    404: (
        "Not Found",
        "The requested URL was not found on the server. If you entered the URL manually please "
        "check your spelling and try again.",
    ),
    405: ("Method Not Allowed", "The method is not allowed for the requested URL."),
    413: ("Request Entity Too Large", "The data value transmitted exceeds the capacity limit."),
    500: (
        "Internal Server Error",
        "The server encountered an internal error and was unable to complete your request. Either "
        "the server is overloaded or there is an error in the application.",
    ),
}
Handler = Callable[[HttpRequest, bytes], HttpAnswer]


class Route(NamedTuple):
    """What answers a path."""

    methods: tuple[str, ...]
    handle: Handler


def text(status: int, said: str) -> HttpAnswer:
    """Return an answer in plain words."""
    return HttpAnswer(status, [(b"content-type", b"text/plain")], said.encode(errors="replace"))


def page(status: int, *fields: Field) -> HttpAnswer:
    """Return the page of an error, as Flask has it."""
    name, words = _PAGES[status]
    made = (
        f"<!doctype html>\n<html lang=en>\n<title>{status} {name}</title>\n<h1>{name}</h1>\n"
        f"<p>{words}</p>\n"
    )
    head: list[Field] = [(b"content-type", b"text/html; charset=utf-8"), *fields]
    return HttpAnswer(status, head, made.encode())


class Routes:
    """Answers requests by their path. Threads: any, once all paths are there."""

    def __init__(self, most_body: int) -> None:
        self._most = most_body
        self._routes: dict[str, Route] = {}

    def add(self, path: str, handle: Handler, methods: tuple[str, ...] = ("POST",)) -> None:
        """Let a path be answered by a function of the request and its body."""
        self._routes[path] = Route(methods, handle)

    @property
    def paths(self) -> list[str]:
        """All of them."""
        return list(self._routes)

    def too_large(self, _request: HttpRequest) -> HttpAnswer:
        """Refuse a body that is longer than may be."""
        return page(413)

    def handle(self, request: HttpRequest) -> HttpAnswer:
        """Answer a request."""
        route = self._routes.get(request.path)
        if route is None:
            return page(404)
        if request.method not in route.methods:
            allowed = ", ".join(sorted({*route.methods, "OPTIONS"})).encode()
            if request.method == "OPTIONS":
                return HttpAnswer(200, [(b"allow", allowed)], b"")
            return page(405, (b"allow", allowed))
        try:
            body = self._body(request)
        except OverflowError:
            return page(413)
        except ValueError as fault:
            return text(400, str(fault))
        return _packed(request, route.handle(request, body))

    def _body(self, request: HttpRequest) -> bytes:
        coding = request.get(b"content-encoding").strip().lower()
        if coding in (b"", b"identity"):
            return request.body
        if coding != b"gzip":
            raise ValueError(f"Content-Encoding: expected gzip, got {coding.decode('latin-1')}")
        inflate = zlib.decompressobj(zlib.MAX_WBITS | 16)
        try:
            made = inflate.decompress(request.body, self._most + 1)
        except zlib.error as fault:
            raise ValueError(f"expected a body in gzip: {fault}") from None
        if len(made) > self._most:
            raise OverflowError
        if not inflate.eof:
            raise ValueError("expected a body in gzip, it ends early")
        return made


def _packed(request: HttpRequest, answer: HttpAnswer) -> HttpAnswer:
    body = answer.body
    if not isinstance(body, bytes) or len(body) < _LEAST_PACKED:
        return answer
    if not any(
        each.partition(b";")[0].strip() == b"gzip" and b"q=0" not in each.replace(b"q=0.", b"")
        for each in request.get(b"accept-encoding").lower().split(b",")
    ):
        return answer
    fields = [*answer.fields, (b"content-encoding", b"gzip"), (b"vary", b"accept-encoding")]
    return HttpAnswer(answer.status, fields, gzip.compress(body, 1))
