# SPDX-License-Identifier: Apache-2.0
"""``asectl config pull``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from aiges.cli._say import CliError, Out, entry
from aiges.cli.config._centre import centre, scope_options


@entry(name="pull")
@click.option("-o", "--out", "folder", type=click.Path(path_type=Path), help="Write them there.")
@scope_options
def command(out: Out, folder: Path | None, **where: Any) -> None:
    """Fetch the files from the config centre: into a folder, or to the terminal."""
    with centre(**where) as (registry, scope):
        config = registry.pull(scope)
    if not config.files:
        raise CliError(f"{scope}: expected files in the config centre, found none: push first")
    if folder is not None:
        for name, text in config.files.items():
            file = folder / name
            if not file.resolve().is_relative_to(folder.resolve()):
                raise CliError(f"expected names inside of the folder, got {name!r}")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
        text = f"{scope}: {config.revision} -> {folder} ({', '.join(sorted(config.files))})"
    else:
        text = "\n".join(f"# {name}\n{text}" for name, text in sorted(config.files.items()))
    out.result(
        {"scope": str(scope), "revision": config.revision, "files": dict(config.files)}, text
    )
