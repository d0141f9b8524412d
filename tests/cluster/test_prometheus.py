# SPDX-License-Identifier: Apache-2.0
"""The real Prometheus, with the file of deploy/compose, finds loaders in a real Consul."""

import json
import re

import pytest
from consul_agent import ConsulAgent
from haproxy_process import Cluster
from prometheus_process import ROOT, Prometheus
from waiting import wait_until

COMPOSE = ROOT / "deploy" / "compose"


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """Two loaders, a proxy, and a Consul with the telemetry of the compose file."""
    folder = tmp_path_factory.mktemp("scraped")
    telemetry = json.loads((COMPOSE / "consul.json").read_text())["telemetry"]
    with ConsulAgent(folder / "consul", telemetry=telemetry) as consul:
        found = Cluster(consul, folder, "svcName")
        with found.stack:
            for _ in range(2):
                found.add()
            found.main = found.proxy()
            yield found


def configuration(cluster):
    """The file as it is, but for where Consul and HAProxy are, and how long an interval is."""
    text = (COMPOSE / "prometheus.yml").read_text(encoding="utf-8")
    consul = cluster.consul.http.removeprefix("http://")
    text = text.replace("consul:8500", consul).replace("haproxy:8404", cluster.main.stats)
    return re.sub(r"(scrape|refresh)_interval: 5s", r"\1_interval: 1s", text)


def test_it_finds_the_loaders_by_consul_and_scrapes_all(cluster, tmp_path):
    with Prometheus(tmp_path, configuration(cluster)) as prometheus:

        def up():
            return {(row["job"], row["instance"]) for row, value in prometheus.query("up == 1")}

        wanted = {("aiges", loader.http) for loader in cluster.loaders}
        wanted |= {("haproxy", cluster.main.stats)}
        wanted |= {("consul", cluster.consul.http.removeprefix("http://"))}
        wait_until(lambda: up() == wanted, f"up: {wanted}", 60)
        labels = {"service": "svcName", "project": "AIpaas", "group": "hu", "version": "1.0.0"}
        ready = prometheus.query("aiges_ready")
        assert [value for _, value in ready] == [1, 1]
        for row, _ in ready:
            assert labels.items() <= row.items()


def test_it_refuses_a_file_with_a_mistake(cluster, tmp_path):
    """So the other test is one of the whole file."""
    text = configuration(cluster).replace("consul_sd_configs", "consul_configs")
    with Prometheus(tmp_path, text) as prometheus:
        assert prometheus.process.wait(60) == 2
        assert "field consul_configs not found" in prometheus.log.read_text()
