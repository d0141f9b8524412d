# SPDX-License-Identifier: Apache-2.0
"""HTTP of a service: which path is which call, compressed bodies, and how errors look."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable
from typing import NamedTuple

from aiges.contracts._http import HttpAnswer, HttpRequest
from aiges.contracts.paddle.server._pages import Answer, page, text

__all__ = ["Routes"]

_LEAST_PACKED = 512  # Bytes of an answer that is worth it.
Handler = Callable[[HttpRequest, bytes], Answer]


class Route(NamedTuple):
    """What answers a path."""

    methods: tuple[str, ...]
    handle: Handler


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
        return HttpAnswer(*page(413))

    def handle(self, request: HttpRequest) -> HttpAnswer:
        """Answer a request."""
        return HttpAnswer(*self._answer(request))

    def _answer(self, request: HttpRequest) -> Answer:
        route = self._routes.get(request.path)
        if route is None:
            return page(404)
        if request.method not in route.methods:
            allowed = ", ".join(sorted({*route.methods, "OPTIONS"})).encode()
            if request.method == "OPTIONS":
                return Answer(200, [(b"allow", allowed)], b"")
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


def _packed(request: HttpRequest, answer: Answer) -> Answer:
    body = answer.body
    if len(body) < _LEAST_PACKED:
        return answer
    if not any(
        each.partition(b";")[0].strip() == b"gzip" and b"q=0" not in each.replace(b"q=0.", b"")
        for each in request.get(b"accept-encoding").lower().split(b",")
    ):
        return answer
    fields = [*answer.fields, (b"content-encoding", b"gzip"), (b"vary", b"accept-encoding")]
    return Answer(answer.status, fields, gzip.compress(body, 1))
