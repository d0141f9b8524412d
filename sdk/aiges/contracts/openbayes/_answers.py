# SPDX-License-Identifier: Apache-2.0
"""What predict returns, as an answer of HTTP."""

from __future__ import annotations

import base64
import json
import sys
from typing import Any

from aiges._narrow import is_buffer
from aiges.contracts._doors import Field
from aiges.contracts._http import HttpAnswer
from aiges.contracts.openbayes._accept import form_for
from aiges.contracts.openbayes._bodies import JSON, msgpack
from aiges.contracts.openbayes._refused import JSON_TYPE, NOT_ACCEPTED, Refused

__all__ = ["BadResult", "answer_of", "check_accept", "plain", "with_fields"]

_MSGPACK_TYPE = (b"content-type", b"application/msgpack")
_TEXT_TYPE = (b"content-type", b"text/plain; charset=utf-8")
_IMAGES = ((b"\x89PNG", b"image/png"), (b"\xff\xd8\xff", b"image/jpeg"))
_JSON_HEAD: list[Field] = [JSON_TYPE]
_MSGPACK_HEAD: list[Field] = [_MSGPACK_TYPE]
_TEXT_HEAD: list[Field] = [_TEXT_TYPE]


class BadResult(TypeError):
    """predict returned what no answer can be made of."""


def plain(value: Any) -> Any:
    """Return what numpy has, as Python has it. Raises TypeError."""
    numpy = sys.modules.get("numpy")
    if numpy is not None:
        if isinstance(value, numpy.ndarray):
            return value.tolist()
        if isinstance(value, numpy.generic):
            return value.item()
    raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")


def _json_of(value: Any) -> Any:
    """Return what json cannot write, as it can."""
    if is_buffer(value):
        return base64.b64encode(value).decode("ascii")
    return plain(value)


# What goes round in circles is found by its depth.
_encode = json.JSONEncoder(default=_json_of, check_circular=False).encode


def check_accept(accept: bytes) -> None:
    """Refuse a client that takes no form of a structure."""
    if accept and not form_for(accept):
        raise Refused(NOT_ACCEPTED)


def _structure(value: Any, accept: bytes) -> HttpAnswer:
    form = form_for(accept) if accept else JSON
    if form == JSON:
        return HttpAnswer(200, _JSON_HEAD, _encode(value).encode("ascii"))
    if not form:
        raise Refused(NOT_ACCEPTED)
    return HttpAnswer(200, _MSGPACK_HEAD, msgpack().packb(value, default=plain))


def _bytes(value: bytes) -> HttpAnswer:
    for mark, kind in _IMAGES:
        if value.startswith(mark):
            return HttpAnswer(200, [(b"content-type", kind)], value)
    return HttpAnswer(200, [(b"content-type", b"application/octet-stream")], value)


def answer_of(result: Any, accept: bytes, strict: bool) -> HttpAnswer | None:
    """Return the answer, or None for what is Flask's to answer. Raises Refused, BadResult."""
    if isinstance(result, (dict, list, tuple)):
        return _structure(result, accept)
    if isinstance(result, bytes):
        return _bytes(result)
    if isinstance(result, str):
        return HttpAnswer(200, _TEXT_HEAD, result.encode("utf-8"))
    if callable(result):
        return None
    if not strict:
        if is_buffer(result):
            return _bytes(bytes(result))
        if result is None or isinstance(result, (bool, int, float)):
            return _structure(result, accept)
        numpy = sys.modules.get("numpy")
        if numpy is not None and isinstance(result, (numpy.ndarray, numpy.generic)):
            return _structure(plain(result), accept)
    raise BadResult(
        "predict: expected to return a dict, list, tuple, str, bytes, number, None, numpy array "
        f"or flask.Response, got {type(result).__name__}"
    )


def with_fields(answer: HttpAnswer, fields: list[Field]) -> HttpAnswer:
    """Return the answer with more fields."""
    return answer._replace(fields=[*answer.fields, *fields])
