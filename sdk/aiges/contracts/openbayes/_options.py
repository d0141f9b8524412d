# SPDX-License-Identifier: Apache-2.0
"""What ``[wrapper]`` of aiges.toml and the environment say to this contract."""

from __future__ import annotations

from typing import NamedTuple

from aiges.contracts._options import flag, number

__all__ = ["Options", "read_options"]


class Options(NamedTuple):
    """``max_body`` in bytes; ``model_path``: a file or folder, "" where the mode says it."""

    threads: int
    max_body: int
    debug: bool
    console: bool
    strict: bool
    model_path: str


def read_options(config: dict[str, str]) -> Options:
    """Return them. Raises ValueError."""
    return Options(
        threads=number(config, "max_workers", 10, 1000),
        max_body=number(config, "max_body_mb", 512, 2000) << 20,
        debug=flag(config, "debug", "AIGES_DEBUG"),
        console=flag(config, "debug_console", "AIGES_DEBUG_CONSOLE"),
        strict=flag(config, "strict_upstream"),
        model_path=config.get("model_path", ""),
    )
