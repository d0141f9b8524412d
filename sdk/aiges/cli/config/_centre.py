# SPDX-License-Identifier: Apache-2.0
"""What the commands of the config centre have in common: the scope, the files, the errors."""

from __future__ import annotations

import contextlib
import getpass
import socket
from collections.abc import Generator
from pathlib import Path
from typing import Any, Callable

import click

from aiges.cli._say import CliError, need

__all__ = ["author_of", "centre", "local_files", "scope_options"]

HIDDEN = (".asectl", "__pycache__")


def scope_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that say which files are meant, and where the config centre is."""
    options = [
        click.option("-s", "--service", default="svcName", show_default=True),
        click.option("-p", "--project", default="AIpaas", show_default=True),
        click.option("-g", "--group", default="hu", show_default=True),
        click.option("--version", "wrapper_version", default="1.0.0", show_default=True),
        click.option("-a", "--agent", help="Consul: http://HOST:PORT. Default: CONSUL_HTTP_ADDR."),
    ]
    for option in reversed(options):
        function = option(function)
    return function


@contextlib.contextmanager
def centre(
    agent: str | None, service: str, project: str, group: str, wrapper_version: str
) -> Generator[tuple[Any, Any], None, None]:
    """Give a Registry and a Scope; what they refuse becomes an error of the command."""
    try:
        from aiges.registry import Conflict, Registry, RegistryError, Scope
    except ImportError as error:
        raise need("registry", error) from None
    try:
        scope = Scope(service, project, group, wrapper_version)
        with Registry(agent) as registry:
            yield registry, scope
    except Conflict as error:
        raise CliError(str(error), expected=error.expected, found=error.found) from None
    except (RegistryError, ValueError, LookupError) as error:
        text = error.args[0] if isinstance(error, LookupError) and error.args else error
        raise CliError(str(text)) from None


def local_files(paths: tuple[Path, ...]) -> dict[str, str]:
    """Return the text of files by the name they have in the config centre.

    A file has its own name, a file in a folder its path in that folder.
    """
    found: dict[str, str] = {}
    for path in paths:
        if path.is_dir():
            inside = sorted(
                file
                for file in path.rglob("*")
                if file.is_file() and not any(part in HIDDEN for part in file.parts)
            )
            named = [(file.relative_to(path).as_posix(), file) for file in inside]
        elif path.is_file():
            named = [(path.name, path)]
        else:
            raise CliError(f"expected a file or folder at {path}, found none")
        for name, file in named:
            if name in found:
                raise CliError(f"expected one file named {name}, found two: push a folder")
            try:
                found[name] = file.read_text(encoding="utf-8")
            except UnicodeDecodeError as error:
                raise CliError(f"{file}: expected text in UTF-8: {error}") from None
    if not found:
        raise CliError("expected at least one file, found none")
    return found


def author_of(author: str | None) -> str:
    """Return who pushes: what was said, else user@host."""
    if author:
        return author
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = "unknown"
    return f"{user}@{socket.gethostname()}"
