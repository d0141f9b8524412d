# SPDX-License-Identifier: Apache-2.0
"""What describes the services, for reflection: from the descriptors of generated code."""

from __future__ import annotations

import base64
import importlib
import logging
from typing import Any

__all__ = ["descriptors_of"]

_LOG = logging.getLogger("aiges.grpc")
_MOST = 180_000  # Bytes of base64; all that the doors say is at most 256 KiB.


def descriptors_of(services: list[str]) -> str:
    """Return a FileDescriptorSet of these services and of what they use, as base64.

    Of a service whose code was not made by protoc nothing is known, and nothing is said.
    """
    try:
        pool: Any = importlib.import_module("google.protobuf.descriptor_pool").Default()
    except ImportError:
        return ""
    files: dict[str, bytes] = {}
    for name in services:
        try:
            _add(pool.FindFileContainingSymbol(name), files)
        except KeyError:
            continue
    text = base64.b64encode(b"".join(map(_entry, files.values()))).decode()
    if len(text) > _MOST:
        _LOG.warning(
            "reflection does not describe the services: their descriptors are %d bytes in base64, "
            "expected at most %d", len(text), _MOST,
        )  # fmt: skip
        return ""
    return text


def _add(file: Any, files: dict[str, bytes]) -> None:
    if file.name in files:
        return
    files[file.name] = file.serialized_pb
    for used in file.dependencies:
        _add(used, files)


def _entry(file: bytes) -> bytes:
    """The file as field 1 of a FileDescriptorSet."""
    size, length = len(file), bytearray()
    while size > 127:
        length.append(size & 127 | 128)
        size >>= 7
    return b"\x0a" + bytes(length) + bytes([size]) + file
