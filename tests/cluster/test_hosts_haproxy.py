# SPDX-License-Identifier: Apache-2.0
"""HAProxy on a host of its own, between clients and three loaders on theirs.

It repeats no call that may have run, so calls in flight on a host that falls silent may fail: those
and no others, and none of them waits for long.
"""

import subprocess
import time

import pytest
from haproxy_process import DOWN, DRAINING, SERVING
from hosts import NAMES, HostProxy, ProxiedTraffic

BACKENDS = (("grpc", "grpc"), ("http", "http"))


@pytest.fixture
def proxy(hosts, tmp_path):
    place = hosts.network.host()
    # As deploy/haproxy/README.md says of hosts that fall silent.
    sysctl = "echo 4 > /proc/sys/net/ipv4/tcp_retries2"
    subprocess.run([*place.within, "sh", "-c", sysctl], check=True)
    with HostProxy(tmp_path / "proxy", place, hosts.consul) as found:
        found.wait_hosts(hosts.loaders.values())
        yield found


def wait_state(proxy, hosts, name, state):
    """Until both ways see one host so, and the others well."""
    for backend, port in BACKENDS:
        states = {getattr(loader, port): SERVING for loader in hosts.loaders.values()}
        states[getattr(hosts.loaders[name], port)] = state
        proxy.wait_states(backend, states)


def test_calls_are_spread_over_the_hosts_that_consul_names(hosts, proxy):
    """Each host has an address of its own, which the SRV records of Consul must lead to."""
    addresses = {f"{place.address}:5090" for place in hosts.places.values()}
    assert set(proxy.states()) == addresses
    with ProxiedTraffic(proxy) as traffic:
        traffic.wait_hosts(NAMES)
        time.sleep(1)
        counts = traffic.by_host()
    assert traffic.failed() == []
    assert min(counts[name] for name in NAMES) * 3 > max(counts.values())


def test_host_that_falls_silent_behind_the_proxy_costs_only_calls_in_flight(hosts, proxy):
    one = hosts.places["one"].address
    with ProxiedTraffic(proxy) as traffic:
        traffic.wait_hosts(NAMES)
        silent = time.monotonic()
        hosts.network.cut(one, proxy.host.address)
        wait_state(proxy, hosts, "one", DOWN)
        noticed = time.monotonic()
        traffic.wait_ended(noticed, timeout_s=40)
        traffic.wait_hosts(("two", "three"))
        hosts.network.heal(one, proxy.host.address)
        wait_state(proxy, hosts, "one", SERVING)
        traffic.wait_hosts(NAMES)
    failed = [call for call in traffic.since(0.0) if call[3] is not None]
    assert len(failed) <= len(traffic.threads), failed
    for begin, end, _, error in failed:
        assert begin < noticed, error
        assert end - silent < 40, error


def test_drained_host_gets_no_call_and_no_call_fails(hosts, proxy):
    with ProxiedTraffic(proxy) as traffic:
        traffic.wait_hosts(NAMES)
        off = hosts.drain("one")
        wait_state(proxy, hosts, "one", DRAINING)
        assert hosts.loaders["one"].wait_exit() == 0
        traffic.wait_hosts(("two", "three"))
    assert traffic.late_calls("one", off) == []
    assert traffic.failed() == []
