# SPDX-License-Identifier: Apache-2.0
"""``asectl serve``: AIService in the foreground, on what is there."""

from __future__ import annotations

import ctypes
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import click

from aiges.cli import _toml
from aiges.cli._find import Plugin, find_engine, find_program, python_path
from aiges.cli._say import CliError, Out, entry

LISTENING = re.compile(r"AIService listening grpc=(\S+) http=(\S+)")
READY = re.compile(r"AIService ready instances=(\d+) after_ms=(\d+)")
LINE = re.compile(r"(\S+ (\S+)) ([A-Z]) \[([^]]+)\] (.*)", re.DOTALL)
LEVELS = {"D": "debug", "I": "info", "W": "warn", "E": "error"}
COLOURS = {"W": "yellow", "E": "red", "D": "bright_black"}
PR_SET_PDEATHSIG = 1
DEFAULT_PORT, DEFAULT_HTTP_PORT = 5090, 1888
DEFAULT_SERVICE = "svcName"
OWN_FOLDER = ".asectl"


@entry(name="serve")
@click.argument("path", default=".", type=click.Path(path_type=Path))
@click.option("-s", "--service", help="Service name = its section in aiges.toml.")
@click.option("-c", "--config", type=click.Path(path_type=Path), help="Instead of aiges.toml.")
@click.option("--port", type=int, help="gRPC port; 0: any free one. Over what the file says.")
@click.option("--http", metavar="HOST:PORT", help="HTTP address, or off. Over what the file says.")
@click.option("--watch", is_flag=True, help="Take a changed wrapper.py while serving.")
@click.argument("arguments", nargs=-1)
def command(
    out: Out,
    path: Path,
    service: str | None,
    config: Path | None,
    port: int | None,
    http: str | None,
    watch: bool,
    arguments: tuple[str, ...],
) -> None:
    """Serve the wrapper.py or libwrapper.so at PATH (default: this folder) until Ctrl-C.

    Without an aiges.toml one is written, so that the same service can be had without asectl. Code
    for another contract (openbayes, seldon, ..) is served, too, and no file is written: its own
    command has its own ports. What follows -- goes to AIService.
    """
    if str(path).startswith("-"):  # What follows the dashes, and no path before them.
        path, arguments = Path("."), (str(path), *arguments)
    plugin = find_engine(path)
    program = find_program("AIService")
    file = (config or plugin.project / "aiges.toml").absolute()
    if not file.is_file():
        if config:
            raise CliError(f"expected a configuration at {file}, found none")
        if plugin.contract:
            file = Path(os.devnull)
        else:
            write_config(plugin, file, service)
            out.note(f"wrote {file}")
    tables = _toml.read(file)
    if plugin.contract and not tables:
        service = service or DEFAULT_SERVICE
        tables = _addresses(service)
        over = dict(tables)
    else:
        service, over = service or _toml.service_of(tables, file), {}
    if port is not None:
        over.setdefault(service, {})["port"] = port
    if http is not None:
        over.setdefault("wrapper", {})["http_listen"] = http
    if watch:
        over["instances"] = {"watch": True}
    given, rest = _given_defaults(arguments)
    extra = _toml.overlay(defaults(plugin, tables), given)
    if str(file) == os.devnull:
        extra = _toml.overlay(extra, over)
    elif over:
        file = _own_config(file, _toml.overlay(tables, over))
    wanted = [str(program), "-m=0", f"-c={file}", f"-s={service}", *rest]
    if any(extra.values()):
        wanted.append(f"-dc={_toml.dump(extra)}")
    out.note(f"serving {plugin.file} with {program}")
    sys.exit(_Foreground(out, service, wanted, plugin.project).run())


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
        made["python"] = sys.executable
    if plugin.is_python and "pythonpath" not in said:
        made["pythonpath"] = str(plugin.folder)
    if not plugin.is_python and "library" not in said:
        made["library"] = str(plugin.file)
    return {"instances": made, **({"aiges": contract} if contract else {})}


def _given_defaults(arguments: tuple[str, ...]) -> tuple[dict[str, Any], list[str]]:
    """Return what -dc among AIService's arguments says, and the others: it may be there once."""
    given: dict[str, Any] = {}
    rest: list[str] = []
    left = list(arguments)
    while left:
        each = left.pop(0)
        name, equals, text = each.partition("=")
        if name.lstrip("-") != "dc" or not each.startswith("-"):
            rest.append(each)
            continue
        if not equals:
            text = left.pop(0) if left else ""
        given = _toml.overlay(given, _toml.parse(text, "-dc"))
    return given, rest


def _own_config(file: Path, tables: dict[str, Any]) -> Path:
    """Write the configuration that was changed on the command line, beside the file."""
    folder = file.parent / OWN_FOLDER
    folder.mkdir(exist_ok=True)
    (folder / ".gitignore").write_text("*\n", encoding="utf-8")
    made = folder / "aiges.toml"
    made.write_text(_toml.dump(tables), encoding="utf-8")
    return made


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


def _die_with_parent() -> None:
    """Runs in the child: AIService goes down in order when asectl is killed."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


class _Foreground:
    """AIService as a child: its lines are made readable, signals become an orderly end."""

    def __init__(self, out: Out, service: str, wanted: list[str], folder: Path) -> None:
        self._out, self._service, self._wanted, self._folder = out, service, wanted, folder
        self._stops = 0
        self._lock = threading.Lock()
        self._grpc = self._http = ""

    def run(self) -> int:
        env = {**os.environ, "PYTHONPATH": python_path()}
        process = subprocess.Popen(
            self._wanted,
            cwd=self._folder,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            start_new_session=True,  # Ctrl-C is for us: the loader gets one SIGTERM.
            preexec_fn=_die_with_parent,
        )

        def stop(number: int, frame: object) -> None:
            self._stops += 1
            if self._stops == 1:
                self._out.note("stopping: calls in hand are finished; once more to end at once")
                process.terminate()
            else:
                process.kill()

        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, stop)
        readers = [
            threading.Thread(target=self._read, args=(stream, show), daemon=True)
            for stream, show in ((process.stdout, self._event), (process.stderr, self._line))
        ]
        for reader in readers:
            reader.start()
        code = process.wait()
        for reader in readers:
            reader.join(5)
        if code and not self._stops:
            self._out.note(f"AIService ended with {code}; the lines above say why")
        return code if code >= 0 else 128 - code

    def _read(self, stream: Any, show: Any) -> None:
        for line in stream:
            with self._lock:
                show(line.rstrip("\n"))

    def _event(self, line: str) -> None:
        listening, ready = LISTENING.match(line), READY.match(line)
        if listening:
            self._grpc, self._http = listening.groups()
            value: dict[str, Any] = {"event": "listening", "grpc": self._grpc, "http": self._http}
            pages = "" if self._http == "off" else f", HTTP on http://{self._http}/"
            self._out.event(value, f"gRPC on {self._grpc}{pages}")
        elif ready:
            took_s = int(ready.group(2)) / 1000
            docs = (
                "" if self._http == "off" else f"\n  try it in a browser: http://{self._http}/docs"
            )
            self._out.event(
                {"event": "ready", "instances": int(ready.group(1)), "after_s": took_s},
                f"ready after {took_s:.2f} s{docs}\n  or here: "
                f"asectl call {self._grpc} --service {self._service} KEY=TEXT",
            )
        elif line:
            self._out.event({"event": "line", "text": line}, line)

    def _line(self, line: str) -> None:
        """One line of the log; one that has no head of its own belongs to the line before."""
        found = LINE.match(line)
        if found is None:
            self._out.event({"event": "log", "text": line}, f"  {line}")
            return
        stamp, clock, level, room, text = found.groups()
        value = {"event": "log", "time": stamp, "level": LEVELS.get(level, level)}
        shown = f"{clock[:8]} {level} {room}: {text}"
        if level in COLOURS and sys.stdout.isatty():
            shown = click.style(shown, fg=COLOURS[level])
        self._out.event({**value, "room": room, "text": text}, shown)
