# SPDX-License-Identifier: Apache-2.0
"""One request as predict's parameters see it."""

from __future__ import annotations

from typing import Any, Callable

from aiges.contracts._doors import Field
from aiges.contracts._http import HttpRequest
from aiges.contracts.openbayes._bodies import BYTES, JSON, kind_of, mimetype, parsed, structured
from aiges.contracts.openbayes._refused import Refused
from aiges.contracts.openbayes._values import Headers, Params

__all__ = ["Call", "getters", "head_of"]

_TYPE = b"content-type"
_FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")


def head_of(request: HttpRequest) -> list[Field]:
    """Return the head as the client has sent it, Host with it."""
    authority = request.pseudo.get("authority")
    if authority is None or request.get(b"host"):
        return request.fields
    return [(b"host", authority.encode("latin-1")), *request.fields]


class Call:
    """``head``: its fields by name; ``flask``: Flask's request, where there is one."""

    __slots__ = ("_params", "flask", "head", "request")

    def __init__(self, request: HttpRequest) -> None:
        self.request = request
        head = dict(request.fields)
        if len(head) != len(request.fields):  # Repeated: as one, with commas.
            head = {}
            for name, value in request.fields:
                head[name] = head[name] + b"," + value if name in head else value
        self.head: dict[bytes, bytes] = head
        self.flask: Any = None
        self._params: Params | None = None

    @property
    def params(self) -> Params:
        """The query, once."""
        if self._params is None:
            self._params = Params(self.request.query)
        return self._params


def _json(call: Call) -> Any:
    return structured(kind_of(call.head.get(_TYPE, b"")), call.request.body)


def _payload(call: Call) -> Any:
    """JSON that cannot be read is bytes, as the users' manual says."""
    kind = kind_of(call.head.get(_TYPE, b""))
    if kind == BYTES:
        return call.request.body
    try:
        return parsed(kind, call.request.body)
    except Refused:
        if kind != JSON:
            raise
        return call.request.body


def _payload_strict(call: Call) -> Any:
    kind = kind_of(call.head.get(_TYPE, b""))
    return call.request.body if kind == BYTES else parsed(kind, call.request.body)


def _data_strict(call: Call) -> bytes:
    """A form was read by others, who left nothing."""
    return b"" if mimetype(call.head.get(_TYPE, b"")) in _FORMS else call.request.body


_COMMON: dict[str, Callable[[Call], Any]] = {
    "json": _json,
    "payload": _payload,
    "data": lambda call: call.request.body,
    "params": lambda call: call.params,
    "args": lambda call: call.params,
    "headers": lambda call: Headers(head_of(call.request)),
    "request": lambda call: call.flask,
}
_STRICT = {**_COMMON, "payload": _payload_strict, "data": _data_strict}


def getters(strict: bool) -> dict[str, Callable[[Call], Any]]:
    """Return what makes the value of each tag."""
    return _STRICT if strict else _COMMON
