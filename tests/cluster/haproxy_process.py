# SPDX-License-Identifier: Apache-2.0
"""HAProxy with deploy/haproxy/haproxy.cfg as a process of the test; its hosts and its callers."""

import collections
import contextlib
import os
import re
import socket
import subprocess
import threading
import time
import urllib.request
from pathlib import Path

import grpc
from http_client import HttpClient
from loader_process import Binaries, Loader
from waiting import wait_until
from xsf_client import XsfClient

ROOT = Path(__file__).resolve().parents[2]

CONFIG = ROOT / "deploy" / "haproxy" / "haproxy.cfg"
TLS_CONFIG = CONFIG.with_name("haproxy-tls.cfg")
DIE_WITH_PARENT = ["setpriv", "--pdeathsig", "KILL"]
SERVING, DRAINING, DOWN = "UP", "NOLB", "DOWN"  # How the statistics call the states.


class Haproxy:
    """A running haproxy; grpc, http, tls and stats are its addresses.

    Its ports are sockets that the test has bound and hands down, so that nobody can be faster.
    `within` is a command that it is started by.
    """

    def __init__(self, folder, consul_dns, *, service="svcName", pem=None, env=None, within=()):
        self.folder, self.pem, self.within = folder, pem, list(within)
        folder.mkdir(parents=True, exist_ok=True)
        self.sockets, self.processes = {}, []
        self.env = {
            **os.environ,
            "AIGES_SERVICE": service,
            "AIGES_CONSUL_DNS": consul_dns,
            "AIGES_RATE": "1000000",
            "AIGES_RUN": str(folder),
            "AIGES_PEER_BIND": f"unix@{folder}/peer.sock",
            **({"AIGES_TLS_PEM": str(pem)} if pem else {}),
            **(env or {}),
        }
        for name in ("GRPC", "HTTP", "STATS", "TLS"):
            address, self.env[f"AIGES_{name}_BIND"] = self._bind(name)
            setattr(self, name.lower(), address)

    def _bind(self, name):
        """An address, and how the proxy comes to it."""
        bound = self.sockets[name] = socket.socket()
        bound.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{bound.getsockname()[1]}", f"fd@{bound.fileno()}"

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        for process in self.processes:
            process.kill()
            process.wait()
        for bound in self.sockets.values():
            bound.close()

    def start(self):
        """Starts it; while another one runs, the new one takes over (-sf)."""
        files = [CONFIG, TLS_CONFIG] if self.pem else [CONFIG]
        command = [*DIE_WITH_PARENT, *self.within, "haproxy", "-db"]
        for file in files:
            command += ["-f", str(file)]
        before = [process for process in self.processes if process.poll() is None]
        if before:
            (self.folder / "aiges.state").write_text(self.ask("show servers state"))
            command += ["-sf", *(str(process.pid) for process in before)]
        with open(self.folder / f"haproxy{len(self.processes)}.log", "wb") as log:
            process = subprocess.Popen(
                command,
                env=self.env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                pass_fds=[bound.fileno() for bound in self.sockets.values()],
            )
        self.processes.append(process)
        wait_until(self._answers, "haproxy that answers", 20)

    def _answers(self):
        process = self.processes[-1]
        assert process.poll() is None, f"haproxy ended with {process.returncode}:\n{self.log()}"
        try:
            return f"\nPid: {process.pid}\n" in self.ask("show info")
        except OSError:
            return False

    def ask(self, command):
        """One command to the runtime socket of the newest process."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(str(self.folder / "aiges.sock"))
            connection.sendall(command.encode() + b"\n")
            return connection.makefile().read()

    def wait_synced(self):
        """Until it would hand its tables over to the process of after a reload."""

        def synced():
            flags = re.search(r" flags=(0x\w+)", self.ask("show peers"))[1]
            return int(flags, 16) & 3 == 3  # RESYNC_FINISHED

        wait_until(synced, "tables in sync", 30)

    def wait_table(self, name, used):
        found = f"used:{used}\n"
        wait_until(lambda: found in self.ask(f"show table {name}"), f"{found} in {name}", 20)

    def wait_lookups_fail(self, count):
        """Until so many questions to Consul went without an answer."""

        def failed():
            lines = self.ask("show resolvers consul")
            kinds = r"(?:timeout|refused|any_err|other|truncated|outdated|snd_error): *(\d+)"
            return sum(map(int, re.findall(kinds, lines))) >= count

        wait_until(failed, "failed look-ups", 20)

    def log(self):
        files = sorted(self.folder.glob("haproxy*.log"))
        return "\n".join(file.read_text(encoding="utf-8", errors="replace") for file in files)

    def page(self, path):
        """A page of the statistics port."""
        with urllib.request.urlopen(f"http://{self.stats}{path}", timeout=10) as answer:
            return answer.read().decode()

    def rows(self):
        """The statistics, one {column: text} for each server."""
        lines = self.ask("show stat").strip().lstrip("# ").splitlines()
        names = lines[0].split(",")
        return [dict(zip(names, line.split(","))) for line in lines[1:]]

    def states(self, backend="grpc"):
        """{address: state} of the hosts that the proxy knows."""
        found = {}
        for row in self.rows():
            if row["pxname"] == backend and row["svname"].startswith("host") and row["addr"]:
                if not row["status"].startswith("MAINT"):
                    found[row["addr"]] = row["status"].split(" ")[0]
        return found

    def wait_states(self, backend, states):
        wait_until(
            lambda: self.states(backend) == states,
            f"{backend}: {states}, now {self.states(backend)}",
            30,
        )

    def wait_hosts(self, loaders, state=SERVING):
        """Until every backend gives calls to exactly these loaders."""
        for backend, port in (("grpc", "grpc"), ("http", "http")):
            wanted = {getattr(loader, port): state for loader in loaders}
            self.wait_states(backend, wanted)
            self.wait_states(backend + "_session", wanted)


# Says which process it is, notes each call, waits for a gate, can be slow to start.
WRAPPER = """
import asyncio, os, time

class Wrapper:
    def wrapperInit(self, config):
        while os.path.exists(os.environ["NOTES"] + ".hold"): time.sleep(0.01)
        return 0
    def wrapperOnceExec(self, params, reqData):
        with open(os.environ["NOTES"], "a") as notes: notes.write("call\\n")
        yield str(os.getppid())
    async def wrapperStream(self, params, requests):
        async for request in requests:
            for node in request.list: yield f"{os.getppid()} {node.data.decode()}"
        while "gate" in params and not os.path.exists(params["gate"]): await asyncio.sleep(0.01)
        if "gate" in params: yield "after the gate"
"""


class Cluster:
    """Loaders of one service, and a way to start proxies in front of them."""

    def __init__(self, consul, folder, service):
        self.consul, self.folder, self.service = consul, folder, service
        self.loaders, self.stack = [], contextlib.ExitStack()

    def add(self, more=None, **instances):
        """``more``: further sections of its aiges.toml."""
        folder = self.folder / f"loader{len(self.loaders)}"
        instances = {"lame_duck_ms": 0, **instances}
        env = {"NOTES": str(folder / "notes"), "CONSUL_HTTP_ADDR": self.consul.http}
        config = {self.service: {"finder": 1}, "instances": instances, **(more or {})}
        loader = Loader(
            Binaries.find(), folder, WRAPPER, config=config, env=env, service=self.service
        )
        self.loaders.append(self.stack.enter_context(loader))
        return loader

    def proxy(self, name="proxy", **options):
        """A proxy that gives calls to all loaders there are."""
        folder = self.folder / name
        proxy = Haproxy(folder, self.consul.dns, service=self.service, **options)
        self.stack.enter_context(proxy)
        proxy.xsf = XsfClient(proxy.grpc, self.service)
        self.stack.callback(proxy.xsf.close)
        proxy.web = HttpClient(proxy.http)
        proxy.wait_hosts(self.loaders)
        return proxy

    def pids(self):
        return {str(loader.process.pid) for loader in self.loaders}


def by_grpc(proxy, *metadata, size=0):
    """The text of one once call: the pid of the loader that it reached."""
    xsf = proxy.xsf
    inner = xsf.input(xsf.payload(data=b"x" * size))
    return xsf.answer(xsf.send(xsf.request(inner, wait_ms=20000), metadata=metadata)).text()


def by_http(proxy, service, query="", **headers):
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    answer = proxy.web.raw_mode(b"x", query, service, names)
    assert answer.status == 200, (answer.status, answer.body)
    return answer.body.decode()


class Callers:
    """Clients that call without pause, by gRPC and by HTTP, until the block ends."""

    def __init__(self, proxy, service, each=3):
        self.proxy, self.service = proxy, service
        self.served, self.failures, self.stop = collections.Counter(), [], threading.Event()
        self.lock = threading.Lock()
        works = [self._grpc, self._http] * each
        self.threads = [threading.Thread(target=self._run, args=(work,)) for work in works]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        for thread in self.threads:
            thread.join(60)
            assert not thread.is_alive(), "a call was never answered"

    def _run(self, work):
        with contextlib.ExitStack() as stack:
            call = work(stack)
            while not self.stop.is_set():
                try:
                    host = call()
                except Exception as error:  # Whatever it is, the test shall show it.
                    with self.lock:
                        self.failures.append(repr(error))
                else:
                    with self.lock:
                        self.served[host] += 1

    def _grpc(self, stack):
        client = XsfClient(self.proxy.grpc, self.service)
        client.wait_for_ready = False
        stack.callback(client.close)
        return lambda: client.once(wait_ms="20000").text()

    def _http(self, stack):
        return lambda: by_http(self.proxy, self.service)

    def more(self, count):
        """Waits for so many more answers, failures included."""
        wanted = self.answers() + count
        wait_until(lambda: self.answers() >= wanted, f"{count} answers", 60)

    def answers(self):
        with self.lock:
            return sum(self.served.values()) + len(self.failures)


class SessionClient(XsfClient):
    """An XSF client that sends the proxy's session header."""

    name = ""

    def send(self, request, timeout_s=30, metadata=()):
        return super().send(request, timeout_s, [*metadata, ("x-aiges-session", self.name)])


def wait_200_ms():
    """200 ms of a machine that is not busy: by what our own sleeps are late, it is longer."""
    late, until = 0.0, time.monotonic() + 0.2
    while (now := time.monotonic()) < until + late:
        time.sleep(0.01)
        late = max(late, time.monotonic() - now - 0.01)


def reached(loader):
    """How many calls the host has begun."""
    return (loader.folder / "notes").read_text().count("call")


def refused_over_http(proxy, service, query="", **headers):
    """Calls until one is refused."""
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    for _ in range(300):
        answer = proxy.web.raw_mode(b"x", query, service, names)
        if answer.status != 200:
            return answer
    raise AssertionError("300 calls at once, and none was refused")


def refused_over_grpc(proxy, *metadata, size=0):
    for _ in range(300):
        try:
            by_grpc(proxy, *metadata, size=size)
        except grpc.RpcError as error:
            return error
    raise AssertionError("300 calls at once, and none was refused")
