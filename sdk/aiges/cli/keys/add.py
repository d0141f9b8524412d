# SPDX-License-Identifier: Apache-2.0
"""``asectl keys add``."""

from __future__ import annotations

import hashlib
import secrets
import sys
from pathlib import Path

import click

from aiges.cli._say import CliError, Out, entry
from aiges.cli.keys._file import ID, RIGHT, file_option, read, write


@entry(name="add")
@click.argument("name", metavar="ID")
@click.option("--may", default="call", show_default=True, help="call, call:SERVICE, admin; commas.")
@click.option(
    "--stdin", "given", is_flag=True, help="Take the key from stdin instead of making one."
)
@click.option("--salt", is_flag=True, help="For a key that people chose; made ones need none.")
@file_option
def command(out: Out, name: str, may: str, given: bool, salt: bool, path: Path) -> None:
    """Make a key for ID, and print it: it is in no file. A loader takes it within a second.

    An ID may have several keys: add the new one, give it out, then remove the old one.
    """
    if not ID.fullmatch(name):
        raise CliError(f"expected an id of letters, digits and ._@+-, got {name!r}")
    for right in may.split(","):
        if not RIGHT.fullmatch(right):
            raise CliError(f"--may: expected call, call:SERVICE or admin, got {right!r}")
    key = sys.stdin.readline().strip() if given else secrets.token_urlsafe(32)
    if not key or not key.isascii() or not key.isprintable():
        raise CliError("expected a key of visible ASCII")
    grain = secrets.token_hex(8) if salt else ""
    digest = hashlib.sha256((grain + key).encode()).hexdigest()
    hashed = f"sha256:{grain}:{digest}" if grain else f"sha256:{digest}"
    write(path, [*read(path), f"{name} {hashed} {may}"])
    out.note(f"{path}: {name} may {may}; the key, which is shown only now:")
    out.result({"id": name, "may": may.split(","), "key": None if given else key}, key)
