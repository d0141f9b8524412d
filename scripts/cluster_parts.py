# SPDX-License-Identifier: Apache-2.0
"""The parts of the cluster demo as processes of this machine: Consul, the loaders, HAProxy."""

import contextlib
import csv
import io
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

from demo_client import REPOSITORY
from demo_loader import DIE_WITH_PARENT, DemoError
from free_ports import free_ports

SERVICE = "svcName"
HERE = "127.0.0.1"
CONSUL_PORTS = ("http", "dns", "serf_lan", "server")
START_LIMIT_S = 60
STOP_LIMIT_S = 20
# What would make the parts of the demo follow a configuration that is not the demo's.
NOT_OURS = ("LD_LIBRARY_PATH", "AIGES_PLUGIN_MODE", "AIGES_WRAPPER_VERSION")


def wait_until(condition, what, limit_s=START_LIMIT_S):
    """Returns the first true value of condition()."""
    until = time.monotonic() + limit_s
    while not (value := condition()):
        if time.monotonic() > until:
            raise DemoError(f"expected within {limit_s} s: {what}")
        time.sleep(0.02)
    return value


def fetch(url, limit_s=5):
    """The page as text; None while it cannot be had."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=limit_s) as answer:
            return answer.read().decode()
    except (urllib.error.HTTPError, OSError):
        return None


class Part:
    """One program with its folder and its log. It ends with the demo, however that ends."""

    def __init__(self, name, folder):
        self.name, self.folder, self.process = name, folder, None
        folder.mkdir(parents=True, exist_ok=True)
        self.log_path = folder / "log"

    def spawn(self, command, env=None, **options):
        with open(self.log_path, "wb") as log:
            # A session of its own: Ctrl-C reaches the demo only, which stops the parts in order.
            self.process = subprocess.Popen(
                [*DIE_WITH_PARENT, *command],
                cwd=self.folder,
                env={k: v for k, v in (env or os.environ).items() if k not in NOT_OURS},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                **options,
            )

    def log(self):
        return self.log_path.read_text(encoding="utf-8", errors="replace")

    def wait(self, condition, what):
        """Like wait_until, and says why when the program has ended."""

        def holds():
            if self.process.poll() is not None:
                self.fail(f"ended with exit code {self.process.returncode} before {what}")
            return condition()

        return wait_until(holds, f"{self.name}: {what}")

    def fail(self, what):
        tail = "\n".join(f"    {line}" for line in self.log().splitlines()[-25:])
        raise DemoError(f"{self.name} {what}. The end of its log:\n{tail or '    (empty)'}")

    @property
    def runs(self):
        return self.process is not None and self.process.poll() is None

    def terminate(self):
        if self.runs:
            self.process.terminate()

    def kill(self):
        """kill -9, for the program and what it has started."""
        if self.process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def ended(self):
        """Waits for the end after terminate(), and returns the exit code."""
        try:
            return self.process.wait(STOP_LIMIT_S)
        except subprocess.TimeoutExpired:
            return self.fail(f"did not stop within {STOP_LIMIT_S} s of SIGTERM")


class Consul(Part):
    """`consul agent -dev`: one server, everything in memory. `url` is its HTTP API."""

    def __init__(self, folder):
        super().__init__("consul", folder)
        named = os.environ.get("AIGES_CONSUL", "")
        places = (shutil.which("consul"), REPOSITORY / "build" / "tools" / "consul", named)
        self.binary = next((str(p) for p in places if p and os.access(p, os.X_OK)), None)
        if self.binary is None:
            raise DemoError("expected consul on PATH or in build/tools; `make tools` builds it")
        ports = dict(zip(CONSUL_PORTS, free_ports(len(CONSUL_PORTS))))
        self.url = f"http://{HERE}:{ports['http']}"
        self.dns = f"{HERE}:{ports['dns']}"
        settings = {
            "bind_addr": HERE,
            "client_addr": HERE,
            "node_name": "demo",
            "log_level": "warn",
            "disable_update_check": True,
            "ports": {**ports, "grpc": -1, "https": -1, "serf_wan": -1},
        }
        (folder / "consul.json").write_text(json.dumps(settings), encoding="utf-8")

    def start(self):
        self.spawn([self.binary, "agent", "-dev", "-config-file=consul.json"])
        url = f"{self.url}/v1/catalog/service/consul"
        self.wait(lambda: (fetch(url) or "[]").strip() != "[]", "it has a leader")


class Loader(Part):
    """AIService with its configuration from the config centre; start() does not wait for it.

    The address changes with each start: the pushed configuration asks for any free port.
    """

    def __init__(self, name, folder, binaries, consul):
        super().__init__(name, folder)
        self.binary = binaries / "AIService"
        if not self.binary.is_file():
            raise DemoError(f"expected the loader at {self.binary}; build it with `make`")
        self.consul, self.grpc, self.http = consul, "", ""

    def start(self):
        self.grpc = self.http = ""
        command = [str(self.binary), "-m=1", f"-u={self.consul.url}", f"-s={SERVICE}"]
        # A dead one shall show as critical within a second, not after the usual six.
        command += ["-cache=cache", "-dc=[registry]\nttl_ms = 900\n"]
        self.spawn(command, env={**os.environ, "PYTHONUNBUFFERED": "1"})

    def wait_ready(self):
        self.wait(lambda: "AIService ready instances=" in self.log(), "it is ready")
        found = re.search(r"AIService listening grpc=(\S+) http=(\S+)", self.log())
        self.grpc, self.http = found.groups()

    @property
    def id(self):
        """Its name in Consul and under aiges-status."""
        return f"{SERVICE}-{self.grpc.replace(':', '-')}"

    def in_flight(self):
        found = re.search(
            r"^aiges_in_flight (\d+)", fetch(f"http://{self.http}/metrics") or "", re.M
        )
        return int(found[1]) if found else 0


class Haproxy(Part):
    """HAProxy with deploy/haproxy/haproxy.cfg. Its ports are sockets that we have bound.

    `run` is a folder with a short path: its sockets lie there.
    """

    def __init__(self, folder, consul, run):
        super().__init__("haproxy", folder)
        if shutil.which("haproxy") is None:
            raise DemoError("expected haproxy on PATH; scripts/setup.sh test installs it")
        self.sockets = {name: socket.socket() for name in ("GRPC", "HTTP", "STATS")}
        self.env = {
            **os.environ,
            "AIGES_SERVICE": SERVICE,
            "AIGES_CONSUL_DNS": consul.dns,
            "AIGES_RATE": "100000",
            "AIGES_RUN": str(run),
            "AIGES_PEER_BIND": f"unix@{run}/peer.sock",
        }
        for name, bound in self.sockets.items():
            bound.bind((HERE, 0))
            self.env[f"AIGES_{name}_BIND"] = f"fd@{bound.fileno()}"
            setattr(self, name.lower(), f"{HERE}:{bound.getsockname()[1]}")

    def start(self):
        config = REPOSITORY / "deploy" / "haproxy" / "haproxy.cfg"
        fds = [bound.fileno() for bound in self.sockets.values()]
        self.spawn(["haproxy", "-db", "-f", str(config)], env=self.env, pass_fds=fds)
        self.wait(self.hosts, "it answers")

    def kill(self):
        super().kill()
        for bound in self.sockets.values():
            bound.close()

    def hosts(self, backend="grpc"):
        """{address: (state, calls so far)} of the loaders that it knows; {} while it is away."""
        page = fetch(f"http://{self.stats}/;csv")
        if page is None:
            return {}
        rows = csv.DictReader(io.StringIO(page.lstrip("# ")))
        return {
            row["addr"]: (row["status"].split(" ")[0], int(row["stot"] or 0))
            for row in rows
            if row["pxname"] == backend and row["addr"] and not row["status"].startswith("MAINT")
        }

    def wait_up(self, addresses):
        """Until calls go to exactly these loaders."""

        def up():
            found = self.hosts()
            return {a for a, (state, _) in found.items() if state == "UP"} == set(addresses)

        self.wait(up, f"it gives calls to {len(addresses)} loaders")


def configuration(**sections):
    """aiges.toml for all loaders; JSON scalars and lists are valid TOML."""
    plugin = REPOSITORY / "plugins" / "mmocr"
    base = {
        SERVICE: {"host": HERE, "port": 0},
        "wrapper": {"http_listen": f"{HERE}:0", "engine": "rapidocr", "threads": "1"},
        "instances": {
            "count": 1,
            "python": sys.executable,
            "pythonpath": [str(plugin)],
            "lame_duck_ms": 1000,
        },
        "fc": {"max": 32},
    }
    for section, keys in sections.items():
        base[section] = {**base.get(section, {}), **keys}
    return "\n".join(
        f"[{section}]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in keys.items())
        for section, keys in base.items()
    )
