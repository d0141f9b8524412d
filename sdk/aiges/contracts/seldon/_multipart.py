# SPDX-License-Identifier: Apache-2.0
"""Bodies of multipart/form-data (RFC 7578), which have come whole."""

from __future__ import annotations

import re
from typing import NamedTuple

__all__ = ["Part", "parts_of"]

_PARAMETER = re.compile(r';\s*([\w!#$&+.^`|~*-]+)\s*=\s*("(?:[^"\\]|\\.)*"|[^;\s]*)')
_MOST_PARTS = 1000
_MOST_HEAD = 16384


class Part(NamedTuple):
    """One field of a form; a file has a name."""

    name: str
    file: str | None
    data: bytes


def _parameters(value: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for match in _PARAMETER.finditer(value):
        text = match.group(2)
        if text.startswith('"'):
            text = re.sub(r"\\(.)", r"\1", text[1:-1])
        found.setdefault(match.group(1).lower(), text)
    return found


def _part_of(piece: bytes) -> Part | None:
    head, found, data = piece.partition(b"\r\n\r\n")
    if not found or len(head) > _MOST_HEAD:
        raise ValueError("multipart: expected a part with a head and an empty line after it")
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.strip().lower() != b"content-disposition":
            continue
        given = _parameters(value.decode("utf-8", "replace"))
        if "name" not in given:
            return None
        return Part(given["name"], given.get("filename"), data)
    return None


def parts_of(content_type: str, body: bytes) -> list[Part]:
    """Return the fields in their order. Raises ValueError where it is none."""
    boundary = _parameters(content_type).get("boundary", "")
    if not 1 <= len(boundary) <= 200:
        raise ValueError("multipart: expected a boundary in Content-Type")
    mark = b"\r\n--" + boundary.encode("latin-1", "replace")
    pieces = (b"\r\n" + body).split(mark, _MOST_PARTS)
    if len(pieces) > _MOST_PARTS:
        raise ValueError(f"multipart: expected at most {_MOST_PARTS} parts, got more")
    found: list[Part] = []
    for piece in pieces[1:]:
        if piece.startswith(b"--"):
            return found
        line, ends, rest = piece.partition(b"\r\n")
        if not ends or line.strip(b" \t"):
            raise ValueError("multipart: expected a line's end after the boundary")
        part = _part_of(rest)
        if part is not None:
            found.append(part)
    raise ValueError("multipart: expected the boundary that ends the body")
