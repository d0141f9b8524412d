# SPDX-License-Identifier: Apache-2.0
"""``asectl config validate``: the loader's own opinion of a file."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import Any

import click

from aiges.cli import _toml
from aiges.cli._find import find_program, python_path
from aiges.cli._say import CliError, Out, entry

SECTION = re.compile(r"\[(.+)\]$")
VALUE = re.compile(r"(\S+) = (.*?)\s+# (\S.*)$")


@entry(name="validate")
@click.argument("file", default="aiges.toml", type=click.Path(path_type=Path))
@click.option("-s", "--service", help="Service name = its section.")
@click.option("--plugin", is_flag=True, help="Also load the plugin once.")
@click.option("--show", is_flag=True, help="Print what is in force, and where it is from.")
def command(out: Out, file: Path, service: str | None, plugin: bool, show: bool) -> None:
    """Let AIService read FILE (default: aiges.toml here), and tell all mistakes at once."""
    if not file.is_file():
        raise CliError(f"expected a configuration at {file}, found none")
    name = service or _service(file)
    given = [f"-c={file.name}", f"-s={name}"]
    text = _ask(["-show-config", *given], file.parent)
    if plugin:
        _ask(["-check", *given], file.parent)
    value = {"file": str(file), "service": name, "ok": True, "config": settings(text)}
    out.result(value, text if show else f"{file}: in order")


def _service(file: Path) -> str:
    try:
        return _toml.service_of(_toml.read(file), file)
    except CliError:
        return "svcName"  # Broken: let AIService say how.


def _ask(arguments: list[str], folder: Path) -> str:
    done = subprocess.run(
        [str(find_program("AIService")), *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": python_path()},
        capture_output=True,
        text=True,
        errors="replace",
    )
    if done.returncode != 0:
        problems = [line for line in (done.stderr or done.stdout).splitlines() if line.strip()]
        raise CliError("\n".join(problems), ok=False, problems=problems)
    return done.stdout


def settings(text: str) -> dict[str, dict[str, Any]]:
    """Return what -show-config prints as section -> key -> value and origin."""
    found: dict[str, dict[str, Any]] = {}
    section = ""
    for line in text.splitlines():
        head, value = SECTION.match(line), VALUE.match(line)
        if head:
            section = head.group(1)
            found[section] = {}
        elif value:
            key, said, origin = value.groups()
            found[section][key] = {"value": said.strip(), "from": origin}
    return found
