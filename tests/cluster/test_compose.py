# SPDX-License-Identifier: Apache-2.0
"""deploy/compose: what can be known of it without a container engine."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from aiges.registry import Registry, Scope
from boards import check_panels
from consul_agent import find_consul
from haproxy_process import Cluster
from loader_process import ROOT, Loader
from prerequisites import need
from session_wrappers import V1_ECHO
from xsf_client import XsfSession

COMPOSE = ROOT / "deploy" / "compose"
DASHBOARD = json.loads((COMPOSE / "grafana" / "dashboards" / "aiges.json").read_text())
PROMETHEUS = COMPOSE / "prometheus.yml"
METRIC = re.compile(r"\b(?:aiges|haproxy)_\w+")


def read_yaml(path):
    return yaml.safe_load(path.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def services():
    """The services as docker-compose sees them."""
    need("" if shutil.which("docker-compose") else "docker-compose", "its file")
    command = ["docker-compose", "-f", "docker-compose.yml", "config"]
    done = subprocess.run(command, cwd=COMPOSE, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return yaml.safe_load(done.stdout)["services"]


def expressions():
    return [target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]]


def metrics(prefix):
    return {name for text in expressions() for name in METRIC.findall(text) if prefix in name[:8]}


# ---- docker-compose.yml ----


def test_all_parts_are_there(services):
    parts = {"consul", "loader-a", "loader-b", "haproxy", "prometheus", "grafana"}
    assert set(services) == parts


def test_images_are_pinned(services):
    for name, service in services.items():
        assert re.fullmatch(r"\S+:v?\d+\.\d+\.\d+(-\w+)?", service["image"]), name


def test_mounted_files_exist(services):
    for name, service in services.items():
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            if source.startswith("/"):
                assert Path(source).exists(), f"{name}: {source}"


def test_what_must_stay_inside_is_bound_to_loopback(services):
    for name, service in services.items():
        for port in service.get("ports", []):
            if name != "haproxy" or ":8404" in port:
                assert port.startswith("127.0.0.1:"), f"{name}: {port}"


def test_name_server_of_the_proxy_is_consul(services):
    address = services["consul"]["networks"]["aiges"]["ipv4_address"]
    assert services["haproxy"]["environment"]["AIGES_CONSUL_DNS"] == f"{address}:8600"
    assert json.loads((COMPOSE / "consul.json").read_text())["bind_addr"] == address


def test_consul_takes_its_file(tmp_path):
    (tmp_path / "aiges.json").write_text((COMPOSE / "consul.json").read_text())
    (tmp_path / "image.json").write_text('{"data_dir": "/consul/data"}')
    command = [find_consul(), "validate", tmp_path]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_loaders_register_the_service_that_the_others_ask_for(services, binaries, tmp_path):
    """The configuration is one that a loader takes without a word about unknown keys."""
    name = services["haproxy"]["environment"]["AIGES_SERVICE"]
    assert f"-s={name}" in services["loader-a"]["command"]
    jobs = {job["job_name"]: job for job in read_yaml(PROMETHEUS)["scrape_configs"]}
    assert jobs["aiges"]["consul_sd_configs"][0]["services"] == [f"{name}-http"]
    command = [binaries.loader, "-show-config", "-c", COMPOSE / "loader.toml", "-s", name]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert 'backend = "consul"' in done.stdout


def test_loader_has_time_to_drain(services):
    grace = services["loader-a"]["stop_grace_period"]
    assert grace == services["loader-b"]["stop_grace_period"] == "40s"


# ---- prometheus.yml; test_prometheus.py runs it ----


def test_targets_are_services_of_the_compose_file(services):
    for job in read_yaml(PROMETHEUS)["scrape_configs"]:
        for group in job.get("static_configs", []):
            for target in group["targets"]:
                assert target.split(":")[0] in services


# ---- Grafana ----


def test_grafana_finds_its_parts(services):
    folder = COMPOSE / "grafana" / "provisioning"
    source = read_yaml(folder / "datasources" / "prometheus.yml")["datasources"][0]
    assert source["url"] == "http://prometheus:9090"
    for panel in DASHBOARD["panels"]:
        assert panel["datasource"] == {"type": "prometheus", "uid": source["uid"]}
    provider = read_yaml(folder / "dashboards" / "aiges.yml")["providers"][0]
    mounts = [volume.split(":")[1] for volume in services["grafana"]["volumes"]]
    assert provider["options"]["path"] in mounts


def test_panels_do_not_overlap():
    check_panels(DASHBOARD)


def test_expressions_have_balanced_brackets():
    for text in expressions():
        for pair in ("()", "{}", "[]"):
            assert text.count(pair[0]) == text.count(pair[1]), text


def test_metrics_of_the_dashboard_are_those_of_a_loader(binaries, tmp_path, consul):
    mode = ["-m=1", f"-u={consul.http}"]
    loader = Loader(binaries, tmp_path, V1_ECHO, arguments=mode, service="svcDashboard")
    files = {"aiges.toml": loader.config_text}
    Registry(consul.http).push(Scope("svcDashboard"), files, message="test", author="test")
    with loader:
        assert loader.xsf.once().code == 0
        session = XsfSession(loader.xsf)
        session.open(params={"create": "raise"})
        assert session.failure().code != 0
        text = loader.web.get("/metrics").body.decode()
    offered = set(re.findall(r"^(\w+)[{ ]", text, re.MULTILINE))
    wanted = metrics("aiges")
    assert wanted and wanted <= offered, wanted - offered


def test_documented_metrics_are_on_the_dashboard():
    """Those without a panel are named here, so that a new one is not forgotten."""
    page = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    section = page.split("## Metrics")[1].split("\n## ")[0]
    documented = set(re.findall(r"`(aiges_\w+?)(?:\{\w+\})?`", section))
    shown = {re.sub(r"_(bucket|sum|count)$", "", name) for name in metrics("aiges")}
    # Those of records, entitlements, limits, spans are there only where the configuration has them.
    own = re.compile("aiges_(usage|entitlement|spans|limit|audit)_")
    assert {name for name in documented - shown if not own.match(name)} <= {"aiges_meter_total"}


def test_metrics_of_the_dashboard_are_those_of_the_proxy(consul, tmp_path):
    cluster = Cluster(consul, tmp_path, "svcMetrics")
    with cluster.stack:
        proxy = cluster.proxy()
        proxy.web.get("/v1/")
        text = proxy.page("/metrics")
    offered = set(re.findall(r"^(\w+)[{ ]", text, re.MULTILINE))
    wanted = metrics("haproxy")
    assert wanted and wanted <= offered, wanted - offered


def test_toml_of_the_compose_file_has_what_images_have(services):
    """Ports of loader.toml are those that the image exposes and its health check asks."""
    ours = (COMPOSE / "loader.toml").read_text(encoding="utf-8")
    image = (ROOT / "docker" / "gpu" / "aiges.toml").read_text(encoding="utf-8")
    for line in ("port = 5090", 'http_listen = "0.0.0.0:1888"'):
        assert line in ours and line in image
