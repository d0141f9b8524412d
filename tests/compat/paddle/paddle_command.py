# SPDX-License-Identifier: Apache-2.0
"""``python -m paddle_serving_server.serve`` as a process of the test, and calls of it."""

import contextlib
import http.client
import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from waiting import wait_until

ROOT = Path(__file__).resolve().parents[3]
COMPAT = ROOT / "compat" / "paddle"
START_LIMIT_S, STOP_LIMIT_S = 60, 40
# A killed test run leaves no service behind.
DIE_WITH_PARENT = ["setpriv", "--pdeathsig", "KILL"]
ROW = [0.0137, -0.1136, 0.2553, -0.0692, 0.0582, -0.0727, -0.1583]
ROW += [-0.0584, 0.6283, 0.4919, 0.1856, 0.0795, -0.0332]
PRICE = 18.901151657104492


def environment(**more):
    folder = Path(os.environ.get("AIGES_BIN", ROOT / "build" / "bin")).resolve()
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("SERVING_", "AIGES_MAIN"))}
    path = os.pathsep.join([str(COMPAT), str(ROOT / "sdk")])
    return {**clean, "AIGES_BIN": str(folder), "PYTHONPATH": path, "GLOG_minloglevel": "2", **more}


def run(*words, folder=None, timeout=60, **more):
    """Run a command of Paddle Serving's to its end: run("paddle_serving_server.serve", "check").

    Without a folder in one that is nobody's: commands write where they run.
    """
    with tempfile.TemporaryDirectory() as empty:
        return subprocess.run(
            [sys.executable, "-m", *map(str, words)],
            cwd=folder or empty,
            env=environment(**more),
            capture_output=True,
            text=True,
            timeout=timeout,
        )


class Service:
    """A running service. ``arguments``: what follows ``serve``; or ``program``, a file's text."""

    def __init__(self, folder, port, *arguments, program=None, toml="", **more):
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.port, self.process = folder, port, None
        words = [str(each) for each in arguments]
        if program is None:
            self.command = ["-m", "paddle_serving_server.serve", *words, "--port", str(port)]
        else:
            (folder / "web_service.py").write_text(program, encoding="utf-8")
            self.command = ["web_service.py", *words]
        (folder / "aiges.toml").write_text(f'[svcName]\nhost = "127.0.0.1"\n{toml}')
        self.env = environment(**more)
        self.log_path = folder / "service.log"

    def __enter__(self):
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                [*DIE_WITH_PARENT, sys.executable, *self.command],
                cwd=self.folder,
                env=self.env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        try:
            wait_until(self._is_ready, "a service that is ready", START_LIMIT_S)
        except BaseException:
            self.kill()
            raise
        return self

    def __exit__(self, *_):
        self.kill()

    def _is_ready(self):
        if self.process.poll() is not None:
            raise AssertionError(f"ended with {self.process.returncode}:\n{self.log()}")
        with contextlib.suppress(OSError):
            return self.ask("GET", "/readyz").status == 200
        return False

    def log(self):
        return self.log_path.read_text(encoding="utf-8", errors="replace")

    def ask(self, method, path, body=None, headers=None, port=None):
        """The answer, with its body read."""
        connection = http.client.HTTPConnection("127.0.0.1", port or self.port, timeout=30)
        try:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            answer.body = answer.read()
            return answer
        finally:
            connection.close()

    def post(self, path, said, **headers):
        """POSTs JSON, or bytes as they are."""
        body = said if isinstance(said, bytes) else json.dumps(said)
        return self.ask("POST", path, body, {"Content-Type": "application/json", **headers})

    def stop(self, how=signal.SIGTERM):
        self.process.send_signal(how)
        return self.process.wait(STOP_LIMIT_S)

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
