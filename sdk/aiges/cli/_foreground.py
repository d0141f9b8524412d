# SPDX-License-Identifier: Apache-2.0
"""AIService as a child of ``asectl serve``: its lines made readable, started again, stopped."""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import re
import signal
import subprocess
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiges._programs import LISTENING, READY
from aiges.cli import _hints, _running
from aiges.cli._errors import CliError
from aiges.cli._find import python_path
from aiges.cli._metrics import ask
from aiges.cli._reload import Watch
from aiges.cli._say import Out

__all__ = ["Foreground", "Serve"]

LINE = re.compile(r"(\S+ (\S+)) ([A-Z]) \[([^]]+)\] (.*)", re.DOTALL)
# loader/routes/access_log.h
CALL = re.compile(
    r"(?P<protocol>gRPC|HTTP/[\d.]+)(?: (?P<method>[A-Z]+))? (?P<path>\S+) (?P<status>\S+) "
    r"(?P<ms>[\d.]+) ms, (?P<came>\d+) > (?P<sent>\d+) bytes(?P<rest>.*)"
)
LEVELS = {"D": "debug", "I": "info", "W": "warn", "E": "error"}
COLOURS = {"W": "yellow", "E": "red", "D": "bright_black"}
PR_SET_PDEATHSIG = 1
LOOK_S = 0.3  # Between two looks at the files.
KIB = 1024


@dataclass(frozen=True)
class Serve:
    """What is served: AIService's command line, and what the hints need to know."""

    command: list[str]
    service: str
    tls: bool = False
    keys: bool = False
    doors: bool = False  # An application of the user's own: only that knows how it is called.
    sample: _hints.Sample | None = None  # What the schema does not say.


def _die_with_parent() -> None:
    """Runs in the child: AIService goes down in order when asectl is killed."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


class Foreground:
    """Belongs to the main thread, but for what reads the child's output.

    ``plan`` is asked before each start, and ``build`` when sources have changed. With ``watch`` it
    is started again when what did not start has been changed, and takes what is changed later.
    """

    def __init__(
        self,
        out: Out,
        project: Path,
        plan: Callable[[], Serve],
        watch: Watch | None,
        build: Callable[[], None],
    ) -> None:
        self._out, self._project, self._plan, self._watch = out, project, plan, watch
        self._build = build
        self._serve = Serve([], "")
        self._stops = 0
        self._process: subprocess.Popen[str] | None = None
        self._ended = threading.Event()  # That of the child, or the user's wish.
        self._lock = threading.Lock()
        self._grpc = self._http = ""
        self._ready = self._again = False

    def run(self) -> int:
        """Serve until the user says stop. Returns the exit code."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._stop)
        try:
            while True:
                try:
                    self._serve = self._plan()
                    if self._watch is not None:
                        self._watch.changed()  # What the plan itself has written.
                    code = self._once()
                except CliError as error:
                    if self._watch is None:
                        raise
                    self._out.event({"event": "error", "text": str(error)}, f"asectl: {error}")
                    code = 1
                if self._stops and code == 128 + signal.SIGTERM:
                    return 0  # Stopped before it could do so in order.
                if self._stops or self._watch is None:
                    return code
                if self._again:
                    continue
                text = "waiting: it is started again as soon as a file here is saved"
                self._out.event({"event": "waiting", "text": text}, text)
                while not self._change(LOOK_S):
                    if self._stops:
                        return 0
        finally:
            _running.forget(self._project)

    def _stop(self, number: int, frame: object) -> None:
        self._stops += 1
        self._ended.set()
        process = self._process
        if process is None or process.poll() is not None:
            return
        if self._stops == 1:
            self._out.note("stopping: calls in hand are finished; once more to end at once")
            process.terminate()
        else:
            process.kill()

    def _once(self) -> int:
        """Start AIService and wait for its end; a code below zero is a signal."""
        self._ready = self._again = False
        process = self._process = subprocess.Popen(
            self._serve.command,
            cwd=self._project,
            env={**os.environ, "PYTHONPATH": python_path()},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            start_new_session=True,  # Ctrl-C is for us: the loader gets one SIGTERM.
            preexec_fn=_die_with_parent,
        )
        if self._stops:  # Between two starts.
            process.terminate()
        readers = [
            threading.Thread(target=self._read, args=(stream, show), daemon=True)
            for stream, show in ((process.stdout, self._event), (process.stderr, self._line))
        ]
        for reader in readers:
            reader.start()
        code = self._wait(process)
        for reader in readers:
            reader.join(5)
        if code and not self._stops:
            self._out.note(f"AIService ended with {code}; the lines above say why")
        return code if code >= 0 else 128 - code

    def _wait(self, process: subprocess.Popen[str]) -> int:
        if self._watch is None:
            return process.wait()
        while True:
            with contextlib.suppress(subprocess.TimeoutExpired):
                return process.wait(LOOK_S)
            if self._stops or not self._change(0):
                continue
            if self._ready:
                process.send_signal(signal.SIGHUP)
            else:  # What is being started is old already.
                self._again = True
                process.terminate()

    def _change(self, wait_s: float) -> bool:
        """Tell whether a file has changed; what is being saved is waited for."""
        watch = self._watch
        if wait_s:
            self._ended.wait(wait_s)
        changed = watch.changed() if watch else ""
        if not changed or watch is None:
            return False
        while watch.changed():
            self._ended.wait(LOOK_S / 3)
        shown = os.path.relpath(changed, self._project)
        self._out.event({"event": "changed", "file": changed}, f"{shown} has changed")
        try:
            self._build()
        except CliError as error:
            self._out.event({"event": "error", "text": str(error)}, f"asectl: {error}")
            return False
        watch.changed()  # What was built.
        return True

    def _read(self, stream: Any, show: Any) -> None:
        for line in stream:
            with self._lock:
                show(line.rstrip("\n"))

    def _event(self, line: str) -> None:
        listening, ready = LISTENING.match(line), READY.match(line)
        if listening:
            self._grpc, self._http = listening.groups()
            value: dict[str, Any] = {"event": "listening", "grpc": self._grpc, "http": self._http}
            pages = "" if self._http == "off" else f", HTTP on {self._address}/"
            self._out.event(value, f"gRPC on {self._grpc}{pages}")
        elif ready:
            self._ready = True
            took_s = int(ready.group(2)) / 1000
            _running.note(
                self._project,
                _running.Running(
                    os.getpid(), self._serve.service, _callable(self._grpc), self._address
                ),
            )
            self._out.event(
                {"event": "ready", "instances": int(ready.group(1)), "after_s": took_s},
                f"ready after {took_s:.2f} s",
            )
            if self._address:
                threading.Thread(target=self._links, daemon=True).start()
        elif line:
            self._out.event({"event": "line", "text": line}, line)

    @property
    def _address(self) -> str:
        """The URL to open; any port takes HTTP. Empty where it is a socket of the file system."""
        where = self._grpc if self._http == "off" else self._http
        if where.startswith("unix:") or not where:
            return ""
        return f"{'https' if self._serve.tls else 'http'}://{_callable(where)}"

    def _links(self) -> None:
        """Say where the pages are, and how to call it: lines to be pasted."""
        pages = {
            name: f"{self._address}/-/{path}"
            for name, path in (
                ("status", "status"),
                ("docs", "docs"),
                ("openapi", "openapi.json"),
                ("metrics", "metrics"),
            )
        }
        sample = self._serve.sample
        try:
            status, text = ask(pages["openapi"])
            if status == 200 and sample is None and not self._serve.doors:
                sample = _hints.sample_of(json.loads(text), self._serve.service)
            elif status != 200:
                del pages["docs"], pages["openapi"]
        except (CliError, ValueError, OSError):
            del pages["docs"], pages["openapi"]
        tries: list[str] = []
        if sample is not None:
            key = "Authorization: Bearer $AIGES_API_KEY" if self._serve.keys else ""
            tries.append(_hints.curl(self._address, sample, key))
            if sample.values and all(isinstance(v, str) for v in sample.values.values()):
                given = " ".join(_hints.word(k, v) for k, v in sample.values.items())
                tries.append(f"asectl call {given}")
        lines = [f"  {name:<9}{url}" for name, url in pages.items()]
        lines += [f"  {'try' if not i else '':<9}{each}" for i, each in enumerate(tries)]
        with self._lock:
            self._out.event({"event": "links", "pages": pages, "try": tries}, "\n".join(lines))

    def _line(self, line: str) -> None:
        """One line of the log; one that has no head of its own belongs to the line before."""
        found = LINE.match(line)
        if found is None:
            self._out.event({"event": "log", "text": line}, f"  {line}")
            return
        stamp, clock, level, room, text = found.groups()
        call = CALL.fullmatch(text) if room == "access" else None
        if call is not None:
            self._call(clock, call)
            return
        value = {"event": "log", "time": stamp, "level": LEVELS.get(level, level)}
        shown = f"{clock[:8]} {level} {room}: {text}"
        if level in COLOURS:
            shown = self._out.paint(shown, COLOURS[level])
        self._out.event({**value, "room": room, "text": text}, shown)

    def _call(self, clock: str, call: re.Match[str]) -> None:
        """One call: who answered what, how, in which time."""
        said = call.groupdict(default="")
        status = said["status"]
        if said["protocol"] == "gRPC":
            colour = "green" if status == "0" else "red"
        else:
            colour = {"2": "green", "4": "yellow", "5": "red"}.get(status[:1], "cyan")
        name = said["method"] or said["protocol"]
        sizes = f"{_size(int(said['came']))} > {_size(int(said['sent']))}"
        value = {
            "event": "call",
            "protocol": said["protocol"],
            "method": said["method"],
            "path": said["path"],
            "status": int(status) if status.isdigit() else None,
            "ms": float(said["ms"]),
            "bytes_in": int(said["came"]),
            "bytes_out": int(said["sent"]),
        }
        self._out.event(
            value,
            f"{clock[:8]} {name} {said['path']} {self._out.paint(status, colour)} "
            f"{said['ms']} ms {sizes}{said['rest']}",
        )


def _callable(address: str) -> str:
    """Return an address as a client writes it: a port on all of them is on this machine, too."""
    host, _, port = address.rpartition(":")
    shown = {"0.0.0.0": "127.0.0.1", "": "127.0.0.1", "[::]": "[::1]", "::": "[::1]"}.get(host)
    return f"{shown or host}:{port}"


def _size(count: int) -> str:
    if count < KIB:
        return f"{count} B"
    return f"{count / KIB:.1f} KiB" if count < KIB * KIB else f"{count / KIB / KIB:.1f} MiB"
