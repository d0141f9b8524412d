# SPDX-License-Identifier: Apache-2.0
"""Words of ``[wrapper]`` and of the environment, read by contracts; what is none is a mistake."""

from __future__ import annotations

import os

__all__ = ["flag", "number", "truth"]

_TRUE, _FALSE = ("true", "1", "yes", "on"), ("false", "0", "no", "off", "")


def truth(what: str, text: str) -> bool:
    """Return what a word says; ``what`` names the key. Raises ValueError."""
    if text.lower() in _TRUE:
        return True
    if text.lower() in _FALSE:
        return False
    raise ValueError(f"{what}: expected true or false, got {text!r}")


def flag(config: dict[str, str], key: str, variable: str = "") -> bool:
    """Return what ``[wrapper]`` says, else the variable of the environment. Raises ValueError."""
    if key in config:
        return truth(f"[wrapper] {key}", config[key])
    return bool(variable) and truth(variable, os.environ.get(variable, ""))


def number(config: dict[str, str], key: str, default: int, most: int) -> int:
    """Return a number from 1 to ``most``. Raises ValueError."""
    text = config.get(key, str(default))
    if not (text.isascii() and text.isdigit()) or not 1 <= int(text) <= most:
        raise ValueError(f"[wrapper] {key}: expected a number from 1 to {most}, got {text}")
    return int(text)
