# SPDX-License-Identifier: Apache-2.0
"""Metadata and statuses as they stand in heads and trailers, and back."""

from __future__ import annotations

import binascii
from collections import namedtuple
from collections.abc import Iterable
from typing import Any
from urllib.parse import quote

from grpc import StatusCode  # type: ignore[import-untyped,unused-ignore]

__all__ = ["Field", "Metadatum", "fields_of", "metadata_of", "peer_of", "status_of", "trailers_of"]

Field = tuple[bytes, bytes]

# As grpcio's own.
Metadatum = namedtuple("Metadatum", ("key", "value"))  # pyright: ignore[reportUntypedNamedTuple]

_PROTOCOLS = frozenset((b"content-type", b"content-length", b"te"))
_NUMBERS = {code.value[0]: code for code in StatusCode}


def metadata_of(fields: Iterable[Field]) -> tuple[Metadatum, ...]:
    """Return what the client has said, without what belongs to the protocol."""
    out: list[Metadatum] = []
    for name, value in fields:
        is_binary = name.endswith(b"-bin")
        if name in _PROTOCOLS or (name.startswith(b"grpc-") and not is_binary):
            continue
        key = name.decode("latin-1")
        if not is_binary:
            out.append(Metadatum(key, _text_of(value)))
            continue
        for piece in value.split(b","):
            out.append(Metadatum(key, _bytes_of(piece.strip())))
    return tuple(out)


def _text_of(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")


def _bytes_of(value: bytes) -> bytes:
    try:
        return binascii.a2b_base64(value + b"=" * (-len(value) % 4))
    except binascii.Error:
        return b""  # The host lets only base64 pass.


def fields_of(metadata: Iterable[Any] | None) -> list[Field]:
    """Return metadata of an answer as fields. Raises ValueError where it cannot be."""
    out: list[Field] = []
    for key, value in metadata or ():
        name = key.encode("ascii") if isinstance(key, str) else bytes(key)
        text = value.encode() if isinstance(value, str) else bytes(value)
        if not name or name != name.lower() or name.startswith((b":", b"grpc-status", b"grpc-mes")):
            if name != b"grpc-status-details-bin":
                raise ValueError(f"metadata was invalid: {metadata}")
        if name.endswith(b"-bin"):
            text = binascii.b2a_base64(text, newline=False).rstrip(b"=")
        elif any(byte in text for byte in b"\0\r\n"):
            raise ValueError(f"metadata was invalid: {metadata}")
        out.append((name, text))
    return out


def trailers_of(code: int, details: str | bytes, metadata: Iterable[Any] | None) -> list[Field]:
    """Return the trailers that end a call. Raises ValueError where metadata cannot be sent."""
    out = fields_of(metadata)
    if code:
        out.append((b"grpc-status", b"%d" % code))
    if details:
        text = details.encode() if isinstance(details, str) else details
        out.append((b"grpc-message", text.replace(b"\0", b" ")))
    return out


def status_of(code: Any) -> int:
    """Return the number of a status; what is none is UNKNOWN, as grpcio takes it."""
    if isinstance(code, StatusCode):
        return int(code.value[0])
    return code if isinstance(code, int) and code in _NUMBERS else int(StatusCode.UNKNOWN.value[0])


def peer_of(address: str) -> str:
    """Return the address of a peer in grpcio's words."""
    name, _, port = address.rpartition(":")
    if not port.isdigit():
        return f"unix:{address}" if not address.startswith("unix:") else address
    if name.startswith("["):
        return f"ipv6:{quote(name, safe=':')}:{port}"
    return f"ipv4:{address}"
