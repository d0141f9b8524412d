# SPDX-License-Identifier: Apache-2.0
"""``asectl serve``: AIService in the foreground, on what is there."""

from __future__ import annotations

import os
import socket
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from aiges.cli import _hints, _toml
from aiges.cli._build import freshen
from aiges.cli._find import Plugin, find_engine, find_program
from aiges.cli._foreground import Foreground, Serve
from aiges.cli._interpreter import default_python
from aiges.cli._reload import Watch
from aiges.cli._say import CliError, Out, entry

DEFAULT_PORT, DEFAULT_HTTP_PORT = 5090, 1888
DEFAULT_SERVICE = "svcName"
DOORS = ("asgi", "wsgi", "grpc")


@entry(name="serve")
@click.argument("path", default=".", metavar="[FILE|FOLDER|MODULE:NAME]")
@click.option("-s", "--service", help="Service name = its section in aiges.toml.")
@click.option("-c", "--config", type=click.Path(path_type=Path), help="Instead of aiges.toml.")
@click.option("--port", type=int, help="gRPC port; 0: any free one. Over what the file says.")
@click.option("--http", metavar="HOST:PORT", help="HTTP address, or off. Over what the file says.")
@click.option(
    "--reload", "--watch", "reload", is_flag=True, help="Take what is saved in the project."
)
@click.option("-q", "--quiet", is_flag=True, help="No line for each call.")
@click.argument("arguments", nargs=-1, metavar="[-- FLAGS OF AISERVICE]")
def command(
    out: Out,
    path: str,
    service: str | None,
    config: Path | None,
    port: int | None,
    http: str | None,
    reload: bool,
    quiet: bool,
    arguments: tuple[str, ...],
) -> None:
    """Serve a file with an engine (any name), a folder (default: this one) or an object.

    A folder has a wrapper.py, a libwrapper.so or code for another contract (openbayes, seldon, ..);
    main:app is an ASGI or WSGI application. Without an aiges.toml one is written for a wrapper.py,
    so that the same service can be had without asectl; for other code none is. Code in Java,
    Go or Rust is built first, where it is newer than what was made of it. What follows --
    goes to AIService. Ctrl-C: calls in hand are finished first.

    --reload: code, configuration and small data files of the project are watched. What is saved
    takes over without losing a call; what does not start leaves the old one serving, and where
    nothing serves yet the next save starts it again.

    Ends with the exit code of AIService: 0 stopped, 1 something did not start, 2 wrong flags or
    configuration.
    """
    if path.startswith("-"):  # What follows the dashes, and no path before them.
        path, arguments = ".", (path, *arguments)
    freshen(Path(path), out.note)
    plugin = find_engine(Path(path))
    wish = _Wish(service, config, port, http, reload, quiet, arguments)
    out.note(f"serving {plugin.file} with {find_program('AIService')}")
    watch = None
    if reload:
        files = [plugin.file, config or plugin.project / "aiges.toml"]
        watch = Watch({plugin.project, plugin.folder}, files)
    sys.exit(
        Foreground(
            out,
            plugin.project,
            lambda: _plan(out, plugin, wish),
            watch,
            lambda: freshen(plugin.project, out.note),
        ).run()
    )


@dataclass(frozen=True)
class _Wish:
    """What the command line says beside what is to be served."""

    service: str | None
    config: Path | None
    port: int | None
    http: str | None
    reload: bool
    quiet: bool
    arguments: tuple[str, ...]


def _plan(out: Out, plugin: Plugin, wish: _Wish) -> Serve:
    """Return the command line of AIService, by what the files say now."""
    freshen(plugin.project, out.note)
    file = (wish.config or plugin.project / "aiges.toml").absolute()
    if not file.is_file():
        if wish.config:
            raise CliError(f"expected a configuration at {file}, found none")
        if plugin.said:
            file = Path(os.devnull)
        else:
            write_config(plugin, file, wish.service)
            out.note(f"wrote {file}")
    given, over, rest = _given(wish.arguments)
    tables = _toml.read(file)
    base: dict[str, Any] = {}
    service = wish.service
    if plugin.said and not tables:
        service = service or DEFAULT_SERVICE
        base = _addresses(service)
    else:
        service = service or _toml.service_of(tables, file)
    said = _toml.overlay(tables, over)
    extra = _toml.overlay(_toml.overlay(defaults(plugin, said), base), given)
    if not wish.quiet:
        extra = _toml.overlay({"log": {"access": True}}, extra)
    over = _toml.overlay(_named(plugin, tables), over)
    if wish.port is not None:
        over.setdefault(service, {})["port"] = wish.port
    if wish.http is not None:
        over.setdefault("wrapper", {})["http_listen"] = wish.http
    if wish.reload:  # The files are watched here; twice would be a second start for nothing.
        over.setdefault("instances", {})["watch"] = False
    wanted = [str(find_program("AIService")), "-m=0", f"-c={file}", f"-s={service}", *rest]
    wanted += [
        f"-{name}={_toml.dump(keys)}" for name, keys in (("dc", extra), ("oc", over)) if keys
    ]
    in_force = _toml.overlay(_toml.overlay(extra, tables), over)
    sample = None
    if plugin.contract == "tasks":
        code = plugin.file.read_text(encoding="utf-8", errors="replace")
        sample = _hints.task_of(code, service)
    return Serve(
        wanted,
        service,
        sample=sample,
        tls=bool(in_force.get("tls", {}).get("cert")),
        doors=in_force.get("aiges", {}).get("contract") in DOORS,
        keys=any(in_force.get("access", {}).get(key) for key in ("keys_file", "jwks")),
    )


def write_config(plugin: Plugin, file: Path, service: str | None) -> None:
    """Write a short aiges.toml for the plugin; its ports are free now."""
    folder = os.path.relpath(plugin.folder, plugin.project)
    where = (
        {"pythonpath": folder}
        if plugin.is_python
        else {"library": os.path.join(folder, plugin.file.name)}
    )
    made = {**_addresses(service or DEFAULT_SERVICE), "instances": {"count": 1, **where}}
    text = _toml.dump(made)
    file.write_text(
        "# Written by asectl serve. Every key and its default: AIService -init, in another folder."
        f"\n\n{text}",
        encoding="utf-8",
    )


def _addresses(service: str) -> dict[str, dict[str, Any]]:
    """Return free ports, as a file says them."""
    return {
        service: {"host": "127.0.0.1", "port": _free_port(DEFAULT_PORT)},
        "wrapper": {"http_listen": f"127.0.0.1:{_free_port(DEFAULT_HTTP_PORT)}"},
    }


def defaults(plugin: Plugin, tables: dict[str, Any]) -> dict[str, Any]:
    """Return what the file leaves open: this Python, and where the plugin is and what it is."""
    said = tables.get("instances", {})
    contract = {} if "contract" in tables.get("aiges", {}) else plugin.said
    made: dict[str, Any] = {}
    if "python" not in said:
        made["python"] = default_python()
    if plugin.is_python and "pythonpath" not in said:
        made["pythonpath"] = str(plugin.folder)
    if not plugin.is_python and "library" not in said:
        made["library"] = str(plugin.file)
    return {"instances": made, **({"aiges": contract} if contract else {})}


def _named(plugin: Plugin, tables: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return what goes over the file where the user has named a file or an object."""
    said = tables.get("aiges", {})
    if not plugin.app or not tables or all(said.get(k) == v for k, v in plugin.said.items()):
        return {}
    return {"aiges": dict(plugin.said), "instances": {"pythonpath": str(plugin.folder)}}


def _given(
    arguments: tuple[str, ...],
) -> tuple[dict[str, Any], dict[str, Any], list[str]]:
    """Return what -dc and -oc among AIService's arguments say, and the others."""
    tables: dict[str, dict[str, Any]] = {"dc": {}, "oc": {}}
    rest: list[str] = []
    left = list(arguments)
    while left:
        each = left.pop(0)
        name, equals, text = each.partition("=")
        flag = name.lstrip("-")
        if flag not in tables or not each.startswith("-"):
            rest.append(each)
            continue
        if not equals:
            text = left.pop(0) if left else ""
        tables[flag] = _toml.overlay(tables[flag], _toml.parse(text, f"-{flag}"))
    return tables["dc"], tables["oc"], rest


def _free_port(first: int) -> int:
    for port in range(first, first + 100):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue
    return 0
