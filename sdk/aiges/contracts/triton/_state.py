# SPDX-License-Identifier: Apache-2.0
"""What is one for the process: the model that it runs, for what the user's code calls by name."""

from __future__ import annotations

from typing import Any

__all__ = ["runner", "serving", "version_folder"]

version_folder = ""  # Of the model's file.
serving = False  # Between initialize and finalize.
runner: Any = None
