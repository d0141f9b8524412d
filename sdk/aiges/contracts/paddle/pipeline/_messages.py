# SPDX-License-Identifier: Apache-2.0
"""Requests and answers of pipelines, and their forms: protobuf of all versions, and JSON.

Without tensors they are read and written here, which takes less time than a message object. The
messages themselves are made at run time (:func:`messages`), for tensors and for clients.
"""

from __future__ import annotations

import functools
import importlib
import json
import re
import secrets
from json.encoder import encode_basestring as quoted
from typing import Any

from aiges.contracts.paddle import _wire

__all__ = [
    "METHOD",
    "SERVICE",
    "BadRequest",
    "Request",
    "Response",
    "from_json",
    "from_wire",
    "messages",
    "old_messages",
    "to_json",
    "to_wire",
]

SERVICE = "baidu.paddle_serving.pipeline_serving.PipelineService"
METHOD = f"/{SERVICE}/inference"

_PACKAGE = "baidu.paddle_serving.pipeline_serving"
_TENSOR = """
Tensor 1:int64_data*:int64 2:float_data*:float 3:int_data*:int32 4:float64_data*:double \
 5:uint32_data*:uint32 6:bool_data*:bool 7:complex64_data*:float 8:complex128_data*:double \
 9:str_data*:string 10:byte_data:bytes 20:elem_type:int32 21:shape*:int32 22:lod*:int32 \
 23:name:string
"""
_NEW = """
Request 1:key*:string 2:value*:string 3:tensors*:Tensor 4:name:string 5:method:string \
 6:logid:int64 7:clientip:string
Response 1:err_no:int32 2:err_msg:string 3:key*:string 4:value*:string 5:tensors*:Tensor
"""
_OLD = """
Request 1:key*:string 2:value*:string 3:name:string 4:method:string 5:logid:int64 6:clientip:string
Response 1:err_no:int32 2:err_msg:string 3:key*:string 4:value*:string
"""
_SCALARS = ("name", "method", "clientip")
_LARGE, _LONG_TEXT, _MOST_TEXTS = 64 << 10, 16 << 10, 1000
_STANDS_FOR = secrets.token_hex(16)
_BASE64 = re.compile(r"(?:[A-Za-z0-9+/_-]\s*)*")


class BadRequest(ValueError):
    """What is no request in this form."""


class Request:
    """What a client asks. ``is_old``: in the numbers of 0.4 to 0.6."""

    __slots__ = ("clientip", "is_old", "key", "logid", "method", "name", "tensors", "value")

    def __init__(self, key: list[str], value: list[str], name: str = "", method: str = "") -> None:
        self.key, self.value, self.name, self.method = key, value, name, method
        self.tensors: Any = ()
        self.logid, self.clientip, self.is_old = 0, "", False


class Response:
    """What it is answered."""

    __slots__ = ("err_msg", "err_no", "key", "tensors", "value")

    def __init__(
        self,
        err_no: int = 0,
        err_msg: str = "",
        key: list[str] | None = None,
        value: list[str] | None = None,
    ) -> None:
        self.err_no, self.err_msg = err_no, err_msg
        self.key, self.value = key or [], value or []
        self.tensors: Any = ()


@functools.cache
def messages() -> Any:
    """Return the messages of 0.7 and later."""
    return _wire.Messages(_PACKAGE, _TENSOR.rstrip() + _NEW, "proto3")


@functools.cache
def old_messages() -> Any:
    """Return those of 0.4 to 0.6."""
    return _wire.Messages(_PACKAGE, _OLD, "proto3")


# --- JSON ---


def from_json(body: bytes, name: str, method: str) -> Request:
    """Return the request that a body and a path say. Raises BadRequest."""
    if not body or body.isspace():
        return Request([], [], name, method)
    try:
        said = json.loads(body) if len(body) < _LARGE or b"\\" in body else _loads_large(body)
    except (ValueError, RecursionError) as fault:
        raise BadRequest(str(fault)) from None
    if said is None:
        return Request([], [], name, method)
    if type(said) is not dict:
        raise BadRequest(f"expected an object, got {type(said).__name__}")
    key, value = said.get("key"), said.get("value")
    made = Request(_strings("key", key), _strings("value", value), name, method)
    if len(said) > (key is not None) + (value is not None):
        _add_rest(made, said)
    return made


def _cut(body: bytes) -> tuple[list[bytes], dict[str, str]]:
    """Return the body with words in place of long texts, and these texts by their words."""
    pieces: list[bytes] = []
    long: dict[str, str] = {}
    whole = memoryview(body)  # Each copy of a large text costs as much as reading it.
    taken = at = 0
    for number in range(_MOST_TEXTS):
        begin = body.find(b'"', at) + 1
        end = body.find(b'"', begin) if begin else -1
        if end < 0:
            pieces.append(body[taken:])
            return pieces, long
        if end - begin >= _LONG_TEXT:
            word = f"{_STANDS_FOR}{number}"
            long[word] = str(whole[begin:end], "utf-8")
            pieces += (body[taken:begin], word.encode())
            taken = end
        at = end + 1
    return [], {}


def _loads_large(body: bytes) -> Any:
    """Read JSON without backslashes whose texts are long: pictures in base64.

    Long texts are not looked at character by character: while the rest is parsed, other words
    stand in their place.
    """
    pieces, long = _cut(body)
    if not long:
        return json.loads(body)
    said = json.loads(b"".join(pieces))
    if type(said) is dict and type(said.get("value")) is list:
        value = said["value"]
        said["value"] = [long.pop(e, e) if type(e) is str else e for e in value]
    return json.loads(body) if long else said  # Long texts elsewhere.


def _strings(what: str, value: Any) -> list[str]:
    if value is None:
        return []
    if type(value) is list:
        for each in value:
            if type(each) is not str and each is not None:
                raise BadRequest(f"{what}: expected texts, got {type(each).__name__}")
        return [each or "" for each in value] if None in value else value
    raise BadRequest(f"{what}: expected a list of texts, got {type(value).__name__}")


def _add_rest(made: Request, said: dict[str, Any]) -> None:
    """Take what few clients send; the rest is not looked at.

    The path says name and method, whatever the body says.
    """
    for what in _SCALARS:
        if not isinstance(said.get(what) or "", str):
            raise BadRequest(f"{what}: expected a text, got {type(said[what]).__name__}")
    made.clientip = said.get("clientip") or ""
    logid = said.get("logid")
    if logid is not None:
        try:
            made.logid = logid if type(logid) is int else int(str(logid))
        except ValueError:
            raise BadRequest(f"logid: expected a whole number, got {logid!r}") from None
        if not -(2**63) <= made.logid < 2**63:
            raise BadRequest(f"logid: expected 64 bits, got {logid}")
    if said.get("tensors"):
        made.tensors = _tensors_of_json(said["tensors"])


def _tensors_of_json(said: Any) -> Any:
    json_format: Any = importlib.import_module("google.protobuf.json_format")
    message = messages().Request()
    for each in said if isinstance(said, list) else ():
        for name in ("byte_data", "byteData"):
            if isinstance(each, dict) and isinstance(each.get(name), str):
                _check_base64(each[name])  # protobuf passes over what is none.
    try:
        json_format.ParseDict({"tensors": said}, message, ignore_unknown_fields=True)
    except json_format.ParseError as fault:
        raise BadRequest(str(fault)) from None
    return message.tensors


def _check_base64(text: str) -> None:
    found = _BASE64.match(text)
    end = found.end() if found is not None else 0
    if text[end:].strip() not in ("", "=", "=="):
        raise BadRequest(f"illegal base64 data at input byte {end}")


def to_json(response: Any) -> bytes:
    """Return an answer as the gateway writes it: every field, in its order."""
    text = (
        f'{{"err_no":{int(response.err_no)},"err_msg":{quoted(response.err_msg)},'
        f'"key":[{",".join(map(quoted, response.key))}],'
        f'"value":[{",".join(map(quoted, response.value))}],'
        f'"tensors":{_tensors_json(response.tensors) if response.tensors else "[]"}}}'
    )
    return text.encode("utf-8", "replace")


def _tensors_json(tensors: Any) -> str:
    json_format: Any = importlib.import_module("google.protobuf.json_format")
    made = [json_format.MessageToDict(each, preserving_proto_field_name=True) for each in tensors]
    return json.dumps(made, ensure_ascii=False, separators=(",", ":"))


# --- protobuf ---


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
        shift += 7
        if shift > 63:
            raise BadRequest("a number of more than 64 bits")


def from_wire(data: bytes, at: int, service: str) -> Request:
    """Return the request of a message from ``at``, in either numbering. Raises BadRequest.

    ``service`` is the name of ours: by it a request that says no more than fields 3 and 4 is
    told to be old.
    """
    key: list[str] = []
    value: list[str] = []
    rest: list[tuple[int, Any]] = []  # Texts as bytes, numbers as int.
    end = len(data)
    try:
        while at < end:
            tag, at = (data[at], at + 1) if data[at] < 128 else _varint(data, at)
            number, kind = tag >> 3, tag & 7
            if kind == 2:
                size, at = (data[at], at + 1) if data[at] < 128 else _varint(data, at)
                piece = data[at : at + size]
                at += size
                if number == 1:
                    key.append(piece.decode())
                elif number == 2:
                    value.append(piece.decode())
                else:
                    rest.append((number, piece))
            elif kind == 0:
                number_said, at = _varint(data, at)
                rest.append((number, number_said))
            elif kind in (1, 5) and number > 7:
                at += 8 if kind == 1 else 4
            else:
                raise BadRequest(f"field {number} of type {kind}")
        if at > end:
            raise BadRequest("it ends in the middle of a field")
        made = Request(key, value)
        if rest:
            _add_fields(made, rest, service)
    except (IndexError, UnicodeDecodeError) as fault:
        raise BadRequest(str(fault)) from None
    return made


def _is_old(rest: list[tuple[int, Any]], service: str) -> bool:
    """Tell the numbering by types: clients of 0.4 to 0.6 write logid as 5, and 6 as a text."""
    threes = 0
    for number, said in rest:
        if number == 7 or (number == 6 and isinstance(said, int)):
            return False
        if (number == 5 and isinstance(said, int)) or number == 6:
            return True
        threes += number == 3
    return threes == 1 and (3, service.encode()) in rest


def _add_fields(made: Request, rest: list[tuple[int, Any]], service: str) -> None:
    made.is_old = _is_old(rest, service)
    shift = 1 if made.is_old else 0
    tensors = []
    for number, said in rest:
        field = number + shift  # As the new numbers are.
        if field == 4:
            made.name = _text_of(said)
        elif field == 5:
            made.method = _text_of(said)
        elif field == 6:
            if not isinstance(said, int):
                raise BadRequest("logid: expected a number")
            made.logid = said - (1 << 64) if said >= 1 << 63 else said
        elif field == 7:
            made.clientip = _text_of(said)
        elif field == 3 and not made.is_old:
            tensors.append(said)
    if tensors:
        made.tensors = [_tensor_of(each) for each in tensors]


def _text_of(said: Any) -> str:
    if isinstance(said, int):
        raise BadRequest("expected a text, got a number")
    return bytes(said).decode()


def _tensor_of(data: Any) -> Any:
    try:
        return messages().Tensor.FromString(bytes(data))
    except Exception as fault:  # protobuf's DecodeError has no base of ours.
        raise BadRequest(f"tensors: {fault}") from None


def _number(value: int) -> bytes:
    if value < 128:
        return bytes((value,))
    made = bytearray()
    while value > 127:
        made.append(value & 127 | 128)
        value >>= 7
    made.append(value)
    return bytes(made)


def to_wire(response: Any) -> bytes:
    """Return the bytes of an answer, which both numberings have alike."""
    parts = []
    if response.err_no:
        parts += [b"\x08", _number(response.err_no & (1 << 64) - 1)]
    for tag, text in (
        *(((b"\x12", response.err_msg),) if response.err_msg else ()),
        *((b"\x1a", each) for each in response.key),
        *((b"\x22", each) for each in response.value),
    ):
        data = text.encode("utf-8", "replace")
        parts += [tag, _number(len(data)), data]
    for tensor in response.tensors:
        data = tensor.SerializeToString()
        parts += [b"\x2a", _number(len(data)), data]
    return b"".join(parts)
