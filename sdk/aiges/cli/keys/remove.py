# SPDX-License-Identifier: Apache-2.0
"""``asectl keys remove``."""

from __future__ import annotations

from pathlib import Path

import click

from aiges.cli._say import CliError, Out, entry
from aiges.cli.keys._file import file_option, read, words, write


@entry(name="remove")
@click.argument("name", metavar="ID")
@click.option("--hash", "begin", default="", help="Only the key whose hash begins so (keys list).")
@file_option
def command(out: Out, name: str, begin: str, path: Path) -> None:
    """Take the keys of ID away. Calls that run go on."""
    lines = read(path)
    kept = [line for line in lines if not _is_meant(words(line), name, begin)]
    removed = len(lines) - len(kept)
    if removed == 0:
        raise CliError(f"{path}: expected a key of {name}, found none that is meant")
    write(path, kept)
    out.result({"id": name, "removed": removed}, f"{path}: {removed} removed")


def _is_meant(found: list[str], name: str, begin: str) -> bool:
    return bool(found) and found[0] == name and found[1].rpartition(":")[2].startswith(begin)
