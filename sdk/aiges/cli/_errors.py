# SPDX-License-Identifier: Apache-2.0
"""Errors of commands, for modules that also run where click is not installed."""

from __future__ import annotations

from typing import Any

__all__ = ["CliError", "need"]


class CliError(Exception):
    """What the user can mend. ``details`` go into the JSON of the error."""

    def __init__(self, text: str, **details: Any) -> None:
        super().__init__(text)
        self.details = details


def need(extra: str, error: ImportError) -> CliError:
    """Return the error for a package that is not installed; ``extra`` brings it."""
    fix = f"pip install 'aiges-host[{extra}]'"
    return CliError(f"expected the package {error.name}, found none: {fix}")
