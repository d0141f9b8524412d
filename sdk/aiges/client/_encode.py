# SPDX-License-Identifier: Apache-2.0
"""How requests look on the wire: the LoaderInput, and the ReqData around it. No I/O; thread-safe.

Written by hand rather than through message objects, which cost a multiple of what plain gRPC takes
for a small call; a test reads all of it back with the classes of ``_wire``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache

from aiges.client.message import (
    DataType,
    Expect,
    Payload,
    Payloads,
    check_payloads,
    payload_list,
)

__all__ = ["input_bytes", "once_input", "once_request", "request_bytes"]

# A field is a tag (8 * number + 2: something with a length; + 0: a number), and what it holds.
_OP, _SESSION, _PARAM, _DATA = b"\x0a", b"\x12", b"\x1a", b"\x22"  # Of ReqData.
_SERVICE, _STATE, _SYNC_ID = b"\x0a", b"\x18", b"\x40"  # Of LoaderInput, to the next line.
_HEADERS, _PARAMS, _EXPECT, _PAYLOAD = b"\x22", b"\x2a", b"\x32", b"\x3a"
_META, _BYTES = b"\x0a", b"\x12"  # Of Payload.
_NAME, _TYPE, _ATTRIBUTE = b"\x0a", b"\x10", b"\x1a"  # Of MetaDesc.
_KEY, _VALUE = b"\x0a", b"\x12"  # Of an entry of a map.
_CONTENT, _HANDLE = b"\x0a", b"\x12"  # Of DataMeta; of Session.

_ONE_BYTE = tuple(bytes((number,)) for number in range(128))


def _varint(number: int) -> bytes:
    if number < 128:
        return _ONE_BYTE[number]
    if number < 16384:
        return bytes((number & 127 | 128, number >> 7))
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    out.append(number)
    return bytes(out)


def _field(tag: bytes, value: bytes) -> bytes:
    return tag + _varint(len(value)) + value


def _map(tag: bytes, pairs: Mapping[str, str]) -> bytes:
    parts: list[bytes] = []
    for key, value in pairs.items():
        if not isinstance(key, str) or not isinstance(value, str):
            raise TypeError(f"expected a dict of str to str, got {key!r}: {value!r} in it")
        parts.append(_field(tag, _field(_KEY, key.encode()) + _field(_VALUE, value.encode())))
    return b"".join(parts)


def _meta(name: str, kind: int, attributes: Mapping[str, str]) -> bytes:
    typed = _TYPE + _varint(kind) if kind else b""
    return _field(_NAME, name.encode()) + typed + _map(_ATTRIBUTE, attributes)


@lru_cache(maxsize=256)
def _plain_meta(name: str, kind: int, status: str) -> bytes:
    """What most payloads have, again and again; up to the length of the data."""
    return _field(_META, _meta(name, kind, {"status": status})) + _BYTES


@lru_cache(maxsize=64)
def _head(service: str, state: int) -> bytes:
    stated = _STATE + _varint(state) if state else b""
    return _field(_SERVICE, service.encode()) + stated


def _payload(payload: Payload, status: str) -> list[bytes]:
    if not payload.attributes:
        return _data(_plain_meta(payload.name, payload.type, status), payload.data)
    attributes = {"status": status, **payload.attributes}
    meta = _field(_META, _meta(payload.name, payload.type, attributes)) + _BYTES
    return _data(meta, payload.data)


def _data(meta: bytes, data: bytes) -> list[bytes]:
    size = len(data)
    length = _varint(size)
    return [_PAYLOAD, _varint(len(meta) + len(length) + size), meta, length, data]


def once_input(
    service: str,
    payloads: Payloads,
    params: Mapping[str, str] | None,
    headers: Mapping[str, str] | None,
    expect: Expect,
) -> bytes:
    """Return the LoaderInput of a whole input. Raises TypeError and BadRequest."""
    if not (params or headers or expect):  # The short way, for the short calls.
        if isinstance(payloads, bytes):
            meta = _plain_meta("data", 4, "3")
            return b"".join((_head(service, 1), *_data(meta, payloads)))
        if isinstance(payloads, str):
            meta = _plain_meta("data", 0, "3")
            return b"".join((_head(service, 1), *_data(meta, payloads.encode("utf-8"))))
    items = payload_list(payloads)
    check_payloads(items)
    return input_bytes(service, items, once=True, params=params, headers=headers, expect=expect)


def input_bytes(
    service: str,
    payloads: Iterable[Payload],
    *,
    once: bool,
    params: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
    expect: Expect = (),
    status: int = 3,
    sync_id: int = 0,
) -> bytes:
    """Return a LoaderInput. ``status`` is the place of payloads that do not say it themselves."""
    parts = [_head(service, 1 if once else 0)]
    if headers:
        parts.append(_map(_HEADERS, headers))
    if params:
        parts.append(_map(_PARAMS, params))
    for item in expect:
        wanted = Payload(item, type=DataType.TEXT) if isinstance(item, str) else item
        parts.append(_field(_EXPECT, _meta(wanted.name, wanted.type, wanted.attributes)))
    for payload in payloads:
        parts += _payload(payload, str(status))
    if sync_id:
        parts.append(_SYNC_ID + _varint(sync_id))
    return b"".join(parts)


@lru_cache(maxsize=512)
def _once_head(wait_ms: int) -> bytes:
    return _request_head("AIIn", "", (("SeqNo", "1"), ("waitTime", str(wait_ms)))) + _DATA


def once_request(data: bytes, wait_ms: int) -> bytes:
    """Return the ReqData of a once call."""
    size = len(data)
    length = _varint(size)
    whole = _varint(1 + len(length) + size)
    return b"".join((_once_head(wait_ms), whole, _CONTENT, length, data))


@lru_cache(maxsize=512)
def _request_head(op: str, handle: str, param: tuple[tuple[str, str], ...]) -> bytes:
    session = _field(_HANDLE, handle.encode()) if handle else b""
    return _field(_OP, op.encode()) + _field(_SESSION, session) + _map(_PARAM, dict(param))


def request_bytes(op: str, data: bytes | None, *, handle: str = "", **param: str) -> bytes:
    """Return a ReqData around a LoaderInput."""
    head = _request_head(op, handle, tuple(param.items()))
    if data is None:
        return head
    size = len(data)
    inner = _CONTENT + _varint(size)
    return b"".join((head, _DATA, _varint(len(inner) + size), inner, data))
