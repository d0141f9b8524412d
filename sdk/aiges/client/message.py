# SPDX-License-Identifier: Apache-2.0
"""What the user hands in and gets back, and how it looks on the wire. No I/O; thread-safe."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Union

from aiges.client import _wire
from aiges.client.errors import BadRequest, Unavailable, error_of

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

    def text(self) -> str:
        """Return the data as a string (UTF-8; UnicodeDecodeError when it is none)."""
        return self.data.decode("utf-8")


Payloads = Union[bytes, str, Mapping[str, Union[bytes, str]], Iterable[Payload]]
Expect = Iterable[Union[str, Payload]]


class _ByName(Mapping[str, Payload]):
    """Payloads of which some have the same name, by name: see ``Reply``."""

    def __init__(self, payloads: Iterable[Payload]) -> None:
        self._groups: dict[str, list[Payload]] = {}
        for payload in payloads:
            self._groups.setdefault(payload.name, []).append(payload)

    def __getitem__(self, name: str) -> Payload:
        group = self._groups[name]
        if len(group) == 1:
            return group[0]
        if any(payload.type != DataType.TEXT for payload in group):
            raise LookupError(
                f"expected one payload {name!r}, got {len(group)} that are not all text: "
                f"Reply.all({name!r}) has them"
            )
        attributes: dict[str, str] = {}
        for payload in group:
            attributes.update(payload.attributes)
        data = b"".join(payload.data for payload in group)
        return Payload(name, data, DataType.TEXT, attributes)

    def __contains__(self, name: object) -> bool:
        return name in self._groups

    def __iter__(self) -> Iterator[str]:
        return iter(self._groups)

    def __len__(self) -> int:
        return len(self._groups)


def by_name(payloads: tuple[Payload, ...]) -> Mapping[str, Payload]:
    """Return the payloads by name, as ``Reply`` says."""
    found = {payload.name: payload for payload in payloads}
    return found if len(found) == len(payloads) else _ByName(payloads)


@dataclass(frozen=True)
class Reply:
    """The answer to a once call, and the loader that gave it.

    ``payloads`` are its payloads by name, ``outputs`` all of them in order, as the engine gave
    them. An engine may give several of one name: text is joined in ``payloads`` (what was cut
    within a character is whole again, of equal attributes the last counts); of another type there
    is no one payload of that name, and asking for it raises LookupError: ``all`` has them.
    ``timing``: the milliseconds of each stage in the loader (queue, channel, engine, total), where
    the call asked for them.
    """

    payloads: Mapping[str, Payload]
    host: str
    timing: Mapping[str, float] = field(default_factory=dict)
    outputs: tuple[Payload, ...] = ()

    def __post_init__(self) -> None:
        if not self.outputs:
            object.__setattr__(self, "outputs", tuple(self.payloads.values()))

    def all(self, name: str | None = None) -> list[Payload]:
        """Return every payload of that name, in order; without a name, every one. May be empty."""
        return [payload for payload in self.outputs if name is None or payload.name == name]

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


class Output(NamedTuple):
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
    if isinstance(payloads, (bytes, str, bytearray, memoryview)):
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


def _payloads(output: Any) -> tuple[Payload, ...]:
    made = []
    for item in output.pl:
        meta = item.meta
        kind = _TYPES.get(meta.dataType, DataType.OTHER)
        found = meta.attribute
        attributes = {key: found[key] for key in found}  # dict(found) takes three times as long.
        made.append(Payload(meta.name, item.data, kind, attributes))
    return tuple(made)


def _unreadable(error: Exception, host: str) -> Unavailable:
    return Unavailable(0, f"not an XSF answer: {error}", host, maybe_ran=True)


def read_answer(answer: bytes, host: str) -> Output:
    """Return what a ResData says; raises the error that it tells."""
    try:
        message = _wire.ResData.FromString(answer)
        data = message.data
        output = _wire.LoaderOutput.FromString(data[0].data) if data else None
    except Exception as error:  # Two kinds of DecodeError, by the protobuf in use.
        raise _unreadable(error, host) from error
    code = message.code
    if output is None:
        if code:
            raise error_of(code, message.error_info, host)
        return Output((), False, message.s.h)
    if code or output.code:
        # 10110 is the only one that the envelope tells too.
        number = 10110 if code == 10110 else output.code or code
        raise error_of(number, output.err or message.error_info, host)
    status = output.status
    # The answer to a once call, or the last of a session, needs no handle.
    return Output(_payloads(output), status in ENDS, "" if status == ONCE else message.s.h)


def read_output(message: bytes, host: str) -> Output:
    """Return what a LoaderOutput of a stream says; raises the error that it tells."""
    try:
        output = _wire.LoaderOutput.FromString(message)
    except Exception as error:
        raise _unreadable(error, host) from error
    if output.code:
        raise error_of(output.code, output.err, host)
    return Output(_payloads(output), output.status in ENDS, "")


def read_timing(metadata: Iterable[tuple[str, Any]] | None) -> dict[str, float]:
    """Return the stages of the trailer server-timing: ``queue;dur=0.01, engine;dur=8.1``."""
    stages = {}
    for key, value in metadata or ():
        if key != TIMING:
            continue
        for part in str(value).split(","):
            name, _, text = part.strip().partition(";dur=")
            try:
                stages[name] = float(text)
            except ValueError:
                pass  # No duration: not one of ours.
    return stages


TIMING = "server-timing"  # Also the key of the request's metadata that asks for it.
ONCE = 3
ENDS = (2, ONCE)
_TYPES = {int(kind): kind for kind in DataType}


def check_payloads(payloads: list[Payload]) -> None:
    """Raise BadRequest for what the loader would refuse, before it is sent."""
    if not payloads:
        raise BadRequest(10009, "input invalid data: expected at least one payload, got none")
    if len(payloads) == 1:
        return
    seen = set()
    for payload in payloads:
        if payload.name in seen:
            raise BadRequest(10009, f"two payloads have the name {payload.name!r}")
        seen.add(payload.name)
