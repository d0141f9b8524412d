# SPDX-License-Identifier: Apache-2.0
"""asectl as a user starts it: a process, with what it said."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

from waiting import wait_until

ROOT = Path(__file__).resolve().parents[2]
COMMAND = [sys.executable, "-m", "aiges"]
TIMEOUT_S = 60
READY_TIMEOUT_S = 30
# Of whoever runs the tests: each says something to asectl.
FOREIGN = (
    "AIGES_PLUGIN_MODE",
    "CONSUL_HTTP_ADDR",
    "CONSUL_HTTP_TOKEN",
    "LD_LIBRARY_PATH",
    "NO_COLOR",
    "VIRTUAL_ENV",
)
DIE_WITH_PARENT = ["setpriv", "--pdeathsig", "KILL"]


def environment(binaries, **extra):
    env = {**os.environ, "AIGES_BIN": str(binaries), "PYTHONPATH": str(ROOT / "sdk")}
    for name in FOREIGN:
        env.pop(name, None)
    return {**env, **extra}


def hadolint(dockerfile):
    """Fails with what hadolint has to say about a Dockerfile."""
    program = Path(sys.executable).with_name("hadolint")
    command = [program, "--no-color", "--config", ROOT / ".hadolint.yaml", dockerfile]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


class Said:
    """What a finished asectl said. ``json``: its stdout, read as JSON."""

    def __init__(self, done):
        self.code, self.out, self.err = done.returncode, done.stdout, done.stderr

    @property
    def json(self):
        return json.loads(self.out)

    @property
    def all(self):
        return self.out + self.err


class Asectl:
    """Runs asectl to its end. ``code`` is the exit code that is expected; None: any."""

    def __init__(self, binaries, folder):
        self._binaries, self._folder = binaries, folder

    def __call__(self, *arguments, cwd=None, code=0, env=None, stdin=None):
        done = subprocess.run(
            [*COMMAND, *map(str, arguments)],
            cwd=cwd or self._folder,
            env=environment(self._binaries, **(env or {})),
            input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
        )
        assert code is None or done.returncode == code, (
            f"asectl {arguments}: expected exit code {code}, got {done.returncode}\n"
            f"{done.stdout}\n{done.stderr}"
        )
        return Said(done)


class Serving:
    """`asectl serve --json` in a folder, on ports of its own."""

    def __init__(self, binaries, folder, arguments=(), ports=True, as_json=True, env=None):
        self._env, self._folder = environment(binaries, **(env or {})), folder
        own = ["--port", "0", "--http", "127.0.0.1:0"] if ports else []
        self._as_json = as_json
        wanted = ["serve", *(["--json"] if as_json else []), *own, *map(str, arguments)]
        self._command = [*DIE_WITH_PARENT, *COMMAND, *wanted]
        self.lines, self.process, self.grpc, self.http = [], None, None, None
        self.began = 0.0

    def start(self, ready=True):
        self.began = time.monotonic()
        self.process = subprocess.Popen(
            self._command,
            cwd=self._folder,
            env=self._env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        threading.Thread(target=self._read, daemon=True).start()
        if ready and self._as_json:
            wait_until(lambda: self._ended() or self.event("ready"), "ready", READY_TIMEOUT_S)
            assert self.event("ready"), f"asectl serve ended early:\n{self.text()}"
            listening = self.event("listening")
            self.grpc, self.http = listening["grpc"], listening["http"]

    def _read(self):
        with self.process.stdout as out:
            for line in out:
                self.lines.append(line.rstrip("\n"))

    def _ended(self):
        return self.process.poll() is not None

    def text(self):
        return "\n".join(self.lines)

    def event(self, name):
        """The last event of that name; None before there is one."""
        found = [json.loads(line) for line in list(self.lines) if line.startswith("{")]
        found = [value for value in found if value.get("event") == name]
        return found[-1] if found else None

    def interrupt(self):
        """Ctrl-C. Returns the exit code."""
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(READY_TIMEOUT_S)

    def kill(self):
        if self.process is None:
            return
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(READY_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
        self.process.wait()
