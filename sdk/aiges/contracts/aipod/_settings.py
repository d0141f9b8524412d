# SPDX-License-Identifier: Apache-2.0
"""What AIPOD's environment variables say, read when they are asked for."""

from __future__ import annotations

import os
from typing import NamedTuple

__all__ = ["Settings", "listen_port", "read_settings"]

_PORT, _WORKERS = "50051", "12"
_MOST_WORKERS = 1000


class Settings(NamedTuple):
    """``pool_size`` of 0 or less: any number of instances. ``data_path``: as it was said."""

    workers: int
    pool_size: int
    data_path: str | None


def read_settings() -> Settings:
    """Return them. Raises ValueError for what is no number, and where there are too many."""
    workers = int(os.environ.get("AIPOD_RPC_MAX_WORKERS") or _WORKERS)
    if not 1 <= workers <= _MOST_WORKERS:
        raise ValueError(
            f"AIPOD_RPC_MAX_WORKERS: expected a number from 1 to {_MOST_WORKERS}, got {workers}"
        )
    # An empty text is no number here, as it always was.
    pool_size = int(os.environ.get("AIPOD_MODEL_POOL_SIZE", "1"))
    return Settings(workers, pool_size, os.environ.get("AIPOD_DATA_PATH"))


def listen_port(port: int | None) -> int:
    """Return where to listen, if ``port`` was asked for."""
    return port or int(os.environ.get("AIPOD_LISTEN_PORT") or _PORT)
