# SPDX-License-Identifier: Apache-2.0
"""The file of keys: ``<id> sha256:[<salt>:]<hash> <rights>`` a line; comments are kept."""

from __future__ import annotations

import os
import re
import tempfile
from pathlib import Path
from typing import Any, Callable

import click

from aiges._narrow import is_dict
from aiges.cli import _toml
from aiges.cli._say import CliError

__all__ = ["ID", "RIGHT", "file_option", "read", "words", "write"]

ID = re.compile(r"[\w.@+-]{1,64}", re.ASCII)
RIGHT = re.compile(r"call|admin|call:[\w.@+-]{1,64}", re.ASCII)
MODE = 0o600


def file_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the option that names the file."""
    return click.option(
        "-f",
        "--file",
        "path",
        type=click.Path(path_type=Path),
        callback=_given_or_configured,
        help="The file. Default: [access] keys_file of aiges.toml here.",
    )(function)


def _given_or_configured(_context: click.Context, _option: click.Parameter, given: Any) -> Any:
    return given or _configured()


def _configured() -> Path:
    file = Path("aiges.toml")
    table = _toml.read(file).get("access") if file.is_file() else None
    named = table.get("keys_file", "") if is_dict(table) else ""
    if not named:
        raise click.UsageError("expected --file, or [access] keys_file in aiges.toml here")
    return Path(str(named))


def words(line: str) -> list[str]:
    """Return the id, the hash and the rights of a line; nothing of a comment."""
    return line.partition("#")[0].split()


def read(path: Path) -> list[str]:
    """Return the lines; none where there is no file."""
    if not path.exists():
        return []
    lines = path.read_text(encoding="utf-8").splitlines()
    for number, line in enumerate(lines, 1):
        if len(words(line)) not in (0, 3):
            raise CliError(f"{path}:{number}: expected an id, the hash of a key and what it may")
    return lines


def write(path: Path, lines: list[str]) -> None:
    """Replace the file as a whole: who reads it meanwhile sees all of the old or of the new one."""
    mode = path.stat().st_mode & 0o777 if path.exists() else MODE
    descriptor, name = tempfile.mkstemp(prefix=path.name, dir=path.parent)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.writelines(line + "\n" for line in lines)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(name, mode)
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise
