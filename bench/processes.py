# SPDX-License-Identifier: Apache-2.0
"""Starts and stops what is measured: the limit server, the loader, the load client."""

import ctypes
import json
import os
import queue
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from pathlib import Path

START_TIMEOUT_S = 120
STOP_TIMEOUT_S = 40
PR_SET_PDEATHSIG = 1


class BenchError(Exception):
    """Something that could not be measured; the text says what was expected and what came."""


class Server:
    """A process that says on stdout when it is ready; a context manager that leaves nothing behind.

    It has a folder of its own, which goes away with it, and a session of its own: Ctrl-C reaches
    the script only, which then stops the server in order, and at the worst kills its whole group.
    """

    stdin = subprocess.DEVNULL

    def __init__(self, *command):
        self.command = [str(part) for part in command]
        self.name = Path(command[0]).name
        self.process = None
        self.lines = queue.Queue()

    def prepare(self):
        """Writes what the process reads from its folder."""

    def wait_ready(self):
        """Reads stdout until the process can be used."""
        raise NotImplementedError

    def __enter__(self):
        if not os.access(self.command[0], os.X_OK):
            raise BenchError(f"expected a program at {self.command[0]}; build it with `make bench`")
        self.folder = tempfile.TemporaryDirectory(prefix="aiges-bench-")
        try:
            self.prepare()
            self._start()
            self.wait_ready()
        except BaseException as error:
            self.__exit__(type(error), error, None)
            raise
        return self

    def __exit__(self, kind, value, trace):
        try:
            if self.process is not None:
                self._stop(STOP_TIMEOUT_S if kind is None else 5)
        except subprocess.TimeoutExpired:
            if kind is None:
                raise self.failure(f"did not stop within {STOP_TIMEOUT_S} s of SIGTERM") from None
        finally:
            self._kill()
            self.folder.cleanup()

    def wait_line(self, pattern, timeout_s=START_TIMEOUT_S):
        """The match of the next line of stdout that has the pattern."""
        until = time.monotonic() + timeout_s
        while True:
            try:
                line = self.lines.get(timeout=max(0.0, until - time.monotonic()))
            except queue.Empty:
                what = f"did not print a line like {pattern} within {timeout_s} s"
                raise self.failure(what) from None
            if line is None:
                raise self.failure(f"ended too early, with exit code {self.process.wait()}")
            if match := re.match(pattern, line):
                return match

    def failure(self, what):
        log = self._log_path().read_text(encoding="utf-8", errors="replace")
        return BenchError(f"{self.name} {what}; its log ends with:\n{log[-3000:] or '(empty)'}")

    def _start(self):
        with open(self._log_path(), "w", encoding="utf-8") as log:
            self.started = time.monotonic()
            self.process = subprocess.Popen(
                self.command,
                cwd=self.folder.name,
                stdin=self.stdin,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                start_new_session=True,
                preexec_fn=die_with_parent,
            )
        threading.Thread(target=self._read_stdout, daemon=True).start()

    def _log_path(self):
        return Path(self.folder.name) / "log"

    def _read_stdout(self):
        for line in self.process.stdout:
            self.lines.put(line.rstrip())
        self.lines.put(None)

    def _stop(self, timeout_s):
        self.process.terminate()
        self.process.wait(timeout_s)

    def _kill(self):
        if self.process is None:
            return
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()


class LimitServer(Server):
    def __init__(self, bench_binaries):
        super().__init__(bench_binaries / "grpc_limit_server", "--listen", "127.0.0.1:0")

    def wait_ready(self):
        self.grpc = f"127.0.0.1:{self.wait_line(r'[0-9]+$')[0]}"


class Loader(Server):
    """AIService with one plugin. `mode`: where its configuration is, as arguments; `instances`:
    further keys of that section."""

    def __init__(
        self,
        binaries,
        plugin,
        options=None,
        count=1,
        sections=None,
        mode=("-m=0",),
        instances=None,
    ):
        super().__init__(binaries / "AIService", *mode, "-c", "aiges.toml", "-s", "svcName")
        self.plugin, self.options, self.count = plugin, options or {}, count
        self.sections, self.instances = sections or {}, instances or {}

    def prepare(self):
        Path(self.folder.name, "aiges.toml").write_text(self.configuration(), encoding="utf-8")

    def configuration(self):
        """JSON strings and numbers are valid TOML ones."""
        user = "".join(f"{key} = {json.dumps(value)}\n" for key, value in self.options.items())
        configuration = (
            '[svcName]\nhost = "127.0.0.1"\nport = 0\n\n'
            f'[wrapper]\nhttp_listen = "127.0.0.1:0"\n{user}\n'
            f"[instances]\ncount = {self.count}\npython = {json.dumps(sys.executable)}\n"
            f"pythonpath = [{json.dumps(str(self.plugin))}]\n"
        )
        configuration += "".join(f"{key} = {json.dumps(v)}\n" for key, v in self.instances.items())
        for section, keys in self.sections.items():
            configuration += f"\n[{section}]\n"
            configuration += "".join(f"{key} = {json.dumps(v)}\n" for key, v in keys.items())
        return configuration

    def wait_ready(self):
        listening = self.wait_line(r"AIService listening grpc=(\S+) http=(\S+)")
        self.grpc, self.http = listening.groups()
        self.wait_line(r"AIService ready instances=\d+")
        self.ready_ms = (time.monotonic() - self.started) * 1000

    def memory_mb(self):
        """Resident memory of the loader itself, without its workers: all of it, and its own part
        without the pages of program files."""
        status = Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii")
        return [int(re.search(rf"{key}:\s+(\d+) kB", status)[1]) / 1024 for key in MEMORY_KEYS]

    def workers(self):
        tasks = Path(f"/proc/{self.process.pid}/task").glob("*/children")  # Any thread forks.
        return [int(child) for task in tasks for child in task.read_text("ascii").split()]

    def metrics(self):
        """{"name{labels}": value} of /metrics."""
        with urllib.request.urlopen(f"http://{self.http}/metrics", timeout=10) as page:
            lines = page.read().decode().splitlines()
        pairs = (line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
        return {name: float(value) for name, value in pairs}

    def log(self):
        return self._log_path().read_text(encoding="utf-8", errors="replace")

    def cpu_s(self):
        fields = Path(f"/proc/{self.process.pid}/stat").read_text(encoding="ascii")
        after_name = fields.rpartition(")")[2].split()
        return (int(after_name[11]) + int(after_name[12])) / os.sysconf("SC_CLK_TCK")


MEMORY_KEYS = ("VmRSS", "RssAnon")


def load(bench_binaries, protocol, address, in_flight, length, seconds, check=True, options=()):
    """One run of the load client, with further arguments for it: what it prints (bench_client.cc).

    An answer that is wrong ends the run.
    """
    command = [bench_binaries / "bench_client", protocol, address]
    command += ["--in-flight", in_flight, "--bytes", length, "--seconds", seconds]
    command += [*([] if check else ["--no-check"]), *options]
    command = [str(part) for part in command]
    try:
        # run() kills the client when it is interrupted.
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, preexec_fn=die_with_parent
        )
    except OSError as error:
        raise BenchError(f"{error}; build it with `make bench`") from error
    if done.returncode != 0:
        raise BenchError(f"{' '.join(command)}\nended with {done.returncode}: {done.stderr}")
    result = json.loads(done.stdout)
    if result["calls"] == 0:
        raise BenchError(f"{' '.join(command)}\nno call ended in the time measured")
    return result


def die_with_parent():
    """Runs in the child before exec: even a killed script leaves nothing running."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
