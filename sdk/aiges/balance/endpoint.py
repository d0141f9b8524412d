# SPDX-License-Identifier: Apache-2.0
"""The values of load balancing: an endpoint, how it stands, and a list of them at one moment.

Everything here is immutable, so it may be shared between threads.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["Endpoint", "Listed", "Snapshot", "Standing", "join_address"]


class Standing(enum.Enum):
    """What discovery says about an endpoint."""

    READY = "ready"
    NOT_READY = "not ready"  # Its own word, or the operator's: it wants no new calls.
    DOUBTED = "doubted"  # Somebody could not reach it; whether we can is another question.


@dataclass(frozen=True)
class Endpoint:
    """One loader.

    ``address`` is ``host:port`` of its gRPC port, and what tells endpoints apart. ``weight`` is its
    share of the calls next to the others (1 or more). ``id`` is its name in the registry,
    ``http_address`` the ``host:port`` of its HTTP port; both are empty where nobody said.
    """

    address: str
    weight: int = 1
    id: str = ""
    http_address: str = ""
    tags: tuple[str, ...] = ()
    meta: Mapping[str, str] = field(default_factory=dict[str, str], compare=False)


@dataclass(frozen=True)
class Listed:
    """An endpoint as it stands in a snapshot."""

    endpoint: Endpoint
    standing: Standing = Standing.READY


@dataclass(frozen=True)
class Snapshot:
    """All endpoints that a source knows.

    ``final`` says what a missing endpoint means: True, somebody took it out (a file, a fixed list);
    False, the source may only have lost sight of it (a registry).
    """

    listed: tuple[Listed, ...] = ()
    final: bool = False


def join_address(host: str, port: int | str) -> str:
    """Return ``host:port``; an IPv6 host gets its brackets."""
    return f"[{host}]:{port}" if ":" in host and not host.startswith("[") else f"{host}:{port}"
