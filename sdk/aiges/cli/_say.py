# SPDX-License-Identifier: Apache-2.0
"""How commands speak: text for people, JSON for programs, errors that say what to do."""

from __future__ import annotations

import functools
import json
import os
import sys
from typing import Any, Callable, NoReturn

import click

from aiges.cli._errors import CliError, need

__all__ = ["CliError", "Out", "api_key", "coloured", "entry", "need"]

FAILED = 1


def coloured() -> bool:
    """Tell whether colours are wanted: in a terminal, unless NO_COLOR is set (no-color.org)."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR")


class Out:
    """Where a command writes its result: with ``--json`` one JSON value, else lines of text."""

    def __init__(self, as_json: bool) -> None:
        self.as_json = as_json

    def result(self, value: Any, text: str = "") -> None:
        """Give the result: ``value`` as JSON, or ``text``."""
        click.echo(json.dumps(value, ensure_ascii=False, indent=2) if self.as_json else text)

    def event(self, value: Any, text: str) -> None:
        """Give one of many results: a line of JSON, or text. Seen at once, also in a pipe."""
        click.echo(json.dumps(value, ensure_ascii=False) if self.as_json else text)
        sys.stdout.flush()

    def note(self, text: str) -> None:
        """Say something beside the result; programs do not see it."""
        if not self.as_json:
            click.echo(text, err=True)

    def paint(self, text: str, colour: str) -> str:
        """Return the text in a colour, where that is seen as one."""
        return click.style(text, fg=colour) if coloured() else text

    def table(self, columns: list[str], rows: list[list[str]], empty: str) -> str:
        """Return rows as text in columns."""
        if not rows:
            return empty
        width = [max(len(line[i]) for line in [columns, *rows]) for i in range(len(columns))]
        lines = [
            "  ".join(cell.ljust(size) for cell, size in zip(line, width)).rstrip()
            for line in [columns, *rows]
        ]
        return "\n".join(lines)

    def fail(self, error: CliError) -> NoReturn:
        """Say what is wrong, and end the process."""
        if self.as_json:
            value = {"error": str(error), **error.details}
            click.echo(json.dumps(value, ensure_ascii=False, indent=2))
        else:
            click.echo(f"asectl: {error}", err=True)
        sys.exit(FAILED)


def entry(**options: Any) -> Callable[[Callable[..., None]], click.Command]:
    """Make a command of ``function(out, ..)``: with --json, and with errors instead of tracebacks.

    A module that a command needs and that is not installed is such an error, too.
    """

    def make(function: Callable[..., None]) -> click.Command:
        @functools.wraps(function)
        def run(as_json: bool, **given: Any) -> None:
            out = Out(as_json)
            try:
                function(out, **given)
            except CliError as error:
                out.fail(error)
            except OSError as error:
                out.fail(CliError(str(error)))

        text = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
        made: click.Command = click.command(**options)(text(run))
        return made

    return make


def api_key(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command --api-key: what it asks loaders for, it asks with that."""

    def keep(_ctx: click.Context, _option: click.Parameter, given: str | None) -> None:
        if given is not None:
            os.environ["AIGES_API_KEY"] = given

    return click.option(
        "--api-key", expose_value=False, callback=keep, help="Default: AIGES_API_KEY."
    )(function)
