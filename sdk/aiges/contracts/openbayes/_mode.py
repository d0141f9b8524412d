# SPDX-License-Identifier: Apache-2.0
"""Where the code runs: on a desk, in a workspace of the platform, or deployed there."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["GEAR", "LOCAL", "PRODUCTION", "default_port", "mode", "model_folder"]

LOCAL, GEAR, PRODUCTION = "local", "gear", "production"
_PROJECT = "/mnt/project"
_LOCAL_PORT = 25252


def mode() -> str:
    """Return which one, as the platform's variables say."""
    if os.environ.get("OPENBAYES_JOB_URL"):
        return GEAR
    return PRODUCTION if os.environ.get("OPENBAYES_SERVING_PRODUCTION") else LOCAL


def default_port() -> int:
    """Return the port of the mode. OPENBAYES_SERVING_PORT is for the desk alone."""
    where = mode()
    if where == GEAR:
        return 8080
    if where == PRODUCTION:
        return 80
    text = os.environ.get("OPENBAYES_SERVING_PORT", str(_LOCAL_PORT))
    if not text.isdecimal() or not 0 <= int(text) <= 65535:
        raise ValueError(f"OPENBAYES_SERVING_PORT: expected a port from 0 to 65535, got {text!r}")
    return int(text)


def model_folder() -> Path:
    """Return where a model is searched, unless --model-path says it."""
    return Path(_PROJECT) if mode() == PRODUCTION else Path.cwd()
