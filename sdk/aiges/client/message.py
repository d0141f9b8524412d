"""What the user hands in and gets back, and how it looks on the wire. No I/O; thread-safe."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Union

from aiges.client import _wire
from aiges.client.errors import BadRequest, Overloaded, Unavailable, error_of

__all__ = ["DataType", "Expect", "Output", "Payload", "Payloads", "Reply"]


class DataType(enum.IntEnum):
    """What kind of data a payload holds, as engines see it."""

    TEXT = 0
    AUDIO = 1
    IMAGE = 2
    VIDEO = 3
    OTHER = 4


@dataclass(frozen=True)
class Payload:
    """One named piece of data. ``attributes`` are the engine's own words about it."""

    name: str
    data: bytes = b""
    type: DataType = DataType.OTHER
    attributes: Mapping[str, str] = field(default_factory=dict)


Payloads = Union[bytes, str, Mapping[str, Union[bytes, str]], Iterable[Payload]]
Expect = Iterable[Union[str, Payload]]


@dataclass(frozen=True)
class Reply:
    """The answer to a once call: its payloads by name, and the loader that gave it."""

    payloads: Mapping[str, Payload]
    host: str

    def data(self, name: str | None = None) -> bytes:
        """Return the bytes of a payload; without a name, of the only one. Raises LookupError."""
        if name is None:
            if len(self.payloads) != 1:
                raise LookupError(f"expected one payload, got {sorted(self.payloads)}: name one")
            return next(iter(self.payloads.values())).data
        if name not in self.payloads:
            raise LookupError(f"expected a payload {name!r}, got {sorted(self.payloads)}")
        return self.payloads[name].data

    def text(self, name: str | None = None) -> str:
        """Return the same as a string (UTF-8; UnicodeDecodeError when it is none)."""
        return self.data(name).decode("utf-8")


@dataclass(frozen=True)
class Output:
    """What one answer of a session brings. ``ended``: nothing comes after it."""

    payloads: tuple[Payload, ...]
    ended: bool
    handle: str


def _item(name: str, value: Any) -> Payload:
    if isinstance(value, str):
        return Payload(name, value.encode("utf-8"), DataType.TEXT)
    if isinstance(value, (bytes, bytearray, memoryview)):
        return Payload(name, bytes(value))
    raise TypeError(f"payload {name!r}: expected bytes or str, got {type(value).__name__}")


def payload_list(payloads: Payloads, name: str = "data") -> list[Payload]:
    """Return the payloads as a list; a lone value gets the name ``name``. Raises TypeError."""
    if isinstance(payloads, (bytes, bytearray, memoryview, str)):
        return [_item(name, payloads)]
    if isinstance(payloads, Mapping):
        return [_item(key, value) for key, value in payloads.items()]
    found = list(payloads)
    for item in found:
        if not isinstance(item, Payload):
            raise TypeError(
                "payloads: expected bytes, str, a dict or a list of Payload, got "
                f"{type(item).__name__} in a list"
            )
    return found


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
    message = _wire.LoaderInput(serviceId=service, state=1 if once else 0, sync_id=sync_id)
    message.params.update(params or {})
    message.headers.update(headers or {})
    for item in expect:
        wanted = Payload(item, type=DataType.TEXT) if isinstance(item, str) else item
        message.expect.add(
            name=wanted.name, dataType=int(wanted.type), attribute=dict(wanted.attributes)
        )
    for payload in payloads:
        made = message.pl.add(data=payload.data)
        made.meta.name, made.meta.dataType = payload.name, int(payload.type)
        made.meta.attribute.update({"status": str(status), **payload.attributes})
    done: bytes = message.SerializeToString()
    return done


def request_bytes(op: str, data: bytes | None, *, handle: str = "", **param: str) -> bytes:
    """Return a ReqData around a LoaderInput."""
    message = _wire.ReqData(op=op, param=param)
    message.s.h = handle
    if data is not None:
        message.data.add(data=data)
    done: bytes = message.SerializeToString()
    return done


def read_answer(answer: bytes, host: str) -> Output:
    """Return what a ResData says; raises the error that it tells."""
    message, output = _wire.ResData(), _wire.LoaderOutput()
    try:
        message.ParseFromString(answer)
        if message.data:
            output.ParseFromString(message.data[0].data)
    except Exception as error:  # Two kinds of DecodeError, by the protobuf in use.
        raise Unavailable(0, f"not an XSF answer: {error}", host, maybe_ran=True) from error
    if message.code == 10110 or output.code == 10110:
        raise Overloaded(10110, output.err or message.error_info, host)
    if message.code or output.code:
        raise error_of(output.code or message.code, output.err or message.error_info, host)
    payloads = tuple(
        Payload(
            item.meta.name,
            item.data,
            DataType(item.meta.dataType) if item.meta.dataType in _TYPES else DataType.OTHER,
            dict(item.meta.attribute),
        )
        for item in output.pl
    )
    return Output(payloads, bool(message.data) and output.status in (2, 3), message.s.h)


_TYPES = frozenset(int(kind) for kind in DataType)


def check_payloads(payloads: list[Payload]) -> None:
    """Raise BadRequest for what the loader would refuse, before it is sent."""
    if not payloads:
        raise BadRequest(10009, "input invalid data: expected at least one payload, got none")
    seen = set()
    for payload in payloads:
        if payload.name in seen:
            raise BadRequest(10009, f"two payloads have the name {payload.name!r}")
        seen.add(payload.name)
