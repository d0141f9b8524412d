"""Three loaders, a Consul and clients, each on a host of its own; then things break.

Wanted: no once call fails but those in flight on a host that died hard, and these are retried (the
clients say that their calls may be repeated); a drained host gets nothing 200 ms after it said so.
"""

import time

import pytest
from hosts import HostAgent, Traffic, start_loader
from network import Network, missing
from waiting import wait_until

LACKING = missing()
pytestmark = pytest.mark.skipif(LACKING != "", reason=f"hosts of their own need {LACKING}")
NAMES = ("one", "two", "three")


class Cluster:
    def __init__(self, binaries, folder, network):
        self.network, self.binaries, self.folder = network, binaries, folder
        self.consul = HostAgent(folder / "consul", network.host())
        self.hosts = {name: network.host() for name in NAMES}
        self.loaders = {}

    def start(self, name, **options):
        number = len(list(self.folder.iterdir()))
        folder = self.folder / f"{name}{number}"
        loader = start_loader(self.binaries, folder, self.hosts[name], self.consul, name, **options)
        self.loaders[name] = loader
        loader.start()
        return loader

    def passing(self):
        found = self.consul.ask("GET", "/v1/health/service/svcName?passing=true")
        return {entry["Service"]["Address"] for entry in found}

    def wait_passing(self, *names):
        wanted = {self.hosts[name].address for name in names}
        wait_until(lambda: self.passing() == wanted, f"{names} in discovery", 20)

    def traffic(self, **options):
        return Traffic(f"consul://svcName?agent={self.consul.http}", **options)

    def stop(self):
        for loader in self.loaders.values():
            loader.kill()
        self.consul.stop()


@pytest.fixture
def network():
    with Network() as made:
        yield made


@pytest.fixture
def cluster(binaries, network, tmp_path):
    made = Cluster(binaries, tmp_path, network)
    try:
        made.consul.start()
        for name in NAMES:
            made.start(name)
        made.wait_passing(*NAMES)
        yield made
    finally:
        made.stop()


def test_calls_are_spread_over_the_hosts(cluster):
    with cluster.traffic() as traffic:
        traffic.wait_hosts(NAMES)
        time.sleep(1)
        counts = traffic.by_host()
        assert min(counts[name] for name in NAMES) * 2 > max(counts[name] for name in NAMES)
    assert traffic.failed() == []


def test_consul_that_dies_and_returns_costs_no_call(cluster):
    with cluster.traffic() as traffic:
        traffic.wait_hosts(NAMES)
        cluster.consul.stop()
        time.sleep(2)
        traffic.wait_hosts(NAMES)
        cluster.consul.start()
        cluster.wait_passing(*NAMES)
        traffic.wait_hosts(NAMES)
    assert traffic.failed() == []


def test_loader_that_dies_while_consul_is_away_is_left_out(cluster):
    with cluster.traffic() as traffic:
        traffic.wait_hosts(NAMES)
        cluster.consul.stop()
        cluster.loaders["one"].process.kill()
        traffic.wait_hosts(("two", "three"))
    assert traffic.failed() == []


def test_loader_cut_from_consul_only_stays_in_use(cluster):
    with cluster.traffic() as traffic:
        traffic.wait_hosts(NAMES)
        cluster.network.cut(cluster.hosts["one"].address, cluster.consul.place.address)
        cluster.wait_passing("two", "three")
        traffic.wait_hosts(NAMES)
        cluster.network.heal(cluster.hosts["one"].address, cluster.consul.place.address)
        cluster.wait_passing(*NAMES)
        traffic.wait_hosts(NAMES)
    assert traffic.failed() == []


def test_loader_cut_from_clients_only_is_left_out_and_comes_back(cluster):
    with cluster.traffic() as traffic:
        traffic.wait_hosts(NAMES)
        cluster.network.cut(cluster.hosts["one"].address, cluster.network.here)
        traffic.wait_hosts(("two", "three"))
        assert len(cluster.passing()) == 3  # Consul sees nothing of it.
        cluster.network.heal(cluster.hosts["one"].address, cluster.network.here)
        traffic.wait_hosts(NAMES, timeout_s=60)
    assert traffic.failed() == []


def test_host_cut_from_all_is_left_out_and_comes_back(cluster):
    with cluster.traffic() as traffic:
        traffic.wait_hosts(NAMES)
        cluster.network.silence(cluster.hosts["one"].address)
        traffic.wait_hosts(("two", "three"))
        cluster.wait_passing("two", "three")
        cluster.network.heal_all()
        cluster.wait_passing(*NAMES)
        traffic.wait_hosts(NAMES, timeout_s=60)
    assert traffic.failed() == []


def test_killed_loader_is_left_out_and_its_successor_is_found(cluster):
    with cluster.traffic() as traffic:
        traffic.wait_hosts(NAMES)
        cluster.loaders["one"].kill()
        traffic.wait_hosts(("two", "three"))
        cluster.wait_passing("two", "three")
        cluster.start("one")
        traffic.wait_hosts(NAMES)
    assert traffic.failed() == []


def test_drained_host_gets_no_call_200_ms_after_it_said_so(cluster):
    with cluster.traffic() as traffic:
        traffic.wait_hosts(NAMES)
        moment = time.monotonic()
        cluster.loaders["one"].terminate()
        assert cluster.loaders["one"].wait_exit() == 0
        time.sleep(1)
        late = [call for call in traffic.since(moment + 0.2) if call[2] == "one"]
        assert traffic.by_host(moment + 0.2)["two"] > 0
    assert late == []
    assert traffic.failed() == []


def test_clock_that_jumps_costs_no_call(cluster, tmp_path):
    clock = tmp_path / "clock"
    clock.write_text("+0")
    faked = {
        "LD_PRELOAD": "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1",
        "FAKETIME_TIMESTAMP_FILE": str(clock),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",  # As of the kernel: only the wall clock is ever set.
    }
    cluster.loaders["one"].stop()
    loader = cluster.start("one", env=faked)
    with cluster.traffic() as traffic:
        traffic.wait_hosts(NAMES)
        for jump in ("+1h", "-3d", "+0"):
            clock.write_text(jump)
            cluster.wait_passing(*NAMES)
            traffic.wait_hosts(NAMES)
            # A deadline that the client gives is a duration, and does not jump.
            assert loader.xsf.once(wait_ms="5000").code == 0
    assert traffic.failed() == []


def test_rolling_restart_of_all_costs_no_call(cluster):
    with cluster.traffic() as traffic:
        traffic.wait_hosts(NAMES)
        for name in NAMES:
            cluster.loaders[name].stop()
            cluster.start(name)
            cluster.wait_passing(*NAMES)
        traffic.wait_hosts(NAMES)
    assert traffic.failed() == []


def test_cluster_of_three_consuls_survives_the_loss_of_its_leader(binaries, network, tmp_path):
    places = [network.host() for _ in range(3)]
    servers = [
        HostAgent(tmp_path / f"server{i}", place, servers=places) for i, place in enumerate(places)
    ]
    at = network.host()
    local = HostAgent(tmp_path / "local", at, servers=places, server=False)
    loader = start_loader(binaries, tmp_path / "loader", at, local, "one")
    try:
        for server in servers:
            server.start(wait=False)
        local.start(wait=False)
        for server in (*servers, local):
            server.wait_leader()
        loader.start()
        look = "/v1/health/service/svcName?passing=true"
        wait_until(lambda: len(servers[2].ask("GET", look)) == 1, "the loader in discovery")
        leader = servers[0].ask("GET", "/v1/status/leader").rpartition(":")[0]
        dying = next(s for s in servers if s.place.address == leader)
        left = [s for s in servers if s is not dying]
        with Traffic(f"consul://svcName?agent={left[0].http}") as traffic:
            traffic.wait_hosts(("one",))
            dying.stop()
            for server in left:
                server.wait_leader()
            wait_until(lambda: len(left[1].ask("GET", look)) == 1, "the loader in discovery")
            traffic.wait_hosts(("one",))
        assert traffic.failed() == []
    finally:
        loader.kill()
        for agent in (*servers, local):
            agent.stop()
