# SPDX-License-Identifier: Apache-2.0
"""The frames of baidu_std, for both sides: 12 bytes of head, RpcMeta, message, attachment.

The head is ``PRPC``, the length of what follows, and that of RpcMeta in it, both as big-endian
uint32. Whatever comes in is bounded before memory is asked for.
"""

from __future__ import annotations

import gzip
import struct
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Union

from aiges.contracts.paddle import _wire

__all__ = [
    "GZIP",
    "HEAD_BYTES",
    "MOST_BODY_BYTES",
    "NONE",
    "SNAPPY",
    "ZLIB",
    "Decoder",
    "Frame",
    "FrameError",
    "Message",
    "compress",
    "decompress",
    "pack",
    "read_frame",
    "read_head",
    "receive",
]

HEAD_BYTES = 12
MOST_BODY_BYTES = 512 << 20  # As --max_body_size of the original's server.
_MOST_META_BYTES = 1 << 20
_HEAD = struct.Struct("!4sII")
_MAGIC = b"PRPC"
NONE, SNAPPY, GZIP, ZLIB = 0, 1, 2, 3
Message = Union[bytes, Sequence[Union[bytes, memoryview]]]  # Whole, or in pieces.
_COMPRESSIONS = {SNAPPY: "snappy", 4: "lz4"}


class FrameError(ValueError):
    """Bytes that are no frame of baidu_std, or one that is not taken. The connection is lost."""


@dataclass(frozen=True)
class Frame:
    """One request or answer. ``message`` is not compressed any more."""

    meta: Any
    message: bytes
    attachment: bytes = b""


def pack(meta: Any, message: Message, attachment: bytes = b"") -> list[bytes | memoryview]:
    """Return the pieces of a frame, in order. ``meta`` gets the size of the attachment.

    Raises FrameError where it is longer than the head can say.
    """
    parts = [message] if isinstance(message, bytes) else list(message)
    if attachment:
        meta.attachment_size = len(attachment)
    head = meta.SerializeToString()
    body = len(head) + sum(map(len, parts)) + len(attachment)
    if body > 0xFFFFFFFF:
        raise FrameError(f"expected a frame of less than 4 GiB, got {body} bytes")
    pieces = [_HEAD.pack(_MAGIC, body, len(head)) + head, *parts]
    return [*pieces, attachment] if attachment else pieces


def read_head(head: bytes, most_body: int = MOST_BODY_BYTES) -> tuple[int, int]:
    """Return the bytes of the body and of RpcMeta in it. Raises FrameError."""
    magic, body, meta = _HEAD.unpack(head)
    if magic != _MAGIC:
        raise FrameError(f"expected a frame that begins with PRPC, got {magic!r}")
    if meta > body:
        raise FrameError(f"expected RpcMeta inside the body of {body} bytes, got {meta} bytes")
    if body > most_body:
        raise FrameError(f"expected at most {most_body} bytes in a frame, got {body}")
    if meta > _MOST_META_BYTES:
        raise FrameError(f"expected at most {_MOST_META_BYTES} bytes of RpcMeta, got {meta}")
    return body, meta


def read_frame(body: bytes, meta_bytes: int, most_body: int = MOST_BODY_BYTES) -> Frame:
    """Return what the body of a frame says. Raises FrameError."""
    view = memoryview(body)
    meta = _wire.frame().RpcMeta()
    try:
        meta.ParseFromString(bytes(view[:meta_bytes]))
    except Exception as fault:
        raise FrameError(f"expected RpcMeta: {fault}") from None
    if meta.HasField("chunk_info"):
        raise FrameError("expected a message in one frame, got a chunk of one")
    size = meta.attachment_size
    end = len(body) - size
    if size < 0 or end < meta_bytes:
        raise FrameError(f"expected an attachment inside the body, got {size} bytes")
    message = decompress(bytes(view[meta_bytes:end]), meta.compress_type, most_body)
    return Frame(meta, message, bytes(view[end:]))


def decompress(message: bytes, kind: int, most: int = MOST_BODY_BYTES) -> bytes:
    """Return the message of a frame with that ``compress_type``. Raises FrameError."""
    if kind == NONE:
        return message
    if kind not in (GZIP, ZLIB):
        name = _COMPRESSIONS.get(kind, f"compression {kind}")
        raise FrameError(f"expected no compression, gzip or zlib, got {name}")
    inflate = zlib.decompressobj(zlib.MAX_WBITS | 16 if kind == GZIP else zlib.MAX_WBITS)
    try:
        made = inflate.decompress(message, most + 1)
    except zlib.error as fault:
        raise FrameError(f"expected a compressed message: {fault}") from None
    if len(made) > most:
        raise FrameError(f"expected at most {most} bytes after decompression")
    if not inflate.eof:
        raise FrameError("expected a whole compressed message, it ends early")
    return made


def compress(message: bytes, kind: int) -> bytes:
    """Return the message as ``compress_type`` says: NONE, GZIP or ZLIB."""
    if kind == GZIP:
        return gzip.compress(message, 6)
    return zlib.compress(message) if kind == ZLIB else message


class Decoder:
    """Frames out of bytes as they come. Belongs to one connection."""

    def __init__(self, most_body: int = MOST_BODY_BYTES) -> None:
        self._most, self._bytes = most_body, bytearray()
        self._sizes: tuple[int, int] | None = None

    def feed(self, data: bytes) -> list[Frame]:
        """Return the frames that are whole now. Raises FrameError; nothing can follow it."""
        self._bytes += data
        frames: list[Frame] = []
        while True:
            if self._sizes is None:
                if len(self._bytes) < HEAD_BYTES:
                    return frames
                self._sizes = read_head(bytes(self._bytes[:HEAD_BYTES]), self._most)
            body, meta = self._sizes
            if len(self._bytes) < HEAD_BYTES + body:
                return frames
            content = bytes(memoryview(self._bytes)[HEAD_BYTES : HEAD_BYTES + body])
            del self._bytes[: HEAD_BYTES + body]
            self._sizes = None
            frames.append(read_frame(content, meta, self._most))


def receive(read: Callable[[int], bytes], most_body: int = MOST_BODY_BYTES) -> Frame:
    """Return the next frame; ``read(n)`` returns n bytes or raises. Raises FrameError."""
    body, meta = read_head(read(HEAD_BYTES), most_body)
    return read_frame(read(body), meta, most_body)
