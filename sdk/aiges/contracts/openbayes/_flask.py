# SPDX-License-Identifier: Apache-2.0
"""Flask, for code that asks for it: its request, and what it makes of what such code returns.

Imported only where the user's program names Flask, or asks for ``request``.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator
from typing import Any, Callable
from urllib.parse import unquote_to_bytes

from aiges.contracts._doors import Field
from aiges.contracts._http import HttpAnswer, HttpRequest
from aiges.contracts.openbayes._call import head_of

__all__ = ["FlaskSide", "http_exception", "is_loaded", "names_flask", "page_of"]

_NO_CONTENT = (204, 304)


def is_loaded() -> bool:
    """Tell whether the user's code has imported Flask."""
    return "flask" in sys.modules


def names_flask(file: str | None) -> bool:
    """Tell whether a program names Flask, which it may import later, in a call."""
    if not file:
        return False
    try:
        with open(file, "rb") as program:
            return b"flask" in program.read(1 << 20)
    except OSError:
        return False


def http_exception(fault: BaseException) -> Any:
    """Return it where it is one of werkzeug's (``abort(404)``), else None."""
    module = sys.modules.get("werkzeug.exceptions")
    if module is None or not isinstance(fault, module.HTTPException):
        return None
    return fault


class FlaskSide:
    """An application of Flask that has no routes: the place where requests of Flask live."""

    def __init__(self) -> None:
        from flask import Flask

        self.app = Flask("model-serving", root_path=os.getcwd())

    def context(self, request: HttpRequest) -> Any:
        """Return the context of a request, to be entered around what uses it."""
        return self.app.request_context(_environ(request))

    def answer(self, result: Any) -> HttpAnswer:
        """Return what Flask makes of what predict has returned. Within a context."""
        from flask import request

        response = self.app.make_response(result)
        response = self.app.process_response(response)
        return _answer_of(response, request.environ)


def page_of(fault: Any) -> HttpAnswer:
    """Return the page of an exception of werkzeug, in werkzeug's words."""
    return _answer_of(fault.get_response(), {"REQUEST_METHOD": "POST"})


class _Stream:
    """The body of a response, made piece by piece."""

    def __init__(self, pieces: Any, close: Callable[[], object]) -> None:
        self._pieces, self._close = pieces, close

    def __iter__(self) -> Iterator[bytes]:
        for piece in self._pieces:
            yield piece if isinstance(piece, bytes) else piece.encode()

    def close(self) -> None:
        """End what makes the pieces."""
        self._close()


def _answer_of(response: Any, environ: dict[str, Any]) -> HttpAnswer:
    said: list[str] = []
    heads: list[tuple[str, str]] = []

    def start(status: str, fields: list[tuple[str, str]], _exc: Any = None) -> None:
        said.append(status)
        heads.extend(fields)

    whole = response.is_sequence if hasattr(response, "is_sequence") else False
    pieces = response(environ, start)
    status = int(said[0].partition(" ")[0])
    fields: list[Field] = [
        (name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in heads
    ]
    close = getattr(pieces, "close", lambda: None)
    if whole or status in _NO_CONTENT:
        body = b"".join(pieces)
        close()
        return HttpAnswer(status, fields, body)
    return HttpAnswer(status, fields, _Stream(pieces, close))


def _environ(request: HttpRequest) -> dict[str, Any]:
    """Return the request as WSGI has it (PEP 3333)."""
    path, _, query = request.pseudo["path"].partition("?")
    host, _, port = request.pseudo.get("authority", "localhost:").rpartition(":")
    client, _, client_port = request.client.rpartition(":")
    environ: dict[str, Any] = {
        "REQUEST_METHOD": request.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(path).decode("latin-1"),
        "QUERY_STRING": query,
        "SERVER_NAME": host or "localhost",
        "SERVER_PORT": request.pseudo.get("port", port),
        "SERVER_PROTOCOL": f"HTTP/{request.pseudo.get('version', '1.1')}",
        "REMOTE_ADDR": client.strip("[]"),
        "REMOTE_PORT": client_port,
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": request.pseudo.get("scheme", "http"),
        "wsgi.input": io.BytesIO(request.body),
        "wsgi.input_terminated": True,
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
    for name, value in head_of(request):
        text = value.decode("latin-1")
        key = name.decode("latin-1").upper().replace("-", "_")
        key = key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"
        environ[key] = f"{environ[key]},{text}" if key in environ else text
    environ["CONTENT_LENGTH"] = str(len(request.body))
    if request.body == b"" and not request.get(b"content-length"):
        environ.pop("CONTENT_LENGTH")
    return environ
