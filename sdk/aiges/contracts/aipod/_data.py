# SPDX-License-Identifier: Apache-2.0
"""JSON as AIPOD's clients and models exchange it: Python's own words for it, in UTF-8."""

from __future__ import annotations

import json
from typing import Any

__all__ = ["decode", "encode", "encode_text"]


def _plain(value: Any) -> Any:
    """Return what JSON can hold of an array or a number of numpy, or of a tensor."""
    to_list = getattr(value, "tolist", None)
    if callable(to_list) and not isinstance(value, type):
        return to_list()
    # The words of Python's own encoder.
    raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")


encode_text = json.JSONEncoder(default=_plain).encode


def encode(value: Any) -> bytes:
    """Return the value as JSON, arrays as lists. Raises TypeError and ValueError."""
    return encode_text(value).encode()


def decode(data: bytes) -> Any:
    """Return what the JSON holds. Raises ValueError."""
    return json.loads(data.decode("utf-8"))
