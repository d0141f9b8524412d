# SPDX-License-Identifier: Apache-2.0
"""Calls of the host's own protocols, as the POST that they stand for."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

from aiges.contracts._http import HttpAnswer, HttpRequest
from aiges.contracts._once import OTHER, TEXT, only_input, result_of
from aiges.contracts.openbayes._bodies import JSON, kind_of
from aiges.errors import BadInput

__all__ = ["once_request", "once_result"]

_OWN = ("sid",)


class _NoCall:
    """In place of a call of HTTP."""

    gone, tag = False, ""


def once_request(params: dict[str, Any], data: Any) -> HttpRequest:
    """Return the request: the one input as its body, the parameters as its query."""
    body = bytes(only_input(data, "the body of POST /")["data"])
    said = str(params.get("content-type", "")).encode("latin-1", "replace")
    kind = said or (b"application/json" if _is_json(body) else b"application/octet-stream")
    query = urlencode({name: str(value) for name, value in params.items() if name not in _OWN})
    path = f"/?{query}" if query else "/"
    pseudo = {"method": "POST", "path": path, "client": ":0", "authority": "localhost"}
    call: Any = _NoCall()
    return HttpRequest(call, pseudo, [(b"content-type", kind)], body)


def _is_json(body: bytes) -> bool:
    try:
        json.loads(body)
    except (ValueError, RecursionError):
        return False
    return True


def once_result(answer: HttpAnswer) -> Any:
    """Return the answer's body as the one result. What is no success raises."""
    body = answer.body
    whole = body if isinstance(body, (bytes, bytearray, memoryview)) else b"".join(body)
    if 400 <= answer.status < 500:
        raise BadInput(bytes(whole).decode("utf-8", "replace"))
    if answer.status >= 500:
        raise RuntimeError(f"{answer.status} {bytes(whole).decode('utf-8', 'replace')}")
    kind = dict(answer.fields).get(b"content-type", b"")
    is_json = kind_of(kind) == JSON
    is_text = is_json or kind.startswith(b"text/")
    return result_of(bytes(whole), TEXT if is_text else OTHER, is_json=is_json)
