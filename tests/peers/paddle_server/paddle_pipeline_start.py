# SPDX-License-Identifier: Apache-2.0
"""Starts a web_service.py of services/, with the original's Python or ours, on free ports."""

import contextlib
import http.client
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import yaml

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parents[2] / "scripts")]

from free_ports import free_ports  # noqa: E402

SERVICES = HERE / "services"
START_LIMIT_S, STOP_LIMIT_S = 60, 10
PORTS = ("rpc_port", "http_port")


def merged(config, more):
    for key, value in more.items():
        both = isinstance(value, dict) and isinstance(config.get(key), dict)
        config[key] = merged(config[key], value) if both else value
    return config


class Service:
    """A copy of services/<name> in ``folder``, in a process group of its own.

    The name may be the path of another service. ``more`` goes into its config.yml; the ports that
    it names are replaced with free ones.
    """

    def __init__(self, python, name, folder, more=None, environment=None):
        source, folder = SERVICES / name, Path(folder)
        self.folder, self.log = folder / source.name, folder / f"{source.name}.log"
        shutil.copytree(source, self.folder)
        file = self.folder / "config.yml"
        config = merged(yaml.safe_load(file.read_text()), more or {})
        ports = dict(zip(PORTS, free_ports(2)))
        for key in ports:
            if isinstance(config.get(key), int) and config[key] > 1023:
                config[key] = ports[key]
        self.rpc_port, self.http_port = (config.get(key) for key in PORTS)
        file.write_text(yaml.safe_dump(config, sort_keys=False))
        left_out = ("PYTHONPATH", "AIGES_COMPAT", "LD_PRELOAD", "LD_LIBRARY_PATH")
        clean = {
            k: v for k, v in os.environ.items() if k not in left_out and "proxy" not in k.lower()
        }
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [python, "web_service.py"],
                cwd=self.folder,
                env={**clean, "PYTHONUNBUFFERED": "1", **(environment or {})},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def __enter__(self):
        deadline = time.monotonic() + START_LIMIT_S
        try:
            while not self._serves():
                assert self.process.poll() is None, self.said()
                assert time.monotonic() < deadline, self.said()
                time.sleep(0.05)
        except BaseException:
            self.__exit__()
            raise
        return self

    def _serves(self):
        """Whether both ports answer: a gateway without a server behind it says 503."""
        if self.rpc_port and not self._listens(self.rpc_port):
            return False
        connection = http.client.HTTPConnection("127.0.0.1", self.http_port, timeout=5)
        with (
            contextlib.suppress(OSError, http.client.HTTPException),
            contextlib.closing(connection),
        ):
            connection.request("POST", "/nobody/ready", b"{}")
            return connection.getresponse().status == 200
        return False

    @staticmethod
    def _listens(port):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 2):
            return True
        return False

    def __exit__(self, *_):
        """End the whole group: the original forks a gateway, and its ops as processes."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(STOP_LIMIT_S)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def ended(self):
        """Its exit status, or None when it serves instead."""
        deadline = time.monotonic() + START_LIMIT_S
        try:
            while time.monotonic() < deadline:
                if self.process.poll() is not None:
                    return self.process.returncode
                if any(self._listens(port) for port in (self.rpc_port, self.http_port) if port):
                    return None
                time.sleep(0.05)
            return None
        finally:
            self.__exit__()

    def said(self):
        return self.log.read_text(errors="replace")
