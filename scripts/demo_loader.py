# SPDX-License-Identifier: Apache-2.0
"""Runs AIService for the demos: writes its aiges.toml, waits until it is ready, stops it."""

import json
import os
import queue
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
READY_TIMEOUT_S = 120  # The first start reads the models from a cold disk.
STOP_TIMEOUT_S = 40
# Even a killed demo leaves no loader behind.
DIE_WITH_PARENT = ["setpriv", "--pdeathsig", "TERM"]


class DemoError(Exception):
    """Something that ends the demo; the text says what was expected and what to do."""


def heading(text):
    bold = sys.stdout.isatty() and "NO_COLOR" not in os.environ
    print(f"\n\033[1m{text}\033[0m" if bold else f"\n{text}", flush=True)


def stops_on_signals(run):
    """Runs a demo; the exit code of its program."""
    sys.stdout.reconfigure(line_buffering=True)  # Progress is seen through a pipe as well.
    # A stop by `kill` unwinds like Ctrl-C, so that the loader is stopped too.
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    try:
        run()
    except DemoError as error:
        print(f"\ndemo: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\ndemo: interrupted, the loader is stopped", file=sys.stderr)
        return 130
    return 0


def model_python(plugin):
    """The interpreter that scripts/setup.sh models PLUGIN has made."""
    place = REPOSITORY / "build" / "models" / plugin
    if not (place / "installed").is_file():
        raise DemoError(
            f"expected the packages of plugins/{plugin} in {place}; run `make demo-{plugin}`"
        )
    return str(place / "bin" / "python")


class Loader:
    """A running AIService with one plugin; a context manager that leaves no process behind."""

    def __init__(self, binaries, plugin, folder, options, service="svcName", python=sys.executable):
        self.binary = binaries / "AIService"
        self.service, self.python = service, python
        self.plugin, self.folder, self.options = plugin, folder, options
        self.log_path = folder / "loader.log"
        self.grpc = self.http = self.process = None
        self.lines = queue.Queue()

    def __enter__(self):
        if not self.binary.is_file():
            raise DemoError(f"expected the loader at {self.binary}; build it with `make`")
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "aiges.toml").write_text(self._configuration(), encoding="utf-8")
        command = [str(self.binary), "-m=0", "-c", "aiges.toml", "-s", self.service]
        shown = [os.path.relpath(self.binary), *command[1:]]
        print(f"  $ PYTHONPATH={os.path.relpath(self.plugin)} {' '.join(shown)}")
        with open(self.log_path, "w", encoding="utf-8") as log:
            # A session of its own: Ctrl-C reaches the demo only, which then stops the loader in
            # order, and at the worst kills its whole process group.
            self.process = subprocess.Popen(
                [*DIE_WITH_PARENT, *command],
                cwd=self.folder,
                env={**os.environ, "PYTHONPATH": str(self.plugin), "PYTHONUNBUFFERED": "1"},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                start_new_session=True,
            )
        threading.Thread(target=self._read_stdout, daemon=True).start()
        try:
            self._wait_ready()
        except BaseException:
            self._kill()
            raise
        return self

    def __exit__(self, kind, value, trace):
        try:
            if kind is None:
                self._stop()
        finally:
            self._kill()

    def _configuration(self):
        """JSON strings and numbers are valid TOML ones."""
        user = "".join(f"{key} = {json.dumps(value)}\n" for key, value in self.options.items())
        return (
            f'[{self.service}]\nhost = "127.0.0.1"\nport = 0\n\n'
            f'[wrapper]\nhttp_listen = "127.0.0.1:0"\n{user}\n'
            f"[instances]\ncount = 1\npython = {json.dumps(self.python)}\n"
            f"pythonpath = [{json.dumps(str(self.plugin))}]\n"
        )

    def _read_stdout(self):
        for line in self.process.stdout:
            self.lines.put(line.rstrip())
        self.lines.put(None)

    def _wait_ready(self):
        started = time.monotonic()
        live = sys.stdout.isatty()
        while True:
            elapsed = time.monotonic() - started
            if live:
                print(f"\r  starting ... {elapsed:4.1f} s", end="", flush=True)
            try:
                line = self.lines.get(timeout=0.1)
            except queue.Empty:
                if elapsed > READY_TIMEOUT_S:
                    raise self._failure(f"not ready after {READY_TIMEOUT_S} s") from None
                continue
            if line is None:
                raise self._failure(f"ended with exit code {self.process.wait()} before ready")
            if match := re.match(r"AIService listening grpc=(\S+) http=(\S+)", line):
                self.grpc, self.http = match.groups()
            elif match := re.match(r"AIService ready instances=(\d+) after_ms=(\d+)", line):
                if not self.grpc:
                    raise self._failure("said `ready` without a `listening grpc=.. http=..` line")
                prefix = "\r" if live else ""
                print(f"{prefix}  ready after {match[2]} ms: gRPC {self.grpc}, HTTP {self.http}")
                return

    def _stop(self):
        """SIGTERM drains; anything but exit code 0 is a fault of the loader."""
        started = time.monotonic()
        self.process.terminate()
        try:
            code = self.process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            raise self._failure(f"did not stop within {STOP_TIMEOUT_S} s of SIGTERM") from None
        if code != 0:
            raise self._failure(f"expected exit code 0 after SIGTERM, got {code}")
        print(f"  stopped with exit code 0 after {(time.monotonic() - started) * 1000:.0f} ms")

    def _kill(self):
        """Loader and workers share the session, so the group is theirs alone."""
        if self.process is None:
            return
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()

    def _failure(self, what):
        tail = self.log_path.read_text(encoding="utf-8", errors="replace").splitlines()[-25:]
        shown = "\n".join(f"    {line}" for line in tail) or "    (empty)"
        return DemoError(f"AIService {what}. The end of {self.log_path}:\n{shown}")
