# SPDX-License-Identifier: Apache-2.0
"""One request of ``asectl call``, as both protocols take it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from aiges.cli._payloads import Payload, Wanted

__all__ = ["Request"]


@dataclass(frozen=True)
class Request:
    """``target`` is a URL for HTTP, else what :class:`aiges.client.Client` takes."""

    target: str
    service: str
    inputs: Sequence[Payload]
    params: Mapping[str, str]
    headers: Mapping[str, str]
    wanted: Sequence[Wanted]
    timeout_s: float
    stream: bool = False
    ca: str = ""
    cert: str = ""
    key: str = ""
