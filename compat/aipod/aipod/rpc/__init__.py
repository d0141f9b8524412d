# SPDX-License-Identifier: Apache-2.0
"""JSON as it goes over the wire."""

from typing import Any


def encode_data(data: Any) -> bytes:
    """Return a value as JSON."""
    from aiges.contracts.aipod._data import encode

    return encode(data)


def decode_data(data: bytes) -> Any:
    """Return what the JSON holds."""
    from aiges.contracts.aipod._data import decode

    return decode(data)
