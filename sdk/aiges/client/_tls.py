# SPDX-License-Identifier: Apache-2.0
"""TLS of a client: whom it trusts, and who it is."""

from __future__ import annotations

from typing import Any

__all__ = ["SYSTEM", "check_pair", "credentials"]

SYSTEM = "system"


def _read(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()


def check_pair(cert: str, key: str) -> None:
    """Raise ValueError for half of a pair."""
    if bool(cert) != bool(key):
        there, missing = ("cert", "key") if cert else ("key", "cert")
        raise ValueError(f"expected {missing} beside {there}, got none")


def credentials(ca: str, cert: str, key: str) -> Any:
    """Return what gRPC wants of these PEM files; None without any: then it speaks plain text.

    Raises OSError for a file that cannot be read, ValueError for half of a pair.
    """
    check_pair(cert, key)
    if not ca and not cert:
        return None
    import grpc  # type: ignore[import-untyped]

    roots = None if ca in ("", SYSTEM) else _read(ca)
    own = (_read(key), _read(cert)) if cert else (None, None)
    return grpc.ssl_channel_credentials(roots, *own)
