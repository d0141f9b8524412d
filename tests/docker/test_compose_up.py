# SPDX-License-Identifier: Apache-2.0
"""deploy/compose is started whole, by docker-compose over podman: two loaders behind HAProxy.

Grafana is left out: its image cannot be made of what is here.
"""

import json
import urllib.parse
import urllib.request

import compose_parts
import pytest
import yaml
from aiges.client import Client, Payload
from callers import Callers
from compose_parts import COMPOSE, Cluster, StandIns
from waiting import wait_until

TEXT = "key=data&type=text"

pytestmark = [
    pytest.mark.skipif(bool(compose_parts.lacking()), reason=compose_parts.lacking()),
    pytest.mark.usefixtures("images"),
]


def get(url, body=None):
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(urllib.request.Request(url, body), timeout=60) as answer:
        return json.load(answer)


class Front:
    """The proxy, as callers see a container."""

    http, grpc = "127.0.0.1:1888", "127.0.0.1:5090"


@pytest.fixture(scope="module")
def cluster(images):
    taken = compose_parts.taken_ports()
    if taken:
        pytest.skip(f"ports of docker-compose.yml are in use here: {taken}")
    text = (COMPOSE / "docker-compose.yml").read_text(encoding="utf-8")
    services = yaml.safe_load(text)["services"]
    with StandIns(services), Cluster(services) as started:
        yield started


def loaders():
    """Addresses of the loaders that are well, in Consul's eyes."""
    found = get("http://127.0.0.1:8500/v1/health/service/svcName-http?passing=1")
    return {f"{each['Service']['Address']}:{each['Service']['Port']}" for each in found}


def up():
    """What Prometheus scrapes: jobs and instances that answer."""
    query = urllib.parse.quote("up == 1")
    found = get(f"http://127.0.0.1:9090/api/v1/query?query={query}")["data"]["result"]
    return {(each["metric"]["job"], each["metric"]["instance"]) for each in found}


def quiet(condition):
    """A condition that does not hold yet while somebody does not answer."""

    def held():
        try:
            return condition()
        except OSError:
            return False

    return held


def test_it_starts_calls_reach_both_loaders_and_one_leaves_without_a_failed_call(cluster):
    wait_until(quiet(lambda: len(loaders()) == 2), "two loaders are registered", 60)
    url = f"http://127.0.0.1:1888/v1/raw/svcName?{TEXT}"
    wait_until(quiet(lambda: get(url, b"x")), "the proxy has found them", 60)
    said = get(url, b"x")
    assert said == {"uid": 10001, "said": "x"}
    with Client(Front.grpc, timeout_s=60) as client:
        assert json.loads(client.once("x").text()) == said

    wanted = {("consul", "consul:8500"), ("haproxy", "haproxy:8404")}
    wanted |= {("aiges", each) for each in loaders()}
    wait_until(quiet(lambda: up() == wanted), "Prometheus finds all", 60)

    # Where cores are busy, the proxy may find no host in time, and say so; nothing may be lost.
    asked = (b"x", TEXT, Payload("data", b"x"), "result")
    callers = Callers(Front, said, *asked, patient=True)
    try:
        wait_until(lambda: len(callers.right) >= 30 or callers.wrong, "calls are answered", 90)
        cluster.run("stop", "loader-a")
        assert len(loaders()) == 1
        before = len(callers.right)
        wait_until(lambda: len(callers.right) >= before + 30 or callers.wrong, "one serves", 90)
        cluster.run("start", "loader-a")
        wait_until(quiet(lambda: len(loaders()) == 2), "it is back", 60)
        before = len(callers.right)
        wait_until(lambda: len(callers.right) >= before + 30 or callers.wrong, "both serve", 90)
    finally:
        callers.leave()
    assert callers.wrong == []
