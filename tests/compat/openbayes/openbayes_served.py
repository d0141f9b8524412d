# SPDX-License-Identifier: Apache-2.0
"""A predictor as a process of the test: the user's own command, and what it says."""

import os
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path

from http_client import HttpClient
from loader_process import DIE_WITH_PARENT, ROOT, children_of
from waiting import wait_until

PEERS = ROOT / "tests" / "peers" / "openbayes"
PROJECT = PEERS / "project"
EXAMPLES = ROOT / "docs" / "examples" / "openbayes"
BIN = Path(os.environ.get("AIGES_BIN", ROOT / "build" / "bin")).resolve()
START_S = 30
MODES = ("OPENBAYES_JOB_URL", "OPENBAYES_SERVING_PRODUCTION", "OPENBAYES_SERVING_PORT")
HEAD = "import openbayes_serving as serv\n"
RUN = "\nif __name__ == '__main__':\n    serv.run(Predictor)\n"
JSON = {"Content-Type": "application/json"}


def environment(production=False, **more):
    env = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    for name in (*MODES, "PYTHONPATH", "AIGES_DEBUG", "AIGES_DEBUG_CONSOLE"):
        env.pop(name, None)
    env["AIGES_BIN"] = str(BIN)
    env["PYTHONPATH"] = os.pathsep.join([str(ROOT / "compat" / "openbayes"), str(ROOT / "sdk")])
    if production:
        env["OPENBAYES_SERVING_PRODUCTION"] = "1"
    return {**env, **more}


class Predictor:
    """``python <program> --host 127.0.0.1 --port 0 <arguments>`` in a folder."""

    def __init__(
        self, folder, *arguments, program="predictor.py", env=None, production=False, own_port=True
    ):
        own = ["--host", "127.0.0.1", "--port", "0"] if own_port else []
        self.command = [*DIE_WITH_PARENT, sys.executable, program, *own, *arguments]
        self.folder, self.env = folder, environment(production, **(env or {}))
        self.lines, self._errors = [], []
        self.process = self.address = self.web = None

    def start(self, ready=True):
        self.process = subprocess.Popen(
            self.command,
            cwd=self.folder,
            env=self.env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
        )
        self._readers = [
            threading.Thread(target=self._read, args=(pipe, to), daemon=True)
            for pipe, to in ((self.process.stdout, self.lines), (self.process.stderr, self._errors))
        ]
        for reader in self._readers:
            reader.start()
        if ready:
            self.wait_ready()

    @staticmethod
    def _read(pipe, to):
        with pipe:
            for line in pipe:
                to.append(line.rstrip("\n"))

    def wait_ready(self, address=None):
        """Waits until the predictor answers GET /."""
        if address is None:
            pattern = re.compile(r"AIService listening grpc=(\S+) ")
            found = self.wait(
                lambda: next(filter(None, map(pattern.match, list(self.lines))), None)
            )
            address = found.group(1)
        self.address, self.web = address, HttpClient(address)

        def answers():
            try:  # Before, the path is the host's.
                return self.web.get("/").headers["content-type"] == "application/json"
            except OSError:
                return False

        self.wait(answers)

    def wait(self, seen, what="the predictor to answer", timeout_s=START_S):
        def there():
            found = seen()
            if not found and self.process.poll() is not None:
                raise AssertionError(f"{what}: ended with {self.process.returncode}:\n{self.log()}")
            return found

        return wait_until(there, what, timeout_s)

    def wait_log(self, text, count=1, timeout_s=15):
        wait_until(lambda: self.log().count(text) >= count, f"{text!r} in the log", timeout_s)

    def log(self):
        return "\n".join(list(self._errors))

    def post(self, body=b"", path="/", connection=None, **fields):
        head = {name.replace("_", "-"): value for name, value in fields.items()}
        return self.web.request("POST", path, body, head, connection)

    def json(self, text, path="/", connection=None, **fields):
        return self.post(text, path, connection, **{**JSON, **fields})

    def workers(self):
        return children_of(self.process.pid)

    def ended(self, timeout_s=START_S):
        """Waits for its end: (code, stdout, stderr)."""
        code = self.process.wait(timeout_s)
        for reader in self._readers:
            reader.join(10)
        return code, "\n".join(self.lines), self.log()

    def stop(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        return self.ended()

    def kill(self):
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        for reader in getattr(self, "_readers", ()):
            reader.join(5)
