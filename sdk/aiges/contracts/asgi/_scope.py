# SPDX-License-Identifier: Apache-2.0
"""What an ASGI application is told of a call, and what of its messages goes to the host."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any, Callable
from urllib.parse import unquote_to_bytes

from aiges.contracts._doors import DoorCall, SocketCall

__all__ = ["ASGI", "App", "Message", "fields_of", "head_of", "scope_of"]

Message = dict[str, Any]
App = Callable[..., Awaitable[None]]

ASGI = {"version": "3.0", "spec_version": "2.4"}
_DEFAULT_PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443}


def scope_of(call: DoorCall, state: dict[str, Any] | None) -> Message:
    pseudo = call.pseudo
    target = pseudo["path"]
    path, _, query = target.partition("?")
    raw = path.encode("latin-1")
    scheme = pseudo.get("scheme") or "http"
    authority = pseudo.get("authority", "")
    headers = call.fields
    if authority:
        headers.insert(0, (b"host", authority.encode("latin-1")))
    websocket = isinstance(call, SocketCall)
    if websocket:
        scheme = "wss" if scheme == "https" else "ws"
    scope: Message = {
        "type": "websocket" if websocket else "http",
        "asgi": ASGI,
        "http_version": "2" if pseudo["version"] == "2" else "1.1",
        "scheme": scheme,
        "path": unquote_to_bytes(raw).decode("utf-8", "replace"),
        "raw_path": raw,
        "query_string": query.encode("latin-1"),
        "root_path": pseudo.get("root", ""),
        "headers": headers,
        "client": _address(pseudo["client"]),
        "server": _server(authority, int(pseudo["port"]), scheme),
    }
    if websocket:
        scope["subprotocols"] = _subprotocols(headers)
        scope["extensions"] = {"websocket.http.response": {}}
    else:
        scope["method"] = pseudo["method"]
        scope["extensions"] = {"http.response.trailers": {}}
    if "caller" in pseudo:
        scope["extensions"]["aiges.caller"] = {"name": pseudo["caller"]}
    if state is not None:
        scope["state"] = state.copy()
    return scope


def _subprotocols(headers: list[tuple[bytes, bytes]]) -> list[str]:
    given = b",".join(value for name, value in headers if name == b"sec-websocket-protocol")
    return [each.strip() for each in given.decode("latin-1").split(",") if each.strip()]


def _address(text: str) -> tuple[str, int] | None:
    name, _, port = text.rpartition(":")
    return (name.strip("[]"), int(port)) if port.isdigit() else None


def _server(authority: str, port: int, scheme: str) -> tuple[str, int | None]:
    name, _, given = authority.rpartition(":")
    if not given.isdigit() or (name.count(":") and not name.endswith("]")):
        name = authority
    return (name.strip("[]"), port or _DEFAULT_PORTS.get(scheme))


def head_of(message: Message) -> list[tuple[bytes, bytes]]:
    status = int(message["status"])
    return [(b":status", b"%d" % status), *fields_of(message.get("headers", ()))]


def fields_of(given: Any) -> list[tuple[bytes, bytes]]:
    return [(bytes(name).lower(), bytes(value).strip()) for name, value in given]
