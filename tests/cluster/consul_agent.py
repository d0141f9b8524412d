# SPDX-License-Identifier: Apache-2.0
"""A Consul agent of the test's own: ports of its own, everything in memory, gone with the test."""

import base64
import json
import os
import shutil
import subprocess
import urllib.error
import urllib.request
from pathlib import Path

from free_ports import free_ports
from waiting import wait_until

ROOT = Path(__file__).resolve().parents[2]
DIE_WITH_PARENT = ["setpriv", "--pdeathsig", "KILL"]
START_TIMEOUT_S = 30
PORTS = ("http", "dns", "serf_lan", "server")


def find_consul():
    """The binary: on PATH, else of `make tools`, else what AIGES_CONSUL names."""
    named = os.environ.get("AIGES_CONSUL", "")
    for found in (shutil.which("consul"), ROOT / "build" / "tools" / "consul", named):
        if found and os.access(found, os.X_OK):
            return str(found)
    raise RuntimeError(
        f"expected consul on PATH, {ROOT}/build/tools/consul (made by `make tools`) or AIGES_CONSUL"
    )


class ConsulAgent:
    """`consul agent -dev`. stop() and start() again keep the ports; its memory starts empty.

    `http` is what AIGES and CONSUL_HTTP_ADDR take, http://host:port, `dns` is host:port.
    `token` goes with its own requests, `config` is laid over the settings. With a data_dir among
    them it is no -dev: a server that keeps there what it knows.
    """

    def __init__(self, folder, *, token="", **config):
        self.token = token
        self.mode = [] if "data_dir" in config else ["-dev"]
        if not self.mode:
            config |= {"server": True, "bootstrap_expect": 1, "performance": {"raft_multiplier": 1}}
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.binary = find_consul()
        self.ports = dict(zip(PORTS, free_ports(len(PORTS))))
        self.host, self.http_port = "127.0.0.1", self.ports["http"]
        self.http = f"http://{self.host}:{self.http_port}"
        self.dns = f"{self.host}:{self.ports['dns']}"
        self.process, self.log_path = None, self.folder / "consul.log"
        settings = {
            "bind_addr": self.host,
            "client_addr": self.host,
            "node_name": "test",
            "log_level": "warn",
            "disable_update_check": True,
            "ports": {**self.ports, "grpc": -1, "https": -1, "serf_wan": -1},
            **config,
        }
        (self.folder / "consul.json").write_text(json.dumps(settings), encoding="utf-8")

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()

    def start(self):
        command = [self.binary, "agent", *self.mode, f"-config-file={self.folder / 'consul.json'}"]
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                [*DIE_WITH_PARENT, *command],
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        try:
            wait_until(self._leads, "a Consul that leads", START_TIMEOUT_S)
        except BaseException:
            self.stop()
            raise

    def stop(self):
        """Ends it at once, as a machine that loses power would."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def _leads(self):
        if self.process.poll() is not None:
            log = self.log_path.read_text(encoding="utf-8", errors="replace")
            raise AssertionError(f"consul ended with {self.process.returncode}; its log:\n{log}")
        try:
            return bool(self.ask("GET", "/v1/status/leader")) and self.ask(
                "GET", "/v1/catalog/service/consul"
            )
        except OSError:
            return False

    def ask(self, method, path, body=None):
        """One request to its HTTP API; JSON in, JSON out."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.http + path, data=data, method=method)
        if self.token:
            request.add_header("X-Consul-Token", self.token)
        with urllib.request.urlopen(request, timeout=10) as answer:
            text = answer.read()
        try:
            return json.loads(text) if text else None
        except json.JSONDecodeError:
            return text.decode()

    def kv(self, prefix):
        """Key -> bytes of everything under the prefix."""
        try:
            rows = self.ask("GET", f"/v1/kv/{prefix}?recurse")
        except urllib.error.HTTPError as error:
            if error.code == 404:
                return {}
            raise
        return {row["Key"]: base64.b64decode(row["Value"] or "") for row in rows}

    def register(self, name, address, *, id=None, ready=True, **fields):
        """Registers a service as a loader does, with its own word as a TTL check."""
        host, _, port = address.rpartition(":")
        id = id or f"{name}-{host}-{port}"
        service = {"ID": id, "Name": name, "Address": host, "Port": int(port), **fields}
        service["Check"] = {"CheckID": f"{id}:ttl", "TTL": "60s"}
        self.ask("PUT", "/v1/agent/service/register", service)
        if ready:
            self.say(id, "passing", "ready")
        return id

    def say(self, id, status, output):
        """What the loader says of itself: passing or critical, and why."""
        self.ask("PUT", f"/v1/agent/check/update/{id}:ttl", {"Status": status, "Output": output})

    def deregister(self, id):
        self.ask("PUT", f"/v1/agent/service/deregister/{id}")
