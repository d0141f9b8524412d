# SPDX-License-Identifier: Apache-2.0
"""``asectl entitlement make-key``."""

from __future__ import annotations

import os
from pathlib import Path

import click

from aiges.cli._say import CliError, Out, entry
from aiges.cli.entitlement._file import openssl, said


@entry(name="make-key")
@click.argument("private_key", type=click.Path(path_type=Path))
def command(out: Out, private_key: Path) -> None:
    """Make a key to sign with, PRIVATE_KEY, and beside it the public one for loaders (.pub)."""
    public = private_key.with_name(private_key.name + ".pub")
    for file in (private_key, public):
        if file.exists():
            raise CliError(f"{file}: is there already, left as it is")
    private = said(openssl("genpkey", "-algorithm", "ed25519"), "make a key")
    with open(os.open(private_key, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as made:
        made.write(private)
    public.write_bytes(said(openssl("pkey", "-pubout", "-in", str(private_key)), str(private_key)))
    out.result(
        {"private_key": str(private_key), "public_key": str(public)},
        f"{private_key}: signs; keep it where no loader is\n{public}: [entitlement] public_key",
    )
