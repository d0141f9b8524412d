# SPDX-License-Identifier: Apache-2.0
"""Bodies of requests, by their content type: JSON, MessagePack, or bytes."""

from __future__ import annotations

import functools
import importlib
import json
import re
from typing import Any

from aiges.contracts.openbayes._refused import BAD_JSON, BAD_MSGPACK, NOT_STRUCTURED, Refused

__all__ = ["BYTES", "JSON", "MSGPACK", "kind_of", "mimetype", "msgpack", "parsed", "structured"]

JSON, MSGPACK, BYTES = "json", "msgpack", "bytes"
# What follows the name is not looked at: application/json+x is JSON, application/x-json is not.
_NAME = re.compile(r"application/([a-z0-9.\-]+)")
_KINDS = {
    "json": JSON,
    "msgpack": MSGPACK,
    "x-msgpack": MSGPACK,
    "vnd.msgpack": MSGPACK,
    "vnd.messagepack": MSGPACK,
}
_SPACE = " \t\n\r"
_read = json.JSONDecoder().raw_decode


def mimetype(field: bytes) -> str:
    """Return a content type without its parameters, in small letters."""
    return field.partition(b";")[0].strip().decode("latin-1").lower()


@functools.lru_cache(maxsize=256)
def kind_of(field: bytes) -> str:
    """Return how a body of that content type is read."""
    found = _NAME.match(mimetype(field))
    return _KINDS.get(found.group(1), BYTES) if found else BYTES


@functools.lru_cache(maxsize=1)
def msgpack() -> Any:
    """Return the package, which only those need who speak it."""
    return importlib.import_module("msgpack")


def parsed(kind: str, body: bytes) -> Any:
    """Return what JSON or MessagePack says. Raises Refused."""
    if kind == MSGPACK:
        unpack = msgpack().unpackb
        try:
            return unpack(body, raw=False)
        except Exception as fault:
            raise Refused(BAD_MSGPACK) from fault
    try:
        if body[:1] in b'{["' and body[1:2] != b"\0":  # UTF-8 without a mark, as nearly all is.
            text = body.decode("utf-8", "surrogatepass")
            value, end = _read(text)
            if end == len(text) or not text[end:].strip(_SPACE):
                return value
            raise Refused(BAD_JSON)
        return json.loads(body)
    except (ValueError, RecursionError) as fault:
        raise Refused(BAD_JSON) from fault


def structured(kind: str, body: bytes) -> Any:
    """Return what ``json`` is. Raises Refused."""
    if kind == BYTES:
        raise Refused(NOT_STRUCTURED)
    return parsed(kind, body)
