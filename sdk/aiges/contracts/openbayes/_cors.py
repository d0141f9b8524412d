# SPDX-License-Identifier: Apache-2.0
"""Fields for pages of other origins, all of which may call with their credentials."""

from __future__ import annotations

from aiges.contracts._doors import Field
from aiges.contracts._http import HttpRequest

__all__ = ["METHODS", "cors_fields"]

METHODS = ("DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT")
_ALL_METHODS = (b"access-control-allow-methods", ", ".join(METHODS).encode())
_CREDENTIALS = (b"access-control-allow-credentials", b"true")
_VARY = (b"vary", b"Origin")


def cors_fields(request: HttpRequest) -> list[Field]:
    """Return what is added to the answer."""
    origin = request.get(b"origin")
    if not origin:
        return []
    fields: list[Field] = [(b"access-control-allow-origin", origin), _CREDENTIALS]
    if origin != b"*":
        fields.append(_VARY)
    if request.method == "OPTIONS":
        wanted = request.get(b"access-control-request-method").strip().upper()
        if wanted.decode("latin-1") in METHODS:
            if names := request.get(b"access-control-request-headers"):
                each = sorted(name.strip() for name in names.split(b",") if name.strip())
                fields.append((b"access-control-allow-headers", b", ".join(each)))
            fields.append(_ALL_METHODS)
        if request.get(b"access-control-request-private-network") == b"true":
            fields.append((b"access-control-allow-private-network", b"false"))
    return fields
