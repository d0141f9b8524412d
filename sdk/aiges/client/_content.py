# SPDX-License-Identifier: Apache-2.0
"""What bytes are, and what can be made of them: text, JSON, a picture. No I/O; thread-safe."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from typing import Any

__all__ = ["BYTES", "JSON", "TEXT", "image_of", "json_of", "media_type", "text_of", "type_of"]

TEXT = "text/plain; charset=utf-8"
JSON = "application/json"
BYTES = "application/octet-stream"

# How the loader sees it (docs/protocol.md): the first bytes of what an engine says nothing about.
_SIGNS = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF8", "image/gif"),
    (b"BM", "image/bmp"),
    (b"fLaC", "audio/flac"),
    (b"OggS", "audio/ogg"),
    (b"ID3", "audio/mpeg"),
    (b"%PDF-", "application/pdf"),
)
_RIFF = {b"WAVE": "audio/wav", b"WEBP": "image/webp"}
_ENCODINGS = {
    "png": "image/png",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "gif": "image/gif",
    "webp": "image/webp",
    "bmp": "image/bmp",
    "wav": "audio/wav",
    "flac": "audio/flac",
    "mp3": "audio/mpeg",
    "json": JSON,
}


def media_type(content_type: str) -> str:
    """Return the type without what is said about it: "text/plain" of that with a charset."""
    return content_type.partition(";")[0].strip().lower()


def _sign_of(data: bytes) -> str:
    if data[:4] == b"RIFF":
        return _RIFF.get(data[8:12], "")
    return next((kind for sign, kind in _SIGNS if data.startswith(sign)), "")


def type_of(data: bytes, attributes: Mapping[str, str], is_text: bool) -> str:
    """Return the Content-Type of a payload: what the engine says, else what its bytes show."""
    said = attributes.get("mime") or attributes.get("content_type")
    if said:
        return said
    for name in ("encoding", "format"):
        if attributes.get(name, "").lower() in _ENCODINGS:
            return _ENCODINGS[attributes[name].lower()]
    return TEXT if is_text else _sign_of(data) or BYTES


def _charset(content_type: str) -> str:
    for part in content_type.split(";")[1:]:
        name, _, value = part.strip().partition("=")
        if name.lower() == "charset":
            return value.strip("\"' ") or "utf-8"
    return "utf-8"


def text_of(data: bytes, content_type: str = "") -> str:
    """Return it as text, in the charset that the type names, else UTF-8."""
    try:
        return data.decode(_charset(content_type))
    except LookupError:  # A charset that Python does not know.
        return data.decode("utf-8")


def json_of(data: bytes, content_type: str = "") -> Any:
    """Return the value that the JSON text says. Raises ValueError for what is none."""
    try:
        return json.loads(data)
    except ValueError as error:
        shown = data[:60].decode("utf-8", "replace")
        kind = f" of type {content_type}" if content_type else ""
        raise ValueError(f"expected JSON, got {shown!r}{kind}: {error}") from None


def image_of(data: bytes, content_type: str = "") -> Any:
    """Return a PIL image. Raises ImportError without Pillow, ValueError for what is no picture."""
    try:
        from PIL import Image, UnidentifiedImageError  # type: ignore[import-not-found,unused-ignore]
    except ImportError:
        raise ImportError(
            "image(): expected Pillow here (pip install pillow), found none"
        ) from None
    try:
        image = Image.open(io.BytesIO(data))
        image.load()
    except UnidentifiedImageError:
        kind = content_type or "unknown type"
        raise ValueError(f"expected a picture, got {len(data)} bytes ({kind})") from None
    return image
