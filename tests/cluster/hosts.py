"""Consul and loaders on hosts of their own, and clients that count what becomes of every call."""

import collections
import json
import subprocess
import threading
import time

from aiges.client import AigesError, Client
from consul_agent import DIE_WITH_PARENT, START_TIMEOUT_S, ConsulAgent, find_consul
from loader_process import Loader
from waiting import wait_until

# select, as libfaketime breaks time.sleep.
WRAPPER = """
import os, select
def wrapperInit(config): return 0
def wrapperOnceExec(usrTag, params, reqData, respData, psrIds, psrCnt):
    select.select([], [], [], 0.002)
    text = os.environ["HOST"]
    respData.append({"key": "host", "data": text, "len": len(text), "status": 3, "type": 0})
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

    def wait_leader(self):
        wait_until(self._leads, "a Consul with a leader", START_TIMEOUT_S)


class Traffic:
    """Threads that call all the time; every call is counted, by host or by error."""

    def __init__(self, target, threads=4, **options):
        self.client = Client(target, **{"timeout_s": 5.0, "idempotent": True, **options})
        self._stop, self._lock = threading.Event(), threading.Lock()
        self.calls = []  # (when it was sent, when it ended, host or None, error or None)
        self._threads = [threading.Thread(target=self._work) for _ in range(threads)]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        for thread in self._threads:
            thread.join()
        self.client.close()

    def _work(self):
        while not self._stop.is_set():
            begin, host, error = time.monotonic(), None, None
            try:
                host = self.client.once(b"x").text("host")
            except AigesError as e:
                error = e
            with self._lock:
                self.calls.append((begin, time.monotonic(), host, error))
            time.sleep(0.002)

    def since(self, moment):
        with self._lock:
            return [call for call in self.calls if call[0] >= moment]

    def failed(self):
        with self._lock:
            return [call[3] for call in self.calls if call[3] is not None]

    def by_host(self, moment=0.0):
        return collections.Counter(call[2] for call in self.since(moment))

    def wait_hosts(self, hosts, timeout_s=20):
        """Until, from now on, exactly these hosts answer."""

        def seen():
            now = time.monotonic()
            time.sleep(0.4)
            return set(self.by_host(now)) == set(hosts)

        wait_until(seen, f"answers of {sorted(hosts)} only", timeout_s)


def start_loader(binaries, folder, host, agent, name, **options):
    """A loader on a host, registered with an agent; not waited for."""
    config = {
        "svcName": {"host": host.address, "port": 5090},
        "wrapper": {"http_listen": f"{host.address}:1888"},
        "instances": {"lame_duck_ms": 1000},
        "registry": {"backend": "consul", "url": agent.http, "ttl_ms": 900},
        **options.pop("config", {}),
    }
    env = {"HOST": name, **options.pop("env", {})}
    return Loader(binaries, folder, WRAPPER, config=config, env=env, within=host.within, **options)
