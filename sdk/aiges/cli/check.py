# SPDX-License-Identifier: Apache-2.0
"""``asectl check``: what breaks the contract, found in a process that may die of it."""

from __future__ import annotations

import base64
import json
import mimetypes
import os
import signal
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from aiges._narrow import is_dict
from aiges._programs import native_program
from aiges.cli import _toml
from aiges.cli._build import freshen
from aiges.cli._find import Plugin, find_engine, find_headers, python_path
from aiges.cli._findings import ERROR, NOTE, WARNING, Finding, Findings, place_in_dump
from aiges.cli._hooks import Given
from aiges.cli._interpreter import python_for
from aiges.cli._say import CliError, Out, entry

TYPES = {"audio": 1, "image": 2, "video": 3}
LAST_LINES = 20
WORDS = (ERROR, WARNING)
# What happens before a worker is ready; "": what the file as a whole is.
STARTING = ("", "start", "import", "Wrapper()", "wrapperInit", "wrapperWarmup")
_NOT_TRIED: dict[str, Any] = {"findings": [], "hooks": [], "output": ""}  # Another contract's code.
SHIM = b"aiges_embed"  # The module that the shim has built in.


@entry(name="check")
@click.argument("path", default=".", type=click.Path(path_type=Path))
@click.option("--in", "inputs", multiple=True, metavar="KEY=TEXT|KEY=@FILE", help="Test data.")
@click.option("-p", "--param", multiple=True, metavar="K=V", help="A test parameter.")
@click.option("--resource", metavar="NAME=@FILE", help="A resource for wrapperLoadRes.")
@click.option("--timeout", default=120.0, show_default=True, help="Seconds for all hooks.")
@click.option("--strict", is_flag=True, help="Warnings fail, too.")
@click.option(
    "--loader/--no-loader", default=None, help="Whether AIService loads it, too. Default: Python."
)
@click.option("-v", "--verbose", is_flag=True, help="Show what the plugin prints.")
def command(
    out: Out,
    path: Path,
    inputs: tuple[str, ...],
    param: tuple[str, ...],
    resource: str | None,
    timeout: float,
    strict: bool,
    loader: bool | None,
    verbose: bool,
) -> None:
    """Check the wrapper.py or libwrapper.so at PATH (default: this folder).

    A wrapper.py is loaded by AIService in a worker, as [instances] of aiges.toml says: what serves
    there is no error here. Then its hooks are called with the declared test values, in a process of
    its own. Ends with 1 when something breaks the contract. A note says what was not tried, and
    fails nothing.

    Of a libwrapper.so findings name the function, never a line of its source: for that, run it
    under a debugger or a sanitizer. Code in Java, Go or Rust is built first, where it is newer.
    Code for another contract (openbayes, seldon, ..) is loaded by AIService in a worker, and no
    more.
    """
    freshen(path, out.note)
    plugin = find_engine(path)
    if not plugin.is_python and SHIM in plugin.file.read_bytes():
        raise CliError(
            f"{plugin.file}: expected an engine, found the Python shim of AIGES: check the folder "
            "of the wrapper.py that it serves"
        )
    given = Given(
        dict(_input(each) for each in inputs),
        dict(_pair(each, "--param") for each in param),
        wrapper_config(plugin),
        _resource(resource) if resource else None,
    )
    result = _NOT_TRIED if plugin.contract else run_check(plugin, given, timeout)
    findings = [Finding(**each) for each in result["findings"]]
    if plugin.contract or (plugin.is_python if loader is None else loader):
        findings = _judged(findings, _by_loader(plugin, timeout))
    if verbose:
        out.note(result["output"])
    bad = [each for each in findings if each.level in ((ERROR, WARNING) if strict else (ERROR,))]
    out.result(
        {
            "plugin": str(plugin.file),
            "ok": not bad,
            "findings": [each.as_json() for each in findings],
            "hooks": result["hooks"],
        },
        _text(plugin, findings, result["hooks"]),
    )
    if bad:
        sys.exit(1)


def _text(plugin: Plugin, findings: list[Finding], hooks: list[dict[str, Any]]) -> str:
    lines = [each.shown(os.getcwd()) for each in findings]
    called: dict[str, float] = {}
    for each in hooks:
        called[each["hook"]] = max(called.get(each["hook"], 0.0), each["ms"])
    if called:
        lines.append("called " + ", ".join(f"{name} {ms:.1f} ms" for name, ms in called.items()))
    counts = [sum(each.level == level for each in findings) for level in WORDS]
    errors, warnings = (
        f"{number} {what}{'' if number == 1 else 's'}" for number, what in zip(counts, WORDS)
    )
    lines.append(
        f"{plugin.file.name}: {errors}, {warnings}"
        if any(counts)
        else f"{plugin.file.name}: in order"
    )
    return "\n".join(lines)


def _judged(findings: list[Finding], loaders: list[Finding]) -> list[Finding]:
    """Return what was found, as far as AIService bears it out: what it starts is no error.

    Where it starts nothing, a finding that says why and where tells more than its words.
    """
    if any(each.level == ERROR for each in loaders):
        known = any(each.level == ERROR and each.hook in STARTING for each in findings)
        return findings if known else [*findings, *loaders]
    served = [
        replace(each, level=WARNING, text=f"{each.text} (AIService starts it all the same)")
        if each.level == ERROR and each.hook in STARTING
        else each
        for each in findings
    ]
    return [*served, *loaders]


def _pair(text: str, what: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not key or not equals:
        raise CliError(f"{what}: expected KEY=VALUE, got {text!r}")
    return key, value


def _input(text: str) -> tuple[str, tuple[int, bytes]]:
    key, value = _pair(text, "--in")
    if not value.startswith("@"):
        return key, (0, value.encode())
    file = Path(value[1:])
    guessed = (mimetypes.guess_type(file.name)[0] or "").partition("/")[0]
    return key, (TYPES.get(guessed, 0), file.read_bytes())


def _resource(text: str) -> tuple[str, bytes]:
    name, value = _pair(text, "--resource")
    return name, Path(value[1:]).read_bytes() if value.startswith("@") else value.encode()


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def wrapper_config(plugin: Plugin) -> dict[str, str]:
    """Return what wrapperInit gets, as text."""
    return _toml.engine_config(_tables(plugin), plugin.project / "aiges.toml")


def _async_mode(plugin: Plugin) -> bool:
    aiges = _tables(plugin).get("aiges", {})
    return is_dict(aiges) and aiges.get("asyncMode") is True


def _tables(plugin: Plugin) -> dict[str, Any]:
    file = plugin.project / "aiges.toml"
    return _toml.read(file) if file.is_file() else {}


def run_check(
    plugin: Plugin,
    given: Given,
    timeout_s: float,
) -> dict[str, Any]:
    """Return ``findings``, ``hooks`` and ``output`` of a check in a process of its own."""
    with tempfile.TemporaryDirectory(prefix="asectl-") as name:
        folder = Path(name)
        files = {each: str(folder / each) for each in ("result", "stage", "dump", "hang")}
        order = {
            **files,
            "file": str(plugin.file),
            "folder": str(plugin.project),
            "headers": "" if plugin.is_python else str(find_headers()),
            "inputs": {k: (t, _base64(d)) for k, (t, d) in given.inputs.items()},
            "params": given.params,
            "config": given.config,
            "async_mode": _async_mode(plugin),
            "resource": given.resource and (given.resource[0], _base64(given.resource[1])),
            "timeout_s": timeout_s,
        }
        (folder / "order").write_text(json.dumps(order), encoding="utf-8")
        output, code = _child(_python(plugin), folder / "order", plugin.project, timeout_s + 1)
        said = folder / "result"
        if said.is_file() and code == 0:
            return {"output": output, **json.loads(said.read_text(encoding="utf-8"))}
        findings = Findings(str(plugin.project))
        _died(plugin, findings, {name: _read(folder / name) for name in files}, code, output)
        return {
            "output": output,
            "hooks": [],
            "findings": [each.as_json() for each in findings.all],
        }


def _python(plugin: Plugin) -> str:
    """Return the interpreter that the hooks are to run in: the one of the worker."""
    return python_for(plugin.project, _tables(plugin)) if plugin.is_python else sys.executable


def _child(python: str, order: Path, folder: Path, timeout_s: float) -> tuple[str, int | None]:
    """Return what the process printed, and its exit code; None when it took too long."""
    process = subprocess.Popen(
        [python, "-m", "aiges.cli._checker", str(order)],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": python_path()},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
    )
    try:
        return process.communicate(timeout=timeout_s)[0], process.returncode
    except BaseException as error:
        os.killpg(process.pid, signal.SIGKILL)  # With the processes that the plugin started.
        output = process.communicate()[0]
        if isinstance(error, subprocess.TimeoutExpired):
            return output, None
        raise


def _read(file: Path) -> str:
    return file.read_text(encoding="utf-8", errors="replace") if file.is_file() else ""


def _died(
    plugin: Plugin, findings: Findings, files: dict[str, str], code: int | None, output: str
) -> None:
    hook = files["stage"] or "start"
    dump = files["hang"] if code is None else files["dump"]
    place = place_in_dump(dump, findings.folder)
    if not place[0]:
        place = (str(plugin.file), 0)
    if code is None:
        findings.add(
            hook,
            "expected it to return, but it did not in the time given",
            "look at the line it waits in, or give it more with --timeout",
            place,
        )
    elif code < 0:
        named = signal.Signals(-code).name
        findings.add(
            hook,
            f"the process died of {named}",
            "a native library did it: run it under a debugger; the loader would answer 10109",
            place,
        )
    else:
        last = "\n".join(output.splitlines()[-LAST_LINES:])
        findings.add(
            hook,
            f"the process ended with {code} instead of going on"
            + (f"; its last lines:\n{last}" if last else ""),
            "take out os._exit and the like: an engine must leave its process alone",
            place,
        )


def _by_loader(plugin: Plugin, timeout_s: float) -> list[Finding]:
    """Let the real loader start the plugin once, in a worker, with the configuration there is."""
    from aiges.cli.serve import defaults

    program = native_program("AIService")
    if program is None:
        text = "AIService was not found, so only the hooks were tried"
        return [Finding(NOTE, "AIService -check", text, "", str(plugin.file))]
    file, tables = plugin.project / "aiges.toml", _tables(plugin)
    service = (_toml.services_in(tables) or ["svcName"])[0]  # Whichever: nothing is served.
    absent = _toml.overlay({service: {"port": 0}}, defaults(plugin, tables))
    with tempfile.TemporaryDirectory(prefix="asectl-") as name:
        if not file.is_file():
            file = Path(name, "aiges.toml")
            file.touch()
        text = _loaded(
            [str(program), "-check", f"-s={service}", f"-c={file}", f"-dc={_toml.dump(absent)}"],
            plugin.project,
            timeout_s,
        )
    return [Finding(ERROR, "AIService -check", text, "see its words", str(plugin.file))] * bool(
        text
    )


def _loaded(command: list[str], folder: Path, timeout_s: float) -> str:
    """Return why the loader did not start the plugin; empty: it did."""
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            env={**os.environ, "PYTHONPATH": python_path()},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout_s,
        )
    except subprocess.TimeoutExpired:
        return f"expected it to start the plugin, but it did not within {timeout_s:g} s"
    return "" if done.returncode == 0 else (done.stderr or done.stdout).strip()
