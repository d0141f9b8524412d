# SPDX-License-Identifier: Apache-2.0
"""``asectl schema``: what the wrapper declares."""

from __future__ import annotations

import contextlib
import json
import sys
from pathlib import Path

import click

from aiges.cli import _toml
from aiges.cli._find import find_engine, find_plugin
from aiges.cli._interpreter import python_for
from aiges.cli._module import do
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
    """Print the schema of the model at PATH (default: this folder), as JSON in any case.

    PATH is a folder or a file of any name: a typed predict, or a class with declared fields.
    """
    target = output.absolute() if output else None
    plugin = find_engine(path)
    if plugin.contract not in ("", "tasks", "typed"):
        plugin = find_plugin(path)  # It says whose that is.
    if not plugin.is_python:
        raise CliError(f"expected a wrapper.py, found {plugin.file}: for a library, asectl check")
    file = plugin.project / "aiges.toml"
    python = python_for(plugin.project, _toml.read(file) if file.is_file() else {})
    with contextlib.redirect_stdout(sys.stderr):  # What the wrapper prints is no JSON.
        made = do(
            "schema",
            python,
            plugin,
            legacy=generation == "legacy",
            aipaas=aipaas,
            defaults=not no_defaults,
        )
    text = json.dumps(made, ensure_ascii=False, indent=2)
    if target:
        target.write_text(text + "\n", encoding="utf-8")
        out.result({"file": str(target)}, f"wrote {target}")
    else:
        out.result(made, text)
