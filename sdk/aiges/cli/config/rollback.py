# SPDX-License-Identifier: Apache-2.0
"""``asectl config rollback``."""

from __future__ import annotations

from typing import Any

import click

from aiges.cli._say import Out, entry
from aiges.cli.config._centre import author_of, centre, scope_options


@entry(name="rollback")
@click.argument("revision")
@click.option("-m", "--message", help="Why.")
@click.option("--author", help="Who. Default: user@host.")
@scope_options
def command(out: Out, revision: str, message: str | None, author: str | None, **where: Any) -> None:
    """Push the files of REVISION (see history) again."""
    with centre(**where) as (registry, scope):
        made = registry.rollback(scope, revision, author=author_of(author), message=message)
    out.result({"scope": str(scope), "revision": made}, f"{scope}: {made}")
