# SPDX-License-Identifier: Apache-2.0
"""What the user hands in and gets back, whatever carries it. No I/O; thread-safe."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Union, cast

from aiges._narrow import is_buffer
from aiges.client._content import JSON, image_of, json_of, media_type, text_of, type_of
from aiges.client.errors import BadRequest

__all__ = ["DataType", "Expect", "Payload", "Payloads", "Place", "Reply"]


class DataType(enum.IntEnum):
    """What kind of data a payload holds, as engines see it."""

    TEXT = 0
    AUDIO = 1
    IMAGE = 2
    VIDEO = 3
    OTHER = 4


class Place(enum.IntEnum):
    """Where in its stream a payload stands: the ``status`` of a write."""

    BEGIN = 0
    MIDDLE = 1
    END = 2
    WHOLE = 3  # The only one of its stream.


@dataclass(frozen=True)
class Payload:
    """One named piece of data. ``attributes`` are the engine's own words about it."""

    name: str
    data: bytes = b""
    type: DataType = DataType.OTHER
    attributes: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def content_type(self) -> str:
        """What the data are, as HTTP says it: by the attributes, else by the first bytes."""
        return type_of(self.data, self.attributes, self.type == DataType.TEXT)

    def text(self) -> str:
        """Return the data as a string (UTF-8 unless said; UnicodeDecodeError when it is none)."""
        return text_of(self.data, self.content_type)

    def json(self) -> Any:
        """Return the value of data that are JSON. Raises ValueError."""
        return json_of(self.data, self.content_type)

    def image(self) -> Any:
        """Return a picture as a PIL image. Raises ValueError, and ImportError without Pillow."""
        return image_of(self.data, self.content_type)

    def value(self) -> Any:
        """Return what the data are: the value of JSON, a str of text, else bytes."""
        kind = media_type(self.content_type)
        if kind == JSON or kind.endswith("+json"):
            return self.json()
        if not kind.startswith("text/"):
            return self.data
        try:
            return self.text()
        except UnicodeDecodeError:  # A piece of a stream may end within a character.
            return self.data


_Bytes = bytes  # ``Reply.bytes`` hides the name in its class.
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
    """The answer to a call, and the loader that gave it.

    ``payloads`` are its payloads by name, ``outputs`` all of them in order, as the engine gave
    them. An engine may give several of one name: text is joined in ``payloads`` (what was cut
    within a character is whole again, of equal attributes the last counts); of another type there
    is no one payload of that name, and asking for it raises LookupError: ``all`` has them.
    ``timing``: the milliseconds of each stage in the loader (queue, channel, engine, total), where
    the call asked for them; over HTTP always. ``headers`` are those of HTTP, with names in lower
    case; over gRPC the metadata. ``status`` is that of HTTP, 0 over gRPC.
    """

    payloads: Mapping[str, Payload]
    host: str
    timing: Mapping[str, float] = field(default_factory=dict[str, float])
    outputs: tuple[Payload, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    status: int = 0

    def __post_init__(self) -> None:
        if not self.outputs:
            object.__setattr__(self, "outputs", tuple(self.payloads.values()))

    @property
    def request_id(self) -> str:
        """The name of the call in the loader's log; empty where none came."""
        return self.headers.get("x-request-id", "")

    @property
    def bytes(self) -> _Bytes:
        """The only output as it came. Raises LookupError where there are several."""
        return self._one(None).data

    @property
    def content_type(self) -> str:
        """What ``bytes`` are, as HTTP says it."""
        return self._one(None).content_type

    def all(self, name: str | None = None) -> list[Payload]:
        """Return every payload of that name, in order; without a name, every one. May be empty."""
        return [payload for payload in self.outputs if name is None or payload.name == name]

    def data(self, name: str | None = None) -> _Bytes:
        """Return the bytes of a payload; without a name, of the only one. Raises LookupError."""
        return self._one(name).data

    def text(self, name: str | None = None) -> str:
        """Return the same as a string (UTF-8 unless said; UnicodeDecodeError when it is none)."""
        return self._one(name).text()

    def json(self, name: str | None = None) -> Any:
        """Return the value of the same where it is JSON. Raises ValueError."""
        return self._one(name).json()

    def image(self, name: str | None = None) -> Any:
        """Return the same as a PIL image. Raises ValueError, and ImportError without Pillow."""
        return self._one(name).image()

    def value(self, name: str | None = None) -> Any:
        """Return the same as what it is: the value of JSON, a str of text, else bytes."""
        return self._one(name).value()

    def _one(self, name: str | None) -> Payload:
        if name is None:
            if len(self.payloads) != 1:
                raise LookupError(f"expected one payload, got {sorted(self.payloads)}: name one")
            return next(iter(self.payloads.values()))
        if name not in self.payloads:
            raise LookupError(f"expected a payload {name!r}, got {sorted(self.payloads)}")
        return self.payloads[name]


def stages_of(timing: str) -> dict[str, float]:
    """Return the stages of a field server-timing: ``queue;dur=0.01, engine;dur=8.1``."""
    stages: dict[str, float] = {}
    for part in timing.split(","):
        name, _, text = part.strip().partition(";dur=")
        try:
            stages[name] = float(text)
        except ValueError:
            pass  # No duration: not one of ours.
    return stages


def _item(name: str, value: Any) -> Payload:
    if isinstance(value, str):
        return Payload(name, value.encode("utf-8"), DataType.TEXT)
    if is_buffer(value):
        return Payload(name, bytes(value))
    raise TypeError(f"payload {name!r}: expected bytes or str, got {type(value).__name__}")


def payload_list(payloads: Payloads, name: str = "data") -> list[Payload]:
    """Return the payloads as a list; a lone value gets the name ``name``. Raises TypeError."""
    if isinstance(payloads, (bytes, str, bytearray, memoryview)):
        return [_item(name, payloads)]
    if isinstance(payloads, Mapping):
        named = cast("Mapping[str, Any]", payloads)
        return [_item(key, value) for key, value in named.items()]
    found = list(payloads)
    for item in found:
        if not isinstance(item, Payload):
            raise TypeError(
                "payloads: expected bytes, str, a dict or a list of Payload, got "
                f"{type(item).__name__} in a list"
            )
    return found


def check_payloads(payloads: list[Payload]) -> None:
    """Raise BadRequest for what the loader would refuse, before it is sent."""
    if not payloads:
        raise BadRequest(10009, "input invalid data: expected at least one payload, got none")
    if len(payloads) == 1:
        return
    seen: set[str] = set()
    for payload in payloads:
        if payload.name in seen:
            raise BadRequest(10009, f"two payloads have the name {payload.name!r}")
        seen.add(payload.name)
