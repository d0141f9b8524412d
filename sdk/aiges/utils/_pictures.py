# SPDX-License-Identifier: Apache-2.0
"""What the bytes are that came instead of a picture, for texts of errors."""

from __future__ import annotations

__all__ = ["what_came"]

# What else people send, by how it begins.
_OTHERS = (
    (b"%PDF", "a PDF document"),
    (b"PK\x03\x04", "a ZIP archive or an Office document"),
    (b"\x1f\x8b", "gzip"),
    (b"ID3", "MP3"),
    (b"OggS", "Ogg"),
    (b"fLaC", "FLAC"),
    (b"<svg", "SVG"),
)
_PICTURES = (
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"\xff\xd8\xff", "JPEG"),
    (b"GIF8", "GIF"),
    (b"II*\x00", "TIFF"),
    (b"MM\x00*", "TIFF"),
    (b"BM", "BMP"),
)


def what_came(data: bytes, error: Exception) -> str:
    """Say in words what came instead of a picture."""
    if not data:
        return "no bytes"
    for begin, name in _PICTURES:
        if data.startswith(begin):
            return f"a {name} that is broken or cut off ({type(error).__name__}: {error})"
    if data[:4] == b"RIFF" and data[8:12] in (b"WEBP", b"WAVE"):
        webp = f"a WebP that is broken or cut off ({type(error).__name__}: {error})"
        return webp if data[8:12] == b"WEBP" else f"{len(data)} bytes of WAV"
    for begin, name in _OTHERS:
        if data.startswith(begin):
            return f"{len(data)} bytes of {name}"
    text = data[:16].decode("latin-1")
    if text.isascii() and all(c.isprintable() or c.isspace() for c in text):
        return f"{len(data)} bytes that begin with the text {text!r}"
    return f"{len(data)} bytes that begin with {data[:8].hex(' ')}"
