# SPDX-License-Identifier: Apache-2.0
"""``asectl schema``: what the wrapper declares."""

from __future__ import annotations

import contextlib
import json
import sys
from pathlib import Path

import click

from aiges.cli._module import wrapper_at
from aiges.cli._say import CliError, Out, entry


@entry(name="schema")
@click.argument("path", default=".", type=click.Path(path_type=Path))
@click.option("--generation", type=click.Choice(["legacy", "2"]), default="2", show_default=True)
@click.option("--aipaas", is_flag=True, help="Write defaults as defaultVal, leave out titles.")
@click.option("--no-defaults", is_flag=True, help="Leave out defaults.")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Write it to a file.")
def command(
    out: Out,
    path: Path,
    generation: str,
    aipaas: bool,
    no_defaults: bool,
    output: Path | None,
) -> None:
    """Print the schema of the wrapper.py at PATH (default: this folder), as JSON in any case."""
    target = output.absolute() if output else None
    with contextlib.redirect_stdout(sys.stderr):  # What the wrapper prints is no JSON.
        plugin, holder, is_class, _ = wrapper_at(path)
        if not is_class or not hasattr(holder, "schema"):
            raise CliError(
                f"{plugin.file}: expected class Wrapper derived from aiges.sdk.WrapperBase, with "
                "requestCls and responseCls: only these declare something"
            )
        holder.legacy = generation == "legacy"
        holder.is_aipaas, holder.keep_schema_default_value = aipaas, not no_defaults
        try:
            made = json.loads(holder.schema())
        except ValueError as error:
            raise CliError(f"{plugin.file}: {error}") from None
    text = json.dumps(made, ensure_ascii=False, indent=2)
    if target:
        target.write_text(text + "\n", encoding="utf-8")
        out.result({"file": str(target)}, f"wrote {target}")
    else:
        out.result(made, text)
