# SPDX-License-Identifier: Apache-2.0
"""What a request says, wherever it says it: a form, a query, a body of JSON."""

from __future__ import annotations

import base64
import json
from typing import Any, Protocol
from urllib.parse import parse_qs

from aiges.contracts.seldon._errors import bad_data
from aiges.contracts.seldon._multipart import parts_of

__all__ = ["Asked", "message_of"]

_NONE = "Can't find JSON in data"
_MOST_FIELDS = 1000


class Asked(Protocol):
    """What of a request is read here (aiges.contracts._http.HttpRequest)."""

    body: bytes

    @property
    def query(self) -> str: ...
    def get(self, name: bytes, default: bytes = b"") -> bytes: ...


def message_of(request: Asked, passes: bool, strict: bool) -> Any:
    """Return the message: what JSON says, or with ``passes`` the body as it came.

    ``strict``: a body counts as JSON only where its Content-Type says so. Raises ValueError where a
    field of a form is no JSON, and SeldonMicroserviceException.
    """
    kind = request.get(b"content-type").decode("latin-1")
    plain = kind.partition(";")[0].strip().lower()
    if plain == "application/json" and not request.query and not passes:
        return _json_of(request.body)  # Nearly all of them.
    if "multipart/form-data" in kind:
        return _form_of(kind, request.body)
    text = _field_of(plain, request)
    if text is not None:
        return text if passes else _loaded(text)
    if passes:
        return request.body
    if strict and not (plain == "application/json" or _is_json_like(plain)):
        raise bad_data(_NONE)
    return _json_of(request.body)


def _is_json_like(kind: str) -> bool:
    return kind.startswith("application/") and kind.endswith("+json")


def _json_of(body: bytes) -> Any:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        raise bad_data(_NONE) from None
    if found is None:
        raise bad_data(_NONE)
    return found


def _loaded(text: str) -> Any:
    """What a field of a form says. Raises ValueError where it is no JSON."""
    try:
        return json.loads(text)
    except RecursionError:
        raise bad_data(_NONE) from None


def _field_of(kind: str, request: Asked) -> str | None:
    """The field ``json`` of a form, else of the query."""
    if kind == "application/x-www-form-urlencoded" and b"json=" in request.body:
        found = _first(request.body.decode("utf-8", "replace"))
        if found is not None:
            return found
    return _first(request.query) if "json" in request.query else None


def _first(text: str) -> str | None:
    try:
        found = parse_qs(text, keep_blank_values=True, max_num_fields=_MOST_FIELDS)
    except ValueError:
        raise bad_data(f"expected at most {_MOST_FIELDS} fields in a form or a query") from None
    return found["json"][0] if "json" in found else None


def _form_of(kind: str, body: bytes) -> dict[str, Any]:
    found: dict[str, Any] = {}
    try:
        parts = parts_of(kind, body)
    except ValueError as fault:
        raise bad_data(str(fault)) from None
    for part in parts:
        if part.file is None and part.name not in found:
            text = part.data.decode("utf-8", "replace")
            found[part.name] = text if part.name == "strData" else _loaded(text)
    for part in parts:
        if part.file is not None:
            if part.name == "binData":
                found[part.name] = base64.b64encode(part.data)
            else:
                found[part.name] = part.data.decode("utf-8")
    return found
