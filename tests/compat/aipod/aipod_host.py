# SPDX-License-Identifier: Apache-2.0
"""``python main.py`` of an AIPOD user as a process of the test, and raw calls to it."""

import json
import os
import signal
import subprocess
import sys
import threading

import grpc
from free_ports import free_ports
from http_client import HttpClient
from loader_process import DIE_WITH_PARENT, ROOT, children_of
from waiting import wait_until

COMPAT = ROOT / "compat" / "aipod"
_READY_S, _STOP_S = 40, 40

sys.path.insert(0, str(ROOT / "tests" / "peers" / "aipod"))


def python_path(*folders):
    return os.pathsep.join(map(str, [*folders, COMPAT, ROOT / "sdk"]))


class AipodCommand:
    """The user's command, which becomes the loader, in a folder with main.py.

    ``model``: the text of main.py, or a file. ``config``: the text of an aiges.toml.
    """

    def __init__(self, binaries, folder, model, *, config="", arguments=(), port=None, **env):
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        program = folder / "main.py"
        program.write_text(model if isinstance(model, str) else model.read_text("utf-8"), "utf-8")
        if config:
            (folder / "aiges.toml").write_text(config)
        self.port = port or free_ports(1)[0]
        self.env = {
            **os.environ,
            "AIGES_BIN": str(binaries.loader.parent),
            "PYTHONPATH": python_path(),
            "PYTHONUNBUFFERED": "1",
            "AIPOD_LISTEN_PORT": str(self.port),
            **env,
        }
        self.command = [*DIE_WITH_PARENT, sys.executable, "main.py", *arguments]
        self.lines, self.process = [], None
        self.address = f"127.0.0.1:{self.port}"
        self.web = HttpClient(self.address)

    def __enter__(self):
        log = open(self.folder / "loader.log", "wb")
        with log:
            self.process = subprocess.Popen(
                self.command,
                cwd=self.folder,
                env=self.env,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        try:
            wait_until(self._listens, f"the listening line of {self.folder}", _READY_S)
            self.wait_ready()
        except BaseException:
            self.kill()
            raise
        self.channel = grpc.insecure_channel(
            self.address, options=[("grpc.max_receive_message_length", -1)]
        )
        return self

    def __exit__(self, *_):
        self.channel.close()
        self.kill()

    def _read(self):
        with self.process.stdout as out:
            for line in out:
                self.lines.append(line.rstrip("\n"))

    def _listens(self):
        assert self.process.poll() is None or self._reader.is_alive(), self.log()
        return self.lines

    def wait_ready(self):
        def ready():
            assert self.process.poll() is None, self.log()
            try:
                return self.web.get("/readyz").status == 200
            except OSError:
                return False

        wait_until(ready, "/readyz", _READY_S)

    def log(self):
        return (self.folder / "loader.log").read_text(errors="replace")

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self._reader.join(5)

    def stop(self, how=signal.SIGTERM):
        self.process.send_signal(how)
        code = self.process.wait(_STOP_S)
        self._reader.join(5)
        return code

    def workers(self):
        """The workers' numbers; the guard beside them is none."""
        found = []
        for pid in children_of(self.process.pid):
            try:
                with open(f"/proc/{pid}/cmdline", "rb") as file:
                    words = file.read().split(b"\0")
            except OSError:
                continue
            if str(self.process.pid).encode() in words:
                found.append(pid)
        return found

    # --- calls ---

    def start(self, method, version="v1", data=b"", timeout=30, **kwargs):
        """Begin a call; its result() is the value."""
        from aipod_cases import message_of

        case = ("", method, version, json.dumps(kwargs), data)
        call = self.channel.unary_unary(f"/ai.AI/{method}")
        return Started(call.future(message_of(case), timeout=timeout))

    def call(self, method, version="v1", data=b"", timeout=30, **kwargs):
        return self.start(method, version, data, timeout, **kwargs).result()

    def fault(self, method, version="v1", data=b"", **kwargs):
        """(status, details) of a call that fails."""
        try:
            value = self.call(method, version, data, **kwargs)
        except grpc.RpcError as fault:
            return fault.code().name, fault.details()
        raise AssertionError(f"expected an error, got {value!r}")

    def begin_training(self, version="v1", **kwargs):
        """Begin one and wait until the log says that it runs."""
        started = self.start("train", version, timeout=60, **kwargs)
        wait_until(
            lambda: started.done() or self.call("log", version), f"a log of {version}", _READY_S
        )
        return started


class Started:
    def __init__(self, future):
        self.future = future

    def done(self):
        return self.future.done()

    def cancel(self):
        self.future.cancel()

    def result(self):
        from aipod_cases import data_json

        return json.loads(data_json(self.future.result()))

    def code(self):
        return self.future.code().name
