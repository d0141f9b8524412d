# SPDX-License-Identifier: Apache-2.0
"""``asectl entitlement sign``."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import click

from aiges.cli._say import CliError, Out, entry
from aiges.cli.entitlement._file import seconds_of, sign

COUNT = click.IntRange(min=0)


@entry(name="sign")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--key", required=True, type=click.Path(path_type=Path), help="The private key.")
@click.option("--id", "name", required=True, help="What this entitlement is called.")
@click.option("--customer", default="", help="Whose it is.")
@click.option("--not-before", default="", help="A day, in UTC. Default: now.")
@click.option("--expires", required=True, help="A day, in UTC.")
@click.option("--grace-days", default=0, type=COUNT, help="Calls are taken so long after.")
@click.option("--model", "models", multiple=True, help="One that may be called. Default: all.")
@click.option("--instances", default=0, type=COUNT, help="At most, of each model. 0: any.")
@click.option("--calls", default=0, type=COUNT, help="At most, a day. 0: any.")
@click.option("--concurrency", default=0, type=COUNT, help="At most at a time. 0: any.")
def command(out: Out, file: Path, key: Path, **given: Any) -> None:
    """Write FILE, for [entitlement] file of a loader. A file that is there is replaced."""
    begin = seconds_of(given["not_before"]) if given["not_before"] else int(time.time())
    expires = seconds_of(given["expires"])
    if expires <= begin:
        raise CliError("--expires: expected a day after it begins")
    terms = {
        "id": given["name"],
        "customer": given["customer"],
        "not_before": begin,
        "expires": expires,
        "grace_days": given["grace_days"],
        "models": list(given["models"]),
        "instances": given["instances"],
        "calls": given["calls"],
        "concurrency": given["concurrency"],
    }
    made = file.with_name(file.name + ".new")
    made.write_text(sign(terms, key), encoding="utf-8")
    made.replace(file)
    out.result({"file": str(file), **terms}, f"{file}: signed")
