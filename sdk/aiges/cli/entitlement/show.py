# SPDX-License-Identifier: Apache-2.0
"""``asectl entitlement show``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from aiges.cli._say import Out, entry
from aiges.cli.entitlement._file import day_of, read


@entry(name="show")
@click.argument("file", type=click.Path(exists=True, path_type=Path))
def command(out: Out, file: Path) -> None:
    """Show what is in FILE, whoever signed it."""
    terms = read(file)[0]
    out.result(terms, "\n".join(f"{name:<12} {text(name, terms[name])}" for name in terms))


def text(name: str, value: Any) -> str:
    """Return a field for people."""
    if name in ("not_before", "expires") and isinstance(value, int):
        return day_of(value)
    if isinstance(value, list):
        return ", ".join(str(each) for each in value) or "all"  # pyright: ignore
    return str(value or "-" if name == "customer" else value)
