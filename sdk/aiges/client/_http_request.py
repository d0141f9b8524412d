# SPDX-License-Identifier: Apache-2.0
"""What is sent over HTTP: inputs as JSON or as a form, at the path of the model. No I/O."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode

from aiges.client._content import JSON
from aiges.client._inputs import Input, json_text, part_type, plain
from aiges.client._options import Options

__all__ = ["EVENTS", "Request", "Route", "body_request", "look_request", "predict_request"]

EVENTS = "text/event-stream"
PIECE = 1 << 18
OPEN_API = "/-/openapi.json"


class Route(NamedTuple):
    """Where a model is called. ``typed``: by a path of its own (``/predict``), which takes inputs
    as they are; otherwise by the loader's, where text and files are payloads, and numbers
    parameters.
    """

    typed: bool
    where: str  # A path; or the name of the service.


@dataclass(frozen=True)
class Request:
    """``body`` has pieces: bytes, and files that are read when it is sent."""

    method: str
    path: str
    headers: dict[str, str] = field(default_factory=dict)
    body: tuple[bytes | Path, ...] = ()

    def size(self) -> int:
        """Return the bytes of the body. Raises OSError."""
        return sum(p.stat().st_size if isinstance(p, Path) else len(p) for p in self.body)

    def pieces(self) -> Iterator[bytes]:
        """Yield the body. Raises OSError."""
        for piece in self.body:
            if isinstance(piece, Path):
                with open(piece, "rb") as file:
                    while data := file.read(PIECE):
                        yield data
            else:
                yield piece

    def whole(self) -> bytes | None:
        """Return the body where it is in memory, in one piece; None: read ``pieces``."""
        if any(isinstance(piece, Path) for piece in self.body):
            return None
        return b"".join(piece for piece in self.body if isinstance(piece, bytes))


def _quoted(name: str) -> str:
    return name.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")


def _form(parts: list[tuple[Input, bool]]) -> tuple[str, tuple[bytes | Path, ...]]:
    """Return the type and the pieces of a form; True: the part has the name of a file."""
    boundary = secrets.token_hex(16)
    pieces: list[bytes | Path] = []
    head = ""
    for item, is_file in parts:
        head += f'--{boundary}\r\nContent-Disposition: form-data; name="{_quoted(item.name)}"'
        if is_file:
            head += f'; filename="{_quoted(item.filename or item.name)}"'
        if is_file or not isinstance(item.value, str):
            head += f"\r\nContent-Type: {part_type(item)}"
        pieces.append(f"{head}\r\n\r\n".encode())
        pieces.append(item.field_text().encode() if item.data is None else item.data)
        head = "\r\n"
    pieces.append(f"\r\n--{boundary}--\r\n".encode())
    return f"multipart/form-data; boundary={boundary}", tuple(pieces)


def _common(options: Options, events: bool) -> dict[str, str]:
    headers = {"Accept": EVENTS if events else options.accept or "*/*", **options.headers}
    if options.request_id:
        headers["X-Request-Id"] = options.request_id
    return headers


def _target(path: str, query: Mapping[str, str]) -> str:
    return f"{path}?{urlencode(query)}" if query else path


def _deadline(timeout_s: float | None) -> dict[str, str]:
    """Return the key of the query that tells the loader how long somebody waits."""
    if timeout_s is None or not timeout_s < 1e6:
        return {}
    return {"timeout_ms": str(max(1, int(timeout_s * 1000)))}


def predict_request(
    route: Route,
    prefix: str,
    inputs: list[Input],
    options: Options,
    timeout_s: float | None,
    events: bool,
) -> Request:
    """Return the request that calls the model there. ``timeout_s``: told to the loader."""
    if not route.typed:
        return _payload_request(route, prefix, inputs, options, timeout_s, events)
    headers = _common(options, events)
    path = _target(prefix + route.where, {**options.params, **_deadline(timeout_s)})
    if any(item.data is not None for item in inputs):
        kind, body = _form([(item, item.data is not None) for item in inputs])
    else:
        values = {item.name: item.value for item in inputs}
        kind, body = JSON, (json_text(values, "inputs").encode(),)
    return Request("POST", path, {"Content-Type": kind, **headers}, body)


def _payload_request(
    route: Route,
    prefix: str,
    inputs: list[Input],
    options: Options,
    timeout_s: float | None,
    events: bool,
) -> Request:
    """As over gRPC: what is no number is a payload. A part with a file name is always one."""
    scalars = [item for item in inputs if item.is_scalar]
    others = [item for item in inputs if not item.is_scalar]
    if not others:
        others, scalars = scalars, []
    query = {f"p.{item.name}": item.field_text() for item in scalars}
    query.update({f"p.{name}": value for name, value in options.params.items()})
    query.update(_deadline(timeout_s))
    kind, body = _form([(item, True) for item in others])
    # Events of this path are values; the answer of the other is the output itself.
    way = "json" if events else "raw"
    path = _target(f"{prefix}/v1/{way}/{quote(route.where, safe='')}", query)
    return Request("POST", path, {"Content-Type": kind, **_common(options, events)}, body)


def body_request(
    path: str, json: Any, data: bytes | None, headers: Mapping[str, str] | None
) -> Request:
    """Return the request that posts ``data``, else ``json``. Raises ValueError and TypeError."""
    kind = {} if data is not None else {"Content-Type": JSON}
    body = data if data is not None else json_text(plain(json, "json"), "json").encode()
    return Request("POST", path, {**kind, **(headers or {})}, (body,))


def look_request(prefix: str) -> Request:
    """Return the request for the loader's own description: which service it has."""
    return Request("GET", prefix + OPEN_API, {"Accept": JSON})
