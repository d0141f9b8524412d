# SPDX-License-Identifier: Apache-2.0
"""Answers that are kept by what was asked (``--request_cache_size``)."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict

import numpy as np

from aiges.contracts.paddle import _types
from aiges.contracts.paddle._tensors import Value
from aiges.contracts.paddle.server._calls import Call, Output

__all__ = ["Cache", "key_of"]

_BESIDE = 512  # Bytes of an entry beside its arrays.


def key_of(call: Call) -> bytes:
    """Return what two calls have in common that ask the same; its log_id says nothing."""
    made = hashlib.blake2b(digest_size=24)
    made.update(repr(call.fetch).encode())
    for value in call.values:
        made.update(repr((value.name, value.alias, value.type, value.shape, value.lod)).encode())
        if value.type == _types.STRING:
            for text in value.array:
                made.update(b"%d:" % len(text) + text)
        else:
            made.update(np.ascontiguousarray(value.array).data)
    return made.digest()


class Cache:
    """At most so many bytes of outputs; what was not asked for longest goes first. Threads: any."""

    def __init__(self, most_bytes: int) -> None:
        self._most, self._bytes = most_bytes, 0
        self._lock = threading.Lock()
        self._kept: OrderedDict[bytes, tuple[list[Output], int]] = OrderedDict()

    def get(self, key: bytes) -> list[Output] | None:
        """Return the outputs, or None."""
        with self._lock:
            found = self._kept.get(key)
            if found is None:
                return None
            self._kept.move_to_end(key)
            return found[0]

    def put(self, key: bytes, outputs: list[Output]) -> None:
        """Keep them, where there is room for them at all."""
        size = _BESIDE + sum(_size_of(value) for output in outputs for value in output.values)
        if size > self._most:
            return
        with self._lock:
            if key in self._kept:
                return
            self._kept[key] = (outputs, size)
            self._bytes += size
            while self._bytes > self._most:
                _, (_, gone) = self._kept.popitem(last=False)
                self._bytes -= gone


def _size_of(value: Value) -> int:
    if value.type == _types.STRING:
        return sum(map(len, value.array)) + 64 * len(value.array)
    return int(value.array.nbytes) + 64 * sum(map(len, value.lod))
