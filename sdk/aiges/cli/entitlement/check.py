# SPDX-License-Identifier: Apache-2.0
"""``asectl entitlement check``."""

from __future__ import annotations

import time
from pathlib import Path

import click

from aiges.cli._say import CliError, Out, entry
from aiges.cli.entitlement._file import day_of, is_signed_by, read


@entry(name="check")
@click.argument("file", type=click.Path(exists=True, path_type=Path))
@click.option("--key", required=True, type=click.Path(exists=True, path_type=Path))
def command(out: Out, file: Path, key: Path) -> None:
    """Tell whether FILE was signed by whose public key --key is, and holds now."""
    terms, line, signature = read(file)
    if not is_signed_by(line, signature, key):
        raise CliError(f"{file}: not signed by {key}, or changed since")
    now, expires = time.time(), int(terms["expires"])
    if now < int(terms.get("not_before", 0)):
        raise CliError(f"{file}: begins at {day_of(int(terms['not_before']))}")
    if now >= expires + int(terms.get("grace_days", 0)) * 86400:
        raise CliError(f"{file}: ended at {day_of(expires)}")
    said = f"{file}: {terms['id']}, until {day_of(expires)}"
    if now >= expires:
        said += ", in its days of grace"
    out.result({"file": str(file), "seconds_left": int(expires - now), **terms}, said)
