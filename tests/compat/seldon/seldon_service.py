# SPDX-License-Identifier: Apache-2.0
"""The users' own command as a process of the test: seldon-core-microservice NAME."""

import http.client
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

from free_ports import free_ports
from loader_process import DIE_WITH_PARENT, ROOT
from waiting import wait_until

COMPAT = ROOT / "compat" / "seldon"
HERE = Path(__file__).resolve().parent
PEERS = ROOT / "tests" / "peers" / "seldon"
EXAMPLES = ROOT / "docs" / "examples" / "seldon"
START_LIMIT_S = 40


class Service:
    """A running service on three ports of this machine; ``folder`` is where it is started."""

    def __init__(
        self,
        binaries,
        folder,
        name,
        *arguments,
        sources=(),
        env=None,
        toml="",
        python=sys.executable,
    ):
        self.folder, self.name = folder, name
        folder.mkdir(parents=True, exist_ok=True)
        for source in sources:
            if source.is_dir():
                shutil.copytree(source, folder, dirs_exist_ok=True)
            else:
                shutil.copy(source, folder)
        (folder / "aiges.toml").write_text(f'[svcName]\nhost = "127.0.0.1"\n{toml}')
        self.rest, self.grpc, self.metrics = free_ports(3)
        self.arguments = [
            *(name, *arguments),
            f"--http-port={self.rest}",
            f"--grpc-port={self.grpc}",
            f"--metrics-port={self.metrics}",
        ]
        clean = {k: v for k, v in os.environ.items() if k != "PROMETHEUS_MULTIPROC_DIR"}
        path = [str(COMPAT), str(ROOT / "sdk")]
        self.env = {
            **clean,
            "AIGES_BIN": str(binaries.loader.parent),
            "PYTHONPATH": os.pathsep.join(path),
            **(env or {}),
        }
        self.python = python
        self.log_path = folder / "service.log"
        self.process = None

    def __enter__(self):
        self.begin()
        try:
            wait_until(self._serves, f"an answer of {self.name}", START_LIMIT_S)
        except BaseException:
            self.kill()
            raise
        return self

    def __exit__(self, *_):
        self.kill()

    def begin(self):
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(
                [*DIE_WITH_PARENT, self.python, "-m", "seldon_core.microservice", *self.arguments],
                cwd=self.folder,
                env=self.env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def _serves(self):
        if self.process.poll() is not None:
            raise AssertionError(f"ended with {self.process.returncode}:\n{self.log()}")
        try:
            return self.ask("GET", "/ready", port=self.rest).status == 200
        except OSError:
            return False

    def log(self):
        return self.log_path.read_text(encoding="utf-8", errors="replace")

    def ask(self, method, path, body=None, headers=None, port=None):
        """The answer, with its body read, its ``text`` and what ``json`` says."""
        connection = http.client.HTTPConnection("127.0.0.1", port or self.rest, timeout=30)
        try:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            answer.body = answer.read()
            return answer
        finally:
            connection.close()

    def post(self, path, message, **headers):
        """POSTs JSON; gives the status and the JSON that came back."""
        fields = {"Content-Type": "application/json", **headers}
        answer = self.ask("POST", path, json.dumps(message), fields)
        return answer.status, json.loads(answer.body)

    def get(self, path, port=None):
        answer = self.ask("GET", path, port=port)
        return answer.status, answer.body.decode()

    def stop(self):
        """Ends it as an orchestrator does; gives the exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(30)

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
