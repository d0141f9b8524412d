# SPDX-License-Identifier: Apache-2.0
"""``asectl completion``: what a shell needs to complete commands and options."""

from __future__ import annotations

import os

import click

from aiges.cli._say import CliError, Out, entry

SHELLS = ("bash", "zsh", "fish")
HOW = {
    "bash": 'eval "$(asectl completion bash)"          # in ~/.bashrc',
    "zsh": 'eval "$(asectl completion zsh)"           # in ~/.zshrc',
    "fish": "asectl completion fish | source           # in ~/.config/fish/config.fish",
}


@entry(name="completion")
@click.argument("shell", required=False, type=click.Choice(SHELLS))
def command(out: Out, shell: str | None) -> None:
    """Print the completion script for SHELL (default: the one of SHELL in the environment)."""
    from click.shell_completion import get_completion_class

    from aiges.cli._app import asectl

    name = shell or os.path.basename(os.environ.get("SHELL", ""))
    if name not in SHELLS:
        raise CliError(f"expected one of {', '.join(SHELLS)}, got {name!r}: name the shell")
    kind = get_completion_class(name)
    if kind is None:
        raise CliError(f"{name}: this version of click has no completion for it")
    script = kind(asectl, {}, "asectl", "_ASECTL_COMPLETE").source()
    out.result({"shell": name, "use": HOW[name], "script": script}, script)
