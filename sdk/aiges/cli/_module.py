# SPDX-License-Identifier: Apache-2.0
"""The wrapper of the user in this process, for commands that need its class."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from aiges.cli._find import Plugin, find_plugin
from aiges.cli._findings import ERROR, Findings
from aiges.cli._load import Failed, load, make
from aiges.cli._say import CliError

__all__ = ["wrapper_at"]


def wrapper_at(path: Path) -> tuple[Plugin, Any, bool, Findings]:
    """Return the plugin, its object or module, whether it is an object, and what was found.

    The working folder becomes that of the project, as under ``asectl serve``.
    """
    plugin = find_plugin(path)
    if not plugin.is_python:
        raise CliError(f"expected a wrapper.py, found {plugin.file}: for a library, asectl check")
    before = os.getcwd()
    os.chdir(plugin.project)
    findings = Findings(str(plugin.project))
    try:
        holder, is_class = make(load(plugin.file, findings), plugin.file, findings)
    except Failed:
        wrong = [each for each in findings.all if each.level == ERROR]
        raise CliError("\n".join(each.shown(before) for each in wrong)) from None
    return plugin, holder, is_class, findings
