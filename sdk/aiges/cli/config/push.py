# SPDX-License-Identifier: Apache-2.0
"""``asectl config push``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from aiges.cli._say import Out, entry
from aiges.cli.config._centre import author_of, centre, local_files, scope_options


@entry(name="push")
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("-m", "--message", required=True, help="Why.")
@click.option("--author", help="Who. Default: user@host.")
@click.option("--expect", "expected", help='Only onto this revision; "": only where nothing is.')
@scope_options
def command(
    out: Out,
    paths: tuple[Path, ...],
    message: str,
    author: str | None,
    expected: str | None,
    **where: Any,
) -> None:
    """Make the files at PATHS (files or a folder) the whole content of the config centre."""
    files = local_files(paths)
    with centre(**where) as (registry, scope):
        revision = registry.push(
            scope, files, message=message, author=author_of(author), expect_revision=expected
        )
    names = sorted(files)
    out.result(
        {"scope": str(scope), "revision": revision, "files": names},
        f"{scope}: {revision} ({', '.join(names)})",
    )
