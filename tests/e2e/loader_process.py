# SPDX-License-Identifier: Apache-2.0
"""AIService as a process of the test: its aiges.toml, its ports, its log, its workers."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

from http_client import HttpClient
from unread_pipes import unread_bytes
from waiting import wait_until
from xsf_client import XsfClient

ROOT = Path(__file__).resolve().parents[2]
READY_TIMEOUT_S = 30
STOP_TIMEOUT_S = 30
LOG_QUIET_S, LOG_TIMEOUT_S = 0.1, 3
# A killed test run leaves no loader behind. Not preexec_fn: that forks a process with gRPC threads.
DIE_WITH_PARENT = ["setpriv", "--pdeathsig", "KILL"]


class Binaries:
    """Where AIService and the C++ example plugin lie (AIGES_BIN, default build/bin)."""

    def __init__(self, folder):
        self.loader = folder / "AIService"
        self.engine = folder / "libtest_engine.so"  # tests/engine
        self.engine_without_read = folder / "libtest_engine_without_read.so"
        self.caesar = folder.parent / "plugins" / "caesar" / "libwrapper.so"

    @classmethod
    def find(cls):
        folder = Path(os.environ.get("AIGES_BIN", ROOT / "build" / "bin")).resolve()
        found = cls(folder)
        for file in (found.loader, folder / "aiges-worker", folder / "libwrapper.so", found.caesar):
            if not file.is_file():
                raise RuntimeError(
                    f"expected {file}: build it with `make build`, or set AIGES_BIN to the folder "
                    "with AIService, aiges-worker and libwrapper.so"
                )
        return found


def toml(config):
    """{"section": {"key": value}} as TOML; JSON scalars and lists are valid TOML."""
    return "\n".join(
        f"[{section}]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in keys.items())
        for section, keys in config.items()
    )


def default_config(service="svcName"):
    return {
        service: {"host": "127.0.0.1", "port": 0},
        "wrapper": {"http_listen": "127.0.0.1:0"},
        "instances": {"python": sys.executable, "lame_duck_ms": 0},
    }


def environment(wrapper_folder, extra=None):
    path = str(wrapper_folder) + os.pathsep + str(ROOT / "sdk")
    env = {**os.environ, "PYTHONPATH": path, **(extra or {})}
    for name in ("AIGES_PLUGIN_MODE", "AIGES_ENV_NUMA", "LD_LIBRARY_PATH"):
        if name not in (extra or {}):
            env.pop(name, None)
    return env


def write_wrapper(folder, wrapper):
    """The folder for PYTHONPATH: `wrapper` itself, or one with that text as its wrapper.py."""
    if isinstance(wrapper, Path):
        return wrapper
    place = folder / "plugin"
    place.mkdir(parents=True, exist_ok=True)
    if wrapper is not None:
        (place / "wrapper.py").write_text(wrapper, encoding="utf-8")
    return place


class Loader:
    """A running AIService. kill() ends it without asking, stop() asks and checks the exit code.

    `config` is laid over default_config(); None takes a key out. `arguments` replace -m=0; `within`
    is a command that the loader is started by (ip netns exec ..).
    """

    def __init__(
        self,
        binaries,
        folder,
        wrapper=None,
        *,
        config=None,
        env=None,
        service="svcName",
        arguments=("-m=0",),
        within=(),
    ):
        self.arguments, self.within = list(arguments), list(within)
        self.binaries, self.folder, self.service = binaries, folder, service
        folder.mkdir(parents=True, exist_ok=True)
        self.wrapper_folder = write_wrapper(folder, wrapper)
        self.env = environment(self.wrapper_folder, env)
        self.settings = default_config(service)
        self.change(config or {})
        self.log_path = folder / "loader.log"
        self.lines, self.process, self.grpc, self.http = [], None, None, None

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.kill()

    def change(self, config):
        """Lays `config` over aiges.toml; a loader that runs is not told."""
        for section, keys in config.items():
            merged = {**self.settings.get(section, {}), **keys}
            kept = {key: value for key, value in merged.items() if value is not None}
            self.settings[section] = kept
        self.config_text = toml(self.settings)
        (self.folder / "aiges.toml").write_text(self.config_text, encoding="utf-8")

    def start(self, ready=True):
        command = [*DIE_WITH_PARENT, *self.within, str(self.binaries.loader)]
        command += [*self.arguments, "-c", "aiges.toml", "-s", self.service]
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(
                command,
                cwd=self.folder,
                env=self.env,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        self._reader = threading.Thread(target=self._read_stdout, daemon=True)
        self._reader.start()
        listening = self._wait_line(r"AIService listening grpc=(\S+) http=(\S+)")
        self.grpc, self.http = listening.group(1), listening.group(2)
        self.xsf = XsfClient(self.grpc, self.service)
        is_port = self.http != "off" and not self.http.startswith("unix:")
        self.web = HttpClient(self.http) if is_port else None
        if ready:
            self.wait_ready_line()

    def wait_ready_line(self):
        return self._wait_line(r"AIService ready instances=(\d+) after_ms=(\d+)")

    def _read_stdout(self):
        with self.process.stdout as out:
            for line in out:
                self.lines.append(line.rstrip("\n"))

    def _wait_line(self, pattern):
        def seen():
            found = [m for m in map(re.compile(pattern).match, list(self.lines)) if m]
            if found:
                return found[0]
            if self.process.poll() is not None and not self._reader.is_alive():
                raise AssertionError(
                    f"AIService ended with {self.process.returncode} before the line "
                    f"{pattern!r}; its log:\n{self.log()}"
                )
            return None

        return wait_until(seen, f"the line {pattern!r} on stdout", READY_TIMEOUT_S)

    def log(self):
        """The log with all that its workers have written by now.

        Their lines come by pipes, beside the answers, and may be on their way still: the log counts
        as whole when those pipes are empty and nothing has come for a while.
        """
        before, deadline = -1, time.monotonic() + LOG_TIMEOUT_S
        while time.monotonic() < deadline and self.process.poll() is None:
            now = self.log_path.stat().st_size
            if now == before and unread_bytes(self.process.pid) == 0:
                break
            before = now
            time.sleep(LOG_QUIET_S)
        return self._log_so_far()

    def _log_so_far(self):
        return self.log_path.read_text(encoding="utf-8", errors="replace")

    def wait_log(self, text, count=1, timeout_s=10):
        wait_until(
            lambda: self._log_so_far().count(text) >= count, f"{text!r} in the log", timeout_s
        )

    def workers(self):
        """The pids of the worker processes that live."""
        return children_of(self.process.pid)

    def wait_readyz(self, status=200, timeout_s=20):
        wait_until(
            lambda: self.web.get("/readyz").status == status, f"/readyz = {status}", timeout_s
        )

    def metric(self, name, **labels):
        return self.web.metric(name, **labels)

    def wait_metric(self, name, value, timeout_s=10, **labels):
        wait_until(
            lambda: self.metric(name, **labels) == value, f"{name}{labels} = {value}", timeout_s
        )

    def terminate(self):
        self.process.send_signal(signal.SIGTERM)

    def wait_exit(self, timeout_s=STOP_TIMEOUT_S):
        return self.process.wait(timeout_s)

    def stop(self):
        """Ends it in order; anything but exit code 0 is a fault."""
        self.terminate()
        code = self.wait_exit()
        assert code == 0, f"expected exit code 0 after SIGTERM, got {code}; log:\n{self.log()}"

    def kill(self):
        if self.process is None:
            return
        if self.grpc is not None:
            self.xsf.close()
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self._reader.join(5)


def children_of(parent):
    found = []
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            stat = Path("/proc", entry, "stat").read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue
        state, ppid = stat.rpartition(")")[2].split()[:2]
        if int(ppid) == parent and state != "Z":
            found.append(int(entry))
    return sorted(found)
