# SPDX-License-Identifier: Apache-2.0
"""``asectl config diff``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from aiges.cli._say import CliError, Out, entry
from aiges.cli.config._centre import centre, local_files, scope_options


@entry(name="diff")
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
@click.option("-r", "--revision", help="Compare this older one, instead of what is in force.")
@scope_options
def command(out: Out, paths: tuple[Path, ...], revision: str | None, **where: Any) -> None:
    """Show what pushing PATHS would change; without PATHS, from REVISION to now.

    Ends with 1 when there is a difference.
    """
    if not paths and not revision:
        raise CliError("expected files to compare, or --revision, got neither")
    with centre(**where) as (registry, scope):
        from aiges.registry import Config

        before = registry.pull(scope)
        after = Config.of(local_files(paths)) if paths else before
        if revision:
            found = {entry.revision: entry for entry in registry.history(scope)}
            if revision not in found:
                known = ", ".join(found) or "none"
                raise CliError(f"{scope}: expected a revision of {known}, got {revision!r}")
            before = Config.of(found[revision].files)
        text = registry.diff(before, after)
    out.result(
        {"scope": str(scope), "from": before.revision, "to": after.revision, "diff": text},
        text.rstrip("\n") or "no difference",
    )
    if text:
        sys.exit(1)
