# SPDX-License-Identifier: Apache-2.0
"""The tree of commands. Their modules are imported when a command is called or asked for help."""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Mapping
from typing import Any

import click

from aiges import __version__

COMMANDS = {
    "create": "Make a project: wrapper, test data, configuration, Dockerfile.",
    "run": "Run the wrapper's hooks in this process; breakpoints work.",
    "check": "Find what breaks the contract, with file, line and fix.",
    "serve": "Start AIService on a file, a folder or an application.",
    "call": "Send one request, show or save the answer.",
    "load": "Send many, and tell how fast and how many were answered.",
    "doctor": "Look at what serving needs here, and say what is missing.",
    "schema": "Print what goes in and out of the wrapper.",
    "status": "Show how a running loader is.",
    "top": "The same, live.",
    "usage": "Show who has used how much.",
    "limits": "Show who has how much left of its limits.",
    "models": "List the models of a running loader, load and unload them.",
    "graph": "Show which models call which.",
    "config": "Check configuration files, keep them in the config centre.",
    "keys": "Who may call: add, list and remove keys.",
    "entitlement": "Signed files of what a service may be used for.",
    "services": "List the loaders that are registered.",
    "package": "Write a Dockerfile and its build context.",
    "completion": "Print the completion script for a shell.",
}
CONFIG = {
    "validate": "Let AIService read a configuration file.",
    "diff": "Compare local files with those in the config centre.",
    "push": "Make local files the content of the config centre.",
    "pull": "Fetch the files from the config centre.",
    "history": "List the pushes.",
    "rollback": "Push an older revision again.",
    "watch": "Print changes, and what the loaders make of them.",
}


KEYS = {
    "add": "Make a key, and print it.",
    "list": "List who has a key.",
    "remove": "Take keys away.",
}
ENTITLEMENT = {
    "make-key": "Make a key to sign with.",
    "sign": "Write a signed file.",
    "show": "Show what is in one.",
    "check": "Tell whether one is good, and holds now.",
}


class LazyGroup(click.Group):
    """Commands by name; ``table`` has their help, ``package`` the modules they are in.

    The command ``top`` of the package ``aiges.cli`` is ``command`` in ``aiges/cli/top.py``.
    """

    def __init__(self, name: str, package: str, table: Mapping[str, str], **options: Any) -> None:
        super().__init__(name, **options)
        self._package, self._table = package, table

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Name the command that was probably meant."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            meant = difflib.get_close_matches(args[0], self._table, 1, 0.6)
            if meant and error.message.startswith("No such command"):
                said = f"{error.message} Did you mean {meant[0]!r}?"
                raise click.UsageError(said, ctx) from None
            raise

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self._table)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self._table:
            return None
        if cmd_name in GROUPS:
            return GROUPS[cmd_name]
        made: click.Command = importlib.import_module(
            f"{self._package}.{cmd_name.replace('-', '_')}"
        ).command
        made.short_help = self._table[cmd_name]
        return made

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(self._table.items()))

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[Any]:
        from click.shell_completion import CompletionItem

        return [
            CompletionItem(name, help=text)
            for name, text in self._table.items()
            if name.startswith(incomplete)
        ]


EXIT_CODES = (
    "Exit codes: 0 done; 1 it did not go well, as the text or the JSON says; 2 wrong words on the "
    "command line. serve ends with the code of AIService, load with that of xtest (3: no good "
    "answer)."
)
asectl = click.version_option(__version__, prog_name="asectl")(
    LazyGroup(
        "asectl",
        "aiges.cli",
        COMMANDS,
        help="Make, try, check, serve and watch an engine of AIGES. Every command has --json.",
        epilog=EXIT_CODES,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
)
config = LazyGroup(
    "config",
    "aiges.cli.config",
    CONFIG,
    help="Configuration files, here and in the config centre (Consul).",
)
keys = LazyGroup(
    "keys",
    "aiges.cli.keys",
    KEYS,
    help="The file of who may call ([access] keys_file).",
)
entitlement = LazyGroup(
    "entitlement",
    "aiges.cli.entitlement",
    ENTITLEMENT,
    help="Signed files of what a service may be used for ([entitlement]).",
)
GROUPS = {"config": config, "keys": keys, "entitlement": entitlement}
