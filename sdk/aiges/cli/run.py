# SPDX-License-Identifier: Apache-2.0
"""``asectl run``: the hooks in this very process, for a debugger."""

from __future__ import annotations

import base64
import contextlib
import sys
from pathlib import Path

import click

from aiges.cli import _toml
from aiges.cli._find import find_plugin
from aiges.cli._interpreter import python_for
from aiges.cli._module import do
from aiges.cli._say import CliError, Out, entry
from aiges.cli.check import _input, _pair, wrapper_config


@entry(name="run")
@click.argument("path", default=".", type=click.Path(path_type=Path))
@click.option("--stream/--once", default=None, help="A session, or one call. Default: what it has.")
@click.option("--in", "inputs", multiple=True, metavar="KEY=TEXT|KEY=@FILE", help="Test data.")
@click.option("-p", "--param", multiple=True, metavar="K=V", help="A test parameter.")
def command(
    out: Out, path: Path, stream: bool | None, inputs: tuple[str, ...], param: tuple[str, ...]
) -> None:
    """Run the hooks of the wrapper.py at PATH (default: this folder) with their test values.

    Everything happens in this process and thread: breakpoint() works, and so does
    python -m pdb -m aiges run. A class derived from WrapperBase goes through its own run(). Where
    [instances] python or an active virtual environment says another interpreter, that runs it.
    """
    given = {
        key: (kind, base64.b64encode(data).decode()) for key, (kind, data) in map(_input, inputs)
    }
    params = dict(_pair(each, "--param") for each in param)
    plugin = find_plugin(path)
    if not plugin.is_python:
        raise CliError(f"expected a wrapper.py, found {plugin.file}: for a library, asectl check")
    file = plugin.project / "aiges.toml"
    python = python_for(plugin.project, _toml.read(file) if file.is_file() else {})
    config = wrapper_config(plugin)
    quiet = contextlib.redirect_stdout(sys.stderr) if out.as_json else contextlib.nullcontext()
    with quiet:
        problems = do(
            "hooks", python, plugin, inputs=given, params=params, config=config, stream=stream
        )
    out.result(
        {"plugin": str(plugin.file), "ok": not problems, "problems": problems},
        "" if problems else f"{plugin.file.name}: ran without a fault",
    )
    if problems:
        sys.exit(1)
