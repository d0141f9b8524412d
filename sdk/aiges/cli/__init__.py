# SPDX-License-Identifier: Apache-2.0
"""``asectl``: make, try, check, serve and watch a wrapper (pip install 'aiges-host[cli]').

Each command is a module of its own, loaded when it is called: ``asectl --help`` loads none.
"""

from __future__ import annotations

import sys

__all__ = ["main"]


def main(arguments: list[str] | None = None) -> None:
    """Run ``asectl`` with these arguments (default: those of the process), and exit."""
    try:
        import click  # noqa: F401  # pyright: ignore[reportUnusedImport] (whether it is there)
    except ImportError:
        sys.exit("asectl: expected the package click, found none: pip install 'aiges-host[cli]'")
    from aiges.cli._app import asectl

    asectl(arguments, prog_name="asectl")
