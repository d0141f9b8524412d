# SPDX-License-Identifier: Apache-2.0
"""The wrapper of the user, imported for commands that need what it has: run, schema.

In this process, so that breakpoint() works; where the project has another interpreter, in one that
this starts in its place (``python -m aiges.cli._module ORDER.json``), with the same terminal.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Callable

from aiges.cli._errors import CliError
from aiges.cli._find import Plugin, python_path
from aiges.cli._findings import ERROR, Findings
from aiges.cli._interpreter import is_ours
from aiges.cli._load import Failed, load, make

__all__ = ["do", "hooks", "schema"]


def do(what: str, python: str, plugin: Plugin, **given: Any) -> Any:
    """Return what :func:`hooks` or :func:`schema` of the plugin does, in that interpreter."""
    if is_ours(python):
        return ACTIONS[what](plugin, **given)
    with tempfile.TemporaryDirectory(prefix="asectl-") as name:
        order, result = Path(name, "order"), Path(name, "result")
        made = {
            "what": what,
            "file": str(plugin.file),
            "project": str(plugin.project),
            "contract": plugin.contract,
            "app": plugin.app,
        }
        order.write_text(json.dumps({**made, "given": given, "result": str(result)}))
        code = subprocess.call(
            [python, "-m", "aiges.cli._module", str(order)],
            env={**os.environ, "PYTHONPATH": python_path()},
            stdout=sys.stdout if _is_file(sys.stdout) else None,
        )
        if not result.is_file():
            raise CliError(f"{python} ended with {code} before {plugin.file} was through")
        said = json.loads(result.read_text(encoding="utf-8"))
    if "error" in said:
        raise CliError(said["error"])
    return said["value"]


def _is_file(stream: Any) -> bool:
    try:
        return bool(stream.fileno() >= 0)
    except (OSError, ValueError):
        return False


def wrapper_at(plugin: Plugin) -> tuple[Any, bool, Findings]:
    """Return its object or module, whether it is an object, and what was found.

    The working folder becomes that of the project, as under ``asectl serve``.
    """
    before = os.getcwd()
    os.chdir(plugin.project)
    findings = Findings(str(plugin.project))
    try:
        holder, is_class = make(load(plugin.file, findings), plugin.file, findings)
    except Failed:
        wrong = [each for each in findings.all if each.level == ERROR]
        raise CliError("\n".join(each.shown(before) for each in wrong)) from None
    return holder, is_class, findings


def hooks(
    plugin: Plugin,
    inputs: dict[str, tuple[int, str]],
    params: dict[str, str],
    config: dict[str, str],
    stream: bool | None,
) -> list[str]:
    """Call the hooks with these values, inputs in base64. Returns what is wrong."""
    import base64

    from aiges.cli._drive import Driver
    from aiges.cli._hooks import Given
    from aiges.cli._signatures import hook_of

    holder, is_class, findings = wrapper_at(plugin)
    problems = _errors(findings, plugin)
    once = hook_of(holder, "wrapperOnceExec") is not None
    session = any(hook_of(holder, each) for each in ("wrapperStream", "wrapperCreate"))
    if is_class and hasattr(holder, "run") and (once or session) and not inputs and not params:
        holder.config = config
        seen = _Seen()
        logging.getLogger("aiges").addHandler(seen)
        holder.run(stream=not once if stream is None else stream)
        return problems + seen.lines
    given = {key: (kind, base64.b64decode(data)) for key, (kind, data) in inputs.items()}
    with contextlib.suppress(Failed):
        Driver(holder, is_class, findings, Given(given, params, config)).run()
    problems = _errors(findings, plugin)
    for problem in problems:
        print(problem, file=sys.stderr)
    return problems


def _errors(findings: Findings, plugin: Plugin) -> list[str]:
    return [each.shown(str(plugin.project)) for each in findings.all if each.level == ERROR]


class _Seen(logging.Handler):
    """Keeps what run() says is wrong."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


def schema(plugin: Plugin, legacy: bool, aipaas: bool, defaults: bool) -> Any:
    """Return what the wrapper declares, or a typed model."""
    if plugin.contract == "typed":
        return _typed(plugin)
    holder, is_class, _ = wrapper_at(plugin)
    if not is_class or not hasattr(holder, "schema"):
        raise CliError(
            f"{plugin.file}: expected class Wrapper derived from aiges.sdk.WrapperBase, with "
            "requestCls and responseCls: only these declare something"
        )
    holder.legacy = legacy
    holder.is_aipaas, holder.keep_schema_default_value = aipaas, defaults
    try:
        return json.loads(holder.schema())
    except ValueError as error:
        raise CliError(f"{plugin.file}: {error}") from None


def _typed(plugin: Plugin) -> Any:
    """Return what the hints of a typed model declare."""
    os.environ["AIGES_APP"] = plugin.said["app"]
    sys.path.insert(0, str(plugin.folder))
    os.chdir(plugin.project)
    try:
        from aiges.contracts.typed._engine import make_engine

        return make_engine().wrapperSchema()
    except Exception as error:
        raise CliError(f"{plugin.file}: {type(error).__name__}: {error}") from None


ACTIONS: dict[str, Callable[..., Any]] = {"hooks": hooks, "schema": schema}


def _main(order: dict[str, Any]) -> None:
    """Do what the order says. What the user's code prints belongs on the terminal, not to us."""
    plugin = Plugin(Path(order["file"]), Path(order["project"]), order["contract"], order["app"])
    try:
        said = {"value": ACTIONS[order["what"]](plugin, **order["given"])}
    except CliError as error:
        said = {"error": str(error)}
    Path(order["result"]).write_text(json.dumps(said), encoding="utf-8")


if __name__ == "__main__":
    _main(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))
