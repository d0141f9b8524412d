# SPDX-License-Identifier: Apache-2.0
"""What ``[wrapper]`` of aiges.toml and the environment say to this contract."""

from __future__ import annotations

import os
from typing import NamedTuple

__all__ = ["Options", "read_options"]

_TRUE, _FALSE = ("true", "1", "yes", "on"), ("false", "0", "no", "off", "")


class Options(NamedTuple):
    """``max_body`` in bytes; ``model_path``: a file or folder, "" where the mode says it."""

    threads: int
    max_body: int
    debug: bool
    console: bool
    strict: bool
    model_path: str


def _truth(what: str, text: str) -> bool:
    if text.lower() in _TRUE:
        return True
    if text.lower() in _FALSE:
        return False
    raise ValueError(f"{what}: expected true or false, got {text}")


def _flag(config: dict[str, str], key: str, variable: str = "") -> bool:
    if key in config:
        return _truth(f"[wrapper] {key}", config[key])
    return bool(variable) and _truth(variable, os.environ.get(variable, ""))


def _number(config: dict[str, str], key: str, default: int, most: int) -> int:
    text = config.get(key, str(default))
    if not text.isdecimal() or not 1 <= int(text) <= most:
        raise ValueError(f"[wrapper] {key}: expected a number from 1 to {most}, got {text}")
    return int(text)


def read_options(config: dict[str, str]) -> Options:
    """Return them. Raises ValueError."""
    return Options(
        threads=_number(config, "max_workers", 10, 1000),
        max_body=_number(config, "max_body_mb", 512, 2000) << 20,
        debug=_flag(config, "debug", "AIGES_DEBUG"),
        console=_flag(config, "debug_console", "AIGES_DEBUG_CONSOLE"),
        strict=_flag(config, "strict_upstream"),
        model_path=config.get("model_path", ""),
    )
