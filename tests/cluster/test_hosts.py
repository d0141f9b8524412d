# SPDX-License-Identifier: Apache-2.0
"""Three loaders, a Consul and clients, each on a host of its own; then things break.

Wanted: no once call fails but those in flight on a host that died hard, and these are retried (the
clients say that their calls may be repeated); a drained host gets nothing 200 ms after it said so.
"""

import time
from pathlib import Path

from hosts import NAMES, HostAgent, Traffic, host_loader
from prerequisites import need
from waiting import wait_until


def test_calls_are_spread_over_the_hosts(hosts):
    with hosts.traffic() as traffic:
        traffic.wait_hosts(NAMES)
        time.sleep(1)
        counts = traffic.by_host()
        assert min(counts[name] for name in NAMES) * 2 > max(counts[name] for name in NAMES)
    assert traffic.failed() == []


def test_consul_that_dies_and_returns_costs_no_call(hosts):
    with hosts.traffic() as traffic:
        traffic.wait_hosts(NAMES)
        hosts.consul.stop()
        time.sleep(2)
        traffic.wait_hosts(NAMES)
        hosts.consul.start()
        hosts.wait_passing(*NAMES)
        traffic.wait_hosts(NAMES)
    assert traffic.failed() == []


def test_consul_that_returns_empty_costs_no_call(hosts):
    with hosts.traffic() as traffic:
        traffic.wait_hosts(NAMES)
        hosts.consul.ask("PUT", "/v1/kv/marker", "x")
        hosts.consul.stop()
        hosts.consul.forget()
        traffic.wait_hosts(NAMES)
        hosts.consul.start()
        hosts.wait_passing(*NAMES)
        traffic.wait_hosts(NAMES)
        assert hosts.consul.kv("marker") == {}
    assert traffic.failed() == []


def test_loader_that_dies_while_consul_is_away_is_left_out(hosts):
    with hosts.traffic() as traffic:
        traffic.wait_hosts(NAMES)
        hosts.consul.stop()
        hosts.loaders["one"].process.kill()
        traffic.wait_hosts(("two", "three"))
    assert traffic.failed() == []


def test_loader_cut_from_consul_only_stays_in_use(hosts):
    with hosts.traffic() as traffic:
        traffic.wait_hosts(NAMES)
        hosts.network.cut(hosts.places["one"].address, hosts.consul.place.address)
        hosts.wait_passing("two", "three")
        traffic.wait_hosts(NAMES)
        hosts.network.heal(hosts.places["one"].address, hosts.consul.place.address)
        hosts.wait_passing(*NAMES)
        traffic.wait_hosts(NAMES)
    assert traffic.failed() == []


def test_loader_cut_from_clients_only_is_left_out_and_comes_back(hosts):
    with hosts.traffic() as traffic:
        traffic.wait_hosts(NAMES)
        hosts.network.cut(hosts.places["one"].address, hosts.network.here)
        traffic.wait_hosts(("two", "three"))
        hosts.wait_passing(*NAMES)  # Consul sees nothing of it.
        hosts.network.heal(hosts.places["one"].address, hosts.network.here)
        traffic.wait_hosts(NAMES, timeout_s=60)
    assert traffic.failed() == []


def test_host_cut_from_all_is_left_out_and_comes_back(hosts):
    with hosts.traffic() as traffic:
        traffic.wait_hosts(NAMES)
        hosts.network.silence(hosts.places["one"].address)
        traffic.wait_hosts(("two", "three"))
        hosts.wait_passing("two", "three")
        hosts.network.heal_all()
        hosts.wait_passing(*NAMES)
        traffic.wait_hosts(NAMES, timeout_s=60)
    assert traffic.failed() == []


def test_killed_loader_is_left_out_and_its_successor_is_found(hosts):
    with hosts.traffic() as traffic:
        traffic.wait_hosts(NAMES)
        hosts.loaders["one"].kill()
        traffic.wait_hosts(("two", "three"))
        hosts.wait_passing("two", "three")
        hosts.start("one")
        traffic.wait_hosts(NAMES)
    assert traffic.failed() == []


def test_drained_host_gets_no_call_200_ms_after_it_said_so(hosts):
    with hosts.traffic() as traffic:
        traffic.wait_hosts(NAMES)
        off = hosts.drain("one")
        assert hosts.loaders["one"].wait_exit() == 0
        time.sleep(1)
        assert traffic.by_host(off + 0.2)["two"] > 0
    assert traffic.late_calls("one", off) == []
    assert traffic.failed() == []


def faketime():
    """Debian's libfaketime, whatever the machine is."""
    found = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
    need("" if found else "libfaketime (package faketime)", "a clock that jumps")
    return str(found[0])


def test_clock_that_jumps_costs_no_call(hosts, tmp_path):
    clock = tmp_path / "clock"
    clock.write_text("+0")
    faked = {
        "LD_PRELOAD": faketime(),
        "FAKETIME_TIMESTAMP_FILE": str(clock),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",  # As of the kernel: only the wall clock is ever set.
    }
    hosts.loaders["one"].stop()
    loader = hosts.start("one", env=faked)
    with hosts.traffic() as traffic:
        traffic.wait_hosts(NAMES)
        for jump, seconds in (("+1h", 3600), ("-3d", -3 * 86400), ("+0", 0)):
            clock.write_text(jump)
            hosts.wait_passing(*NAMES)
            traffic.wait_hosts(NAMES)
            # A deadline that the client gives is a duration, and does not jump.
            answer = loader.xsf.once(wait_ms="5000", params={"time": "1"})
            ahead = float(answer.text("time")) - time.time()
            assert abs(ahead - seconds) < 60, f"{jump}: the clock there is {ahead} s ahead"
    assert traffic.failed() == []


def test_rolling_restart_of_all_costs_no_call(hosts):
    with hosts.traffic() as traffic:
        traffic.wait_hosts(NAMES)
        for name in NAMES:
            hosts.loaders[name].stop()
            hosts.start(name)
            hosts.wait_passing(*NAMES)
        traffic.wait_hosts(NAMES)
    assert traffic.failed() == []


def test_cluster_of_three_consuls_survives_the_loss_of_its_leader(binaries, network, tmp_path):
    places = [network.host() for _ in range(3)]
    servers = [
        HostAgent(tmp_path / f"server{i}", place, servers=places) for i, place in enumerate(places)
    ]
    at = network.host()
    local = HostAgent(tmp_path / "local", at, servers=places, server=False)
    loader = host_loader(binaries, tmp_path / "loader", at, local, "one")
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
