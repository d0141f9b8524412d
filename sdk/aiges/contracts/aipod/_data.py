# SPDX-License-Identifier: Apache-2.0
"""JSON as AIPOD's clients and models exchange it: Python's own words for it, in UTF-8."""

from __future__ import annotations

import json
import json.encoder
from typing import Any, Callable

__all__ = ["decode", "encode"]


def _plain(value: Any) -> Any:
    """Return what JSON can hold of an array or a number of numpy, or of a tensor."""
    to_list = getattr(value, "tolist", None)
    if callable(to_list) and not isinstance(value, type):
        return to_list()
    # The words of Python's own encoder.
    raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")


_checked = json.JSONEncoder(default=_plain).encode
_decoder: Any = json.JSONDecoder()
_scan = _decoder.scan_once


def _quick_encoder() -> Callable[[Any, int], Any] | None:
    """Return Python's encoder in C, made once rather than for each value; it sees no circles."""
    module: Any = json.encoder
    try:
        quick: Callable[[Any, int], Any] = module.c_make_encoder(
            *(None, _plain, module.encode_basestring_ascii, None, ": ", ", ", False, False, True)
        )
        return quick if "".join(quick([{"a": 1.5}], 0)) == '[{"a": 1.5}]' else None
    except Exception:
        return None  # A Python that makes it otherwise, or has none.


_quick = _quick_encoder()


def encode(value: Any) -> bytes:
    """Return the value as JSON, arrays as lists. Raises TypeError and ValueError."""
    if _quick is not None:
        try:
            return "".join(_quick(value, 0)).encode()
        except RecursionError:
            pass  # A circle, or too deep: the other one says which.
    return _checked(value).encode()


def decode(data: bytes) -> Any:
    """Return what the JSON holds. Raises ValueError."""
    text = str(data, "utf-8")
    try:
        value, end = _scan(text, 0)
    except StopIteration:
        return json.loads(text)
    return value if end == len(text) else json.loads(text)
