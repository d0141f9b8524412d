# SPDX-License-Identifier: Apache-2.0
"""The client of a model that the real AIService serves, started for it on free ports."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import types
import weakref
from collections import deque
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any, cast

from aiges._narrow import is_dict
from aiges._programs import LISTENING, READY, native_program
from aiges.cli import _toml
from aiges.cli._find import python_path
from aiges.client._http import HttpClient
from aiges.testing import Client, LoaderFailed
from aiges.testing._find import (
    OURS,
    Project,
    find_project,
    is_module_name,
    is_typed_object,
)
from aiges.testing._source import importable, notebook_source

__all__ = ["LoaderClient"]

SERVICE = "svcName"
START_S, STOP_S = 120.0, 20.0
LOG_LINES = 40


class LoaderClient(HttpClient, Client):
    """Starts it at once; ``close()`` stops it, and so does the end of this process.

    ``http`` and ``grpc`` are its addresses, ``log`` what it has written lately.
    """

    def __init__(  # pyright: ignore[reportInconsistentConstructor] (__new__ takes any)
        self,
        model: Any,
        *,
        loader: bool = True,
        config: Mapping[str, str] | None = None,
        settings: Mapping[str, Mapping[str, Any]] | None = None,
        timeout_s: float = 30.0,
        work: Path | None = None,
    ) -> None:
        """``work``: where AIService runs, and a place for modules; else it is the model's own."""
        folder = tempfile.mkdtemp(prefix="aiges-testing-")
        try:
            found, own = _served(model, Path(folder))
            work = work or found
            is_project = isinstance(model, (str, os.PathLike)) and not is_module_name(model)
            service, tables = _settings(work, own, is_project)
            _lay_over(tables, {"wrapper": config or {}})
            _lay_over(tables, settings or {})
            self._process = _Process(folder, work, service, tables)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        self.grpc, self.http = self._process.grpc, f"http://{self._process.http}"
        HttpClient.__init__(self, self.http, timeout_s=timeout_s)

    @property
    def log(self) -> str:
        """The last lines of its log, with the tracebacks of the model."""
        return self._process.output.text()

    def close(self) -> None:
        """Close the connections, and stop AIService. May be called twice."""
        HttpClient.close(self)
        self._process.stop()


def _served(model: Any, folder: Path) -> tuple[Path, dict[str, dict[str, Any]]]:
    """Return where AIService runs, and its configuration."""
    if is_module_name(model):
        return Path.cwd(), _typed(str(model), Path.cwd())
    if isinstance(model, (str, os.PathLike)):
        return _of_project(find_project(Path(cast("str", model))))
    if isinstance(model, types.ModuleType):
        file = getattr(model, "__file__", None)
        if file is None:
            raise TypeError(f"expected a module of a file, got {model.__name__}")
        return _of_project(find_project(Path(file)))
    if not is_typed_object(model):
        raise TypeError(
            f"loader=True: expected a class or function with predict, or a file, got "
            f"{getattr(model, '__qualname__', type(model).__name__)}: name its wrapper.py"
        )
    found = importable(model)
    if found is not None:
        return found[1], _typed(found[0], found[1])
    (folder / "notebook_model.py").write_text(notebook_source(model), encoding="utf-8")
    return Path.cwd(), _typed(f"notebook_model:{model.__name__}", folder)


def _of_project(project: Project) -> tuple[Path, dict[str, dict[str, Any]]]:
    # The folder wrapper/ of a project: the engine runs in that of aiges.toml.
    above = project.folder.parent
    in_project = project.folder.name == "wrapper" and (above / "aiges.toml").is_file()
    work = above if in_project else project.folder
    if project.contract == "aiges":
        return work, {"instances": {"pythonpath": str(project.folder)}}
    if project.contract not in OURS:
        made = {"contract": project.contract, "app": project.app}
        return work, {"aiges": made, "instances": {"pythonpath": str(project.folder)}}
    app = project.app or project.file.stem
    tables = _typed(app, project.folder)
    tables["aiges"]["contract"] = project.contract
    return work, tables


def _typed(app: str, folder: Path) -> dict[str, dict[str, Any]]:
    return {
        "aiges": {"contract": "typed", "app": app},
        "instances": {"pythonpath": str(folder)},
    }


def _lay_over(tables: dict[str, dict[str, Any]], more: Mapping[str, Mapping[str, Any]]) -> None:
    for name, keys in more.items():
        tables.setdefault(name, {}).update(keys)


def _settings(
    work: Path, own: dict[str, dict[str, Any]], named: bool
) -> tuple[str, dict[str, dict[str, Any]]]:
    """Return the service and the configuration: the project's, where there is one, over ours."""
    file = work / "aiges.toml"
    given = _toml.read(file) if named and file.is_file() else {}
    service = _toml.service_of(given, file) if given else SERVICE
    tables: dict[str, dict[str, Any]] = {"instances": {"count": 1, "python": sys.executable}}
    _lay_over(tables, own)
    _lay_over(tables, {name: keys for name, keys in given.items() if is_dict(keys)})
    at: dict[str, dict[str, Any]] = {
        service: {"host": "127.0.0.1", "port": 0},
        "wrapper": {"http_listen": "127.0.0.1:0"},
        "instances": {"lame_duck_ms": 0},
    }
    _lay_over(tables, at)
    return service, tables


class _Output:
    """What AIService writes, read on threads. It does not hold the process: that may be dropped."""

    def __init__(self, child: subprocess.Popen[str]) -> None:
        self._lines: deque[str] = deque(maxlen=1000)
        self._found: dict[str, tuple[str, ...]] = {}
        self._said, self._child = threading.Condition(), child
        self._readers = [
            threading.Thread(target=self._read, args=(stream,), daemon=True)
            for stream in (child.stdout, child.stderr)
        ]
        for reader in self._readers:
            reader.start()

    def text(self, lines: int = 1000) -> str:
        """Return the last lines."""
        return "\n".join(list(self._lines)[-lines:])

    def addresses(self) -> tuple[str, str]:
        """Return those of gRPC and HTTP once it is ready. Raises LoaderFailed."""
        with self._said:
            self._said.wait_for(self._is_over, START_S)
        if "ready" in self._found:
            grpc, http = self._found["listening"]
            return grpc, http
        ended = self._child.poll()
        for reader in self._readers:
            reader.join(2)
        what = f"not ready in {START_S:.0f} s" if ended is None else f"ended with {ended}"
        raise LoaderFailed(f"AIService: {what}; its log:\n{self.text(LOG_LINES)}")

    def _is_over(self) -> bool:
        return "ready" in self._found or self._child.poll() is not None

    def _read(self, stream: IO[str]) -> None:
        with stream:
            for line in stream:
                line = line.rstrip("\n")
                self._lines.append(line)
                for name, form in (("listening", LISTENING), ("ready", READY)):
                    found = form.match(line)
                    if found:
                        with self._said:
                            self._found[name] = found.groups()
                            self._said.notify_all()
        self._child.wait()  # A pipe that has ended is one of a process that ends.
        with self._said:
            self._said.notify_all()


class _Process:
    """AIService as a child; ``stop()`` ends it, and so does dropping this."""

    def __init__(
        self, folder: str, work: Path, service: str, tables: dict[str, dict[str, Any]]
    ) -> None:
        program = native_program("AIService")
        if program is None:
            raise LoaderFailed(
                "expected AIService in the folder that AIGES_BIN names, beside the package aiges "
                "or on PATH, found it nowhere: install AIGES, or leave loader=True out"
            )
        file = Path(folder, "aiges.toml")
        file.write_text(_toml.dump(tables), encoding="utf-8")
        command = [str(program), "-m=0", f"-c={file}", f"-s={service}"]
        # It ends with this process, whatever ends that. The kernel tells the end of the thread that
        # started it: only the main one lasts.
        guard = shutil.which("setpriv")
        if guard and threading.current_thread() is threading.main_thread():
            command = [guard, "--pdeathsig", "TERM", *command]
        child = subprocess.Popen(
            command,
            cwd=work,
            env={**os.environ, "PYTHONPATH": os.pathsep.join([str(work), python_path()])},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            start_new_session=True,
        )
        self.stop = weakref.finalize(self, _end, child, folder)
        self.output = _Output(child)
        try:
            self.grpc, self.http = self.output.addresses()
        except BaseException:
            self.stop()
            raise


def _end(child: subprocess.Popen[str], folder: str) -> None:
    """Stop it in order, else at once; also called when the client is dropped, and at exit."""
    if child.poll() is None:
        child.send_signal(signal.SIGTERM)
        try:
            child.wait(STOP_S)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
    shutil.rmtree(folder, ignore_errors=True)
