# SPDX-License-Identifier: Apache-2.0
"""What ``predict`` returns to say more than a value: the status and fields of an HTTP answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["Answer"]

_OURS = (  # As loader/protocols/http_answer.cc has them.
    "connection",
    "content-length",
    "keep-alive",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "x-request-id",
)


class Answer:
    """A result with HTTP's status and header fields; other protocols get the value alone.

    ``status`` is from 200 to 599. Fields that belong to the connection are the host's, and are
    refused; ``content-type`` takes the place of the value's own.
    """

    def __init__(
        self, value: Any, *, headers: Mapping[str, str] | None = None, status: int = 0
    ) -> None:
        if status and not (isinstance(status, int) and 200 <= status <= 599):
            raise ValueError(f"status: expected a number from 200 to 599, got {status!r}")
        self.value, self.status = value, status
        self.headers = dict(headers or {})
        for name, text in self.headers.items():
            if not isinstance(name, str) or not isinstance(text, str):
                raise TypeError(f"headers: expected str to str, got {name!r}: {text!r}")
            plain = name.isascii() and name.replace("-", "").replace("_", "").isalnum()
            if not plain or name.lower() in _OURS:
                raise ValueError(f"headers: expected a field that is not the host's, got {name!r}")
            if any(ord(c) < 0x20 or ord(c) > 0x7E for c in text):
                raise ValueError(f"headers: {name}: expected printable ASCII, got {text!r}")
