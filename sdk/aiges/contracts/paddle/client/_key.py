# SPDX-License-Identifier: Apache-2.0
"""The key of an encrypted model: how a client hands it to the server that waits for it.

It travels in the clear, as the original's does: only over networks that are trusted.
"""

from __future__ import annotations

import base64
import http.client
import json
from collections.abc import Sequence
from pathlib import Path

from aiges.contracts.paddle.client._answers import ServerError
from aiges.contracts.paddle.client._channel import endpoint_of

__all__ = ["read", "unlocked"]

_MOST_KEY_BYTES = 4096
_MOST_ANSWER_BYTES = 1 << 20


def read(file: str) -> str:
    """Return the key in base64. Raises ValueError for a file that is no key, OSError."""
    key = Path(file).read_bytes()
    if not 0 < len(key) <= _MOST_KEY_BYTES:
        raise ValueError(f"{file}: expected a key of up to {_MOST_KEY_BYTES} bytes")
    return base64.b64encode(key).decode()


def unlocked(endpoints: Sequence[str], key: str, timeout_ms: int) -> list[str]:
    """Hand the key to each endpoint, and return those that serve the model then.

    Raises ValueError without a key, ServerError where a server does not begin to serve.
    """
    if not key:
        raise ValueError("encryption: expected use_key before connect")
    made = []
    for text in endpoints:
        host, _ = endpoint_of(text)
        where = f"[{host}]" if ":" in host else host
        made += [f"{where}:{port}" for port in _ports(text, key, timeout_ms)]
    return made


def _ports(endpoint: str, key: str, timeout_ms: int) -> list[int]:
    host, port = endpoint_of(endpoint)
    connection = http.client.HTTPConnection(host, port, timeout=timeout_ms / 1000)
    try:
        connection.request("POST", "/", json.dumps({"key": key}))
        response = connection.getresponse()
        content = response.read(_MOST_ANSWER_BYTES)
    except (OSError, http.client.HTTPException) as fault:
        raise ServerError(f"{endpoint}: the key was not taken: {fault}") from None
    finally:
        connection.close()
    try:
        said = json.loads(content)
        ports = said.get("endpoint_list") or []
        if ports and all(type(each) is int for each in ports):
            return [each for each in ports if 0 < each < 65536]
        reason = said.get("message", "no endpoint_list in the answer")
    except (ValueError, AttributeError):
        reason = f"HTTP {response.status} without JSON"
    raise ServerError(f"{endpoint}: the model is not served: {reason}")
