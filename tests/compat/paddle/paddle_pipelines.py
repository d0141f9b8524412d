# SPDX-License-Identifier: Apache-2.0
"""A pipeline as its user starts it, ``python web_service.py``, as a process of the test."""

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import yaml
from free_ports import free_ports
from http_client import HttpClient
from loader_process import DIE_WITH_PARENT, ROOT, children_of
from waiting import wait_until

BIN = Path(os.environ.get("AIGES_BIN", ROOT / "build" / "bin")).resolve()
COMPAT = ROOT / "compat" / "paddle"
_START_S, _STOP_S = 60, 40

HEAD = """\
import os, time, threading
import numpy as np
from paddle_serving_server.web_service import WebService, Op
"""
TAIL = """
class Service(WebService):
    def get_pipeline_response(self, read_op):
        return graph(read_op)

service = Service(name="svc")
service.prepare_pipeline_config("config.yml")
service.run_service()
"""


def environment(**more):
    path = os.pathsep.join([str(COMPAT), str(ROOT / "sdk")])
    env = {**os.environ, "AIGES_BIN": str(BIN), "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"}
    env.pop("SERVING_LOG_PATH", None)
    return {**env, "PYTHONUNBUFFERED": "1", **more}


class Pipeline:
    """``text``: the ops, and a function graph(read_op); or a whole program. ``conf``: config.yml.

    Ports that ``conf`` does not say are free ones.
    """

    def __init__(self, folder, text, conf=None, *, whole=False, env=None, aiges=""):
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        program = text if whole else HEAD + text + TAIL
        (folder / "web_service.py").write_text(program, encoding="utf-8")
        if aiges:
            (folder / "aiges.toml").write_text(aiges, encoding="utf-8")
        rpc, http = free_ports(2)
        self.conf = {"rpc_port": rpc, "http_port": http, **(conf or {})}
        (folder / "config.yml").write_text(yaml.safe_dump(self.conf), encoding="utf-8")
        self.rpc = f"127.0.0.1:{self.conf['rpc_port'] or self.conf['http_port']}"
        self.web = HttpClient(f"127.0.0.1:{self.conf['http_port'] or self.conf['rpc_port']}")
        self.env = environment(TMPDIR=str(folder), **(env or {}))
        self.lines, self._log = [], folder / "loader.log"
        self.process = None

    def start(self, ready=True):
        with open(self._log, "wb") as log:
            self.process = subprocess.Popen(
                [*DIE_WITH_PARENT, sys.executable, "web_service.py"],
                cwd=self.folder,
                env=self.env,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        if ready:
            wait_until(self._is_ready, "the line AIService ready", _START_S)

    def _read(self):
        with self.process.stdout as out:
            for line in out:
                self.lines.append(line.rstrip("\n"))

    def _is_ready(self):
        assert self.process.poll() is None, f"ended with {self.process.returncode}:\n{self.log()}"
        return any(line.startswith("AIService ready") for line in list(self.lines))

    def log(self):
        return self._log.read_text(errors="replace")

    def wait_log(self, text, timeout_s=15):
        wait_until(lambda: text in self.log(), f"{text!r} in the log", timeout_s)

    def post(self, body, path="/svc/prediction", connection=None):
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.web.request("POST", path, data, connection=connection)

    def ask(self, connection=None, **values):
        """The answer to texts by key."""
        body = {"key": list(values), "value": list(values.values())}
        answer = self.post(body, connection=connection)
        assert answer.status == 200, answer
        return answer.json

    def value(self, **values):
        """The values of a good answer, by key."""
        answer = self.ask(**values)
        assert answer["err_no"] == 0, answer
        return dict(zip(answer["key"], answer["value"]))

    def workers(self):
        return children_of(self.process.pid)

    def ended(self):
        """Waits for its end: (code, stdout and stderr)."""
        code = self.process.wait(_STOP_S)
        self._reader.join(5)
        return code, "\n".join(self.lines) + self.log()

    def stop(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        return self.ended()

    def kill(self):
        if self.process is not None:
            if self.process.poll() is None:
                self.process.kill()
            self.process.wait()
            self._reader.join(5)
