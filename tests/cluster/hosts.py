# SPDX-License-Identifier: Apache-2.0
"""Consul and loaders on hosts of their own, and clients that count what becomes of every call."""

import collections
import contextlib
import json
import shutil
import subprocess
import threading
import time

from aiges.client import Client
from consul_agent import DIE_WITH_PARENT, START_TIMEOUT_S, ConsulAgent, find_consul
from haproxy_process import Haproxy, by_http
from http_client import HttpClient
from loader_process import Loader
from waiting import wait_until
from xsf_client import XsfClient

NAMES = ("one", "two", "three")
PAUSE_S = 0.002

# select, as libfaketime breaks time.sleep.
WRAPPER = """
import os, select, time
def wrapperInit(config): return 0
def wrapperOnceExec(usrTag, params, reqData, respData, psrIds, psrCnt):
    select.select([], [], [], 0.002)
    text = os.environ["HOST"]
    respData.append({"key": "host", "data": text, "len": len(text), "status": 3, "type": 0})
    if "time" in params:
        text = repr(time.time())
        respData.append({"key": "time", "data": text, "len": len(text), "status": 3, "type": 0})
    return 0
"""


class HostAgent(ConsulAgent):
    """A Consul agent on a host; alone, or a server among `servers`, or a client of them."""

    def __init__(self, folder, host, *, servers=(), server=True):
        self.token, self.folder, self.binary = "", folder, find_consul()
        folder.mkdir(parents=True, exist_ok=True)
        self.place, self.process, self.log_path = host, None, folder / "consul.log"
        self.http, self.dns = f"http://{host.address}:8500", f"{host.address}:8600"
        settings = {
            "bind_addr": host.address,
            "client_addr": "0.0.0.0",
            "node_name": host.space,
            "data_dir": str(folder / "data"),
            "log_level": "warn",
            "disable_update_check": True,
            "server": server,
            "retry_join": [each.address for each in servers],
            "retry_interval": "1s",
            # A cluster that finds itself, and notices a death, within a second or two.
            "performance": {"raft_multiplier": 1},
            "gossip_lan": {"gossip_interval": "50ms", "probe_interval": "300ms"},
            "ports": {"grpc": -1, "serf_wan": -1},
        }
        if server:
            settings["bootstrap_expect"] = max(1, len(servers))
        (folder / "consul.json").write_text(json.dumps(settings), encoding="utf-8")

    def start(self, wait=True):
        command = [*DIE_WITH_PARENT, *self.place.within, self.binary, "agent"]
        command.append(f"-config-file={self.folder / 'consul.json'}")
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT
            )
        if wait:
            self.wait_leader()

    def forget(self):
        """What it has on disk goes, as with a container that has no volume."""
        shutil.rmtree(self.folder / "data")

    def wait_leader(self):
        wait_until(self._leads, "a Consul with a leader", START_TIMEOUT_S)


class Counted:
    """Threads that call all the time; every call is counted, by host or by error.

    A subclass gives caller(number, stack): a function that makes one call and returns its host.
    """

    def __init__(self, threads=4):
        self._stop, self._lock = threading.Event(), threading.Lock()
        self.calls = []  # (when it was sent, when it ended, host or None, error or None)
        self._open = {}  # Thread -> when its call was sent that has not ended.
        self.lag_s = 0.0  # The longest that a thread here slept too long: so busy is the machine.
        self.threads = [threading.Thread(target=self._work, args=(n,)) for n in range(threads)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        for thread in self.threads:
            thread.join()

    def _work(self, number):
        with contextlib.ExitStack() as stack:
            call = self.caller(number, stack)
            while not self._stop.is_set():
                begin, host, error = time.monotonic(), None, None
                self._open[number] = begin
                try:
                    host = call()
                except Exception as e:  # Whatever it is, the test shall show it.
                    error = e
                end = time.monotonic()
                with self._lock:
                    self.calls.append((begin, end, host, error))
                del self._open[number]
                time.sleep(PAUSE_S)
                self.lag_s = max(self.lag_s, time.monotonic() - end - PAUSE_S)

    def since(self, moment):
        with self._lock:
            return [call for call in self.calls if call[0] >= moment]

    def failed(self):
        return [call[3] for call in self.since(0.0) if call[3] is not None]

    def by_host(self, moment=0.0):
        return collections.Counter(call[2] for call in self.since(moment))

    def wait_hosts(self, hosts, timeout_s=30):
        """Until, from now on, exactly these hosts answer."""
        deadline, seen = time.monotonic() + timeout_s, None
        while seen is None or set(seen) != set(hosts):
            assert time.monotonic() < deadline, (
                f"expected answers of {hosts}: {seen}, {self.failed()[-3:]}"
            )
            now = time.monotonic()
            time.sleep(0.4)
            seen = self.by_host(now)

    def wait_ended(self, moment, timeout_s):
        """Until no call is open any more that was sent before that moment."""
        wait_until(
            lambda: all(begin >= moment for begin in list(self._open.values())),
            f"ends of the calls of {self._open}",
            timeout_s,
        )

    def late_calls(self, host, off):
        """The calls that a host answered though sent 200 ms after its readiness was seen off.

        The promise is about the programs: what this machine withholds them of the processor, as
        seen by our own threads, comes on top.
        """
        return [call for call in self.since(off + 0.2 + self.lag_s) if call[2] == host]


class Traffic(Counted):
    """Calls of one aiges.client; `read` makes one and says which host it reached."""

    def __init__(self, target, threads=4, read=None, **options):
        super().__init__(threads)
        self.client = Client(target, **{"timeout_s": 5.0, "idempotent": True, **options})
        self._read = read or (lambda client: client.once(b"x").text("host"))

    def __exit__(self, *_):
        super().__exit__()
        self.client.close()

    def caller(self, number, stack):
        return lambda: self._read(self.client)


class ProxiedTraffic(Counted):
    """Callers of a proxy who repeat nothing, half of them by gRPC, half by HTTP."""

    def __init__(self, proxy, threads=6):
        super().__init__(threads)
        self.proxy = proxy

    def caller(self, number, stack):
        if number % 2:
            return lambda: by_http(self.proxy, "svcName")
        client = XsfClient(self.proxy.grpc)
        client.wait_for_ready = False
        stack.callback(client.close)
        return lambda: client.once(wait_ms="20000").text("host")


class HostProxy(Haproxy):
    """The proxy of deploy/haproxy on a host, at the ports that it has by itself."""

    PORTS = {"GRPC": 5090, "HTTP": 1888, "STATS": 8404, "TLS": 8443}

    def __init__(self, folder, host, consul):
        self.host = host
        super().__init__(folder, consul.dns, within=host.within)
        self.web = HttpClient(self.http)

    def _bind(self, name):
        address = f"{self.host.address}:{self.PORTS[name]}"
        return address, address


def host_loader(binaries, folder, host, agent, name, **options):
    """A loader on a host that will register with an agent; not started."""
    config = {
        "svcName": {"host": host.address, "port": 5090},
        "wrapper": {"http_listen": f"{host.address}:1888"},
        "instances": {"lame_duck_ms": 1000},
        "registry": {"backend": "consul", "url": agent.http, "ttl_ms": 900},
    }
    for section, keys in options.pop("config", {}).items():
        config[section] = {**config.get(section, {}), **keys}
    env = {"HOST": name, **options.pop("env", {})}
    return Loader(binaries, folder, WRAPPER, config=config, env=env, within=host.within, **options)


class HostCluster:
    """Three loaders and a Consul, each on a host of its own."""

    def __init__(self, binaries, folder, network):
        self.network, self.binaries, self.folder = network, binaries, folder
        self.consul = HostAgent(folder / "consul", network.host())
        self.places = {name: network.host() for name in NAMES}
        self.loaders = {}

    def start(self, name, **options):
        number = len(list(self.folder.iterdir()))
        folder = self.folder / f"{name}{number}"
        loader = host_loader(self.binaries, folder, self.places[name], self.consul, name, **options)
        self.loaders[name] = loader
        loader.start()
        return loader

    def passing(self):
        found = self.consul.ask("GET", "/v1/health/service/svcName?passing=true")
        return {entry["Service"]["Address"] for entry in found}

    def wait_passing(self, *names):
        wanted = {self.places[name].address for name in names}
        wait_until(lambda: self.passing() == wanted, f"{names} in discovery", 30)

    def traffic(self, **options):
        return Traffic(f"consul://svcName?agent={self.consul.http}", **options)

    def drain(self, name):
        """When its readiness was seen off, after SIGTERM."""
        self.loaders[name].terminate()
        self.loaders[name].wait_readyz(503)
        return time.monotonic()

    def stop(self):
        for loader in self.loaders.values():
            loader.kill()
        self.consul.stop()
