# SPDX-License-Identifier: Apache-2.0
"""What clients are made with, and what calls have beside inputs, whose names are the model's."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

__all__ = ["Options", "Wanted", "is_http", "key_of"]


class Wanted(NamedTuple):
    """What a client is made with; ``Client`` says what each means."""

    target: str
    service: str
    timeout_s: float
    retries: int
    idempotent: bool
    keepalive_s: float
    api_key: str | None
    ca: str
    cert: str
    key: str


def is_http(target: str) -> bool:
    """Return whether a client of this target speaks HTTP rather than gRPC."""
    return target.startswith(("http://", "https://", "unix:"))


@dataclass(frozen=True)
class Options:
    """``timeout_s`` None: the client's own for a call, none for a stream; else of both."""

    timeout_s: float | None = None
    params: Mapping[str, str] = field(default_factory=dict[str, str])
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    accept: str = ""
    request_id: str = ""

    def having(self, given: dict[str, Any]) -> Options:
        """Return these with what is given laid over them. Raises TypeError and ValueError."""
        made = replace(self, **{name: value for name, value in given.items() if value is not None})
        if made.timeout_s is not None and not 0 < made.timeout_s <= math.inf:
            raise ValueError(f"timeout_s: expected more than 0 seconds, got {made.timeout_s!r}")
        for what in ("params", "headers"):
            for name, value in getattr(made, what).items():
                if not isinstance(name, str) or not isinstance(value, str):
                    raise TypeError(
                        f"{what}: expected a dict of str to str, got {name!r}: {value!r}"
                    )
        return made


def key_of(api_key: str | None) -> str:
    """Return the key that goes with every call: the given one, else that of the environment."""
    found = os.environ.get("AIGES_API_KEY", "") if api_key is None else api_key
    if not found.isascii() or not found.isprintable():
        raise ValueError("api_key: expected visible ASCII")  # Never the key itself.
    return found
