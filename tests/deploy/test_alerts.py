# SPDX-License-Identifier: Apache-2.0
"""Alert rules, the board and the runbook against real loaders and a real Prometheus."""

import json
import re
import subprocess

import pytest
import yaml
from aiges.registry import Registry, Scope
from alert_cases import FIRING, promtool_tests
from boards import check_panels
from consul_agent import ConsulAgent
from http_client import HttpClient
from kube import ROOT, tool
from loader_process import Loader
from prometheus_process import Prometheus
from session_wrappers import V1_ECHO
from waiting import wait_until

RULES = ROOT / "deploy" / "prometheus" / "alerts.yml"
BOARD = json.loads((ROOT / "deploy" / "grafana" / "aiges.json").read_text(encoding="utf-8"))
RUNBOOK = (ROOT / "docs" / "runbook.md").read_text(encoding="utf-8")
ALERTS = yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"][0]["rules"]
METRIC = re.compile(r"\baiges_[a-z_]+")
SLOW_START = """
import time
def wrapperInit(config):
    time.sleep(100)
    return 0
def wrapperFini(): return 0
def wrapperOnceExec(usrTag, params, reqData, respData, psrIds, psrCnt): return 0
"""


def expressions_of_the_board():
    """Expressions of all panels, with values in place of the board's variables."""
    texts = [target["expr"] for panel in BOARD["panels"] for target in panel["targets"]]
    texts = [text.replace("$__rate_interval", "1m") for text in texts]
    return [re.sub(r"\$[a-z]+", ".*", text) for text in texts]


def promtool(*arguments):
    command = [tool("promtool"), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)


# ---- The rules by themselves.


def test_prometheus_takes_the_rules():
    done = promtool("check", "rules", RULES)
    assert done.returncode == 0, done.stdout + done.stderr


def run_cases(folder, **changes):
    """`promtool test rules`; a day is an hour there, as it would look at each minute of it."""
    text = RULES.read_text(encoding="utf-8").replace("for: 24h", "for: 1h")
    for old, new in changes.values():
        text = text.replace(old, new)
    (folder / "alerts.yml").write_text(text, encoding="utf-8")
    (folder / "tests.yml").write_text(json.dumps(promtool_tests("alerts.yml")), encoding="utf-8")
    done = promtool("test", "rules", folder / "tests.yml")
    return done.returncode, done.stdout + done.stderr


def test_each_alert_fires_and_none_of_a_healthy_host(tmp_path):
    code, said = run_cases(tmp_path)
    assert code == 0, said


def test_an_alert_that_does_not_fire_is_found(tmp_path):
    """So the test above is one of the alerts."""
    code, said = run_cases(tmp_path, never=("aiges_config_cached == 1", "vector(1) > 2"))
    assert code == 1 and "AigesConfigFromCache" in said


def test_each_alert_has_its_part_of_the_runbook():
    names = [rule["alert"] for rule in ALERTS]
    assert names == re.findall(r"^## (Aiges\w+)$", RUNBOOK, re.M)
    assert set(names) == set(FIRING)
    for rule in ALERTS:
        where = rule["annotations"]["runbook"]
        assert where == f"docs/runbook.md#{rule['alert'].lower()}"
        assert rule["labels"]["severity"] in ("critical", "warning", "info")
    for part in RUNBOOK.split("\n## Aiges")[1:]:
        assert re.findall(r"\*\*(Means|Look|Do)\*\*", part) == ["Means", "Look", "Do"], part[:30]


# ---- With real loaders.


@pytest.fixture(scope="module")
def pages(binaries, tmp_path_factory):
    """/metrics of a loader in discovery and of one with a repository."""
    folder = tmp_path_factory.mktemp("scraped")
    models = folder / "models"
    (models / "echo" / "1").mkdir(parents=True)
    (models / "echo" / "1" / "wrapper.py").write_text(V1_ECHO)
    with ConsulAgent(folder / "consul") as consul:
        mode = ["-m=1", f"-u={consul.http}"]
        alone = Loader(binaries, folder / "alone", V1_ECHO, arguments=mode, service="svcAlerts")
        files = {"aiges.toml": alone.config_text}
        Registry(consul.http).push(Scope("svcAlerts"), files, message="test", author="test")
        config = {"models": {"repository": str(models), "default": "echo"}}
        many = Loader(binaries, folder / "many", V1_ECHO, config=config)
        with alone, many:
            texts = []
            for loader in (alone, many):
                HttpClient(loader.http).raw_mode(b"x", service=loader.service)
                texts.append(loader.web.get("/metrics").body.decode())
            yield texts


def test_all_metrics_are_those_of_a_loader(pages):
    offered = set(re.findall(r"^(\w+)[{ ]", "\n".join(pages), re.MULTILINE))
    # Families that have no series before something went wrong, or was counted, of that kind.
    typed = set(re.findall(r"^# TYPE (\w+) ", "\n".join(pages), re.MULTILINE))
    for texts in ([rule["expr"] for rule in ALERTS], expressions_of_the_board()):
        wanted = {name for text in texts for name in METRIC.findall(text)}
        assert wanted and wanted <= offered | typed, wanted - offered - typed


def test_a_real_prometheus_takes_board_and_rules_and_an_alert_fires(start, tmp_path):
    slow = start(SLOW_START, ready=False)
    quick = re.sub(r"for: \S+", "for: 0s", RULES.read_text(encoding="utf-8"))
    (tmp_path / "alerts.yml").write_text(quick, encoding="utf-8")
    configuration = {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": ["alerts.yml"],
        "scrape_configs": [{"job_name": "aiges", "static_configs": [{"targets": [slow.http]}]}],
    }
    with Prometheus(tmp_path, yaml.safe_dump(configuration)) as prometheus:

        def firing():
            try:
                alerts = prometheus.ask("alerts")["alerts"]
            except OSError:
                return set()
            return {each["labels"]["alertname"] for each in alerts if each["state"] == "firing"}

        wait_until(lambda: "AigesNotReady" in firing(), "AigesNotReady fires", 60)
        (group,) = prometheus.ask("rules")["groups"]
        health = {rule["name"]: rule["health"] for rule in group["rules"]}
        assert set(health.values()) == {"ok"}, health
        for text in expressions_of_the_board():
            prometheus.ask("query", query=text)


def test_panels_of_the_board_are_in_order():
    check_panels(BOARD)
    names = {each["name"] for each in BOARD["templating"]["list"]}
    used = set(re.findall(r"\$\{?([a-z]+)\}?", json.dumps(BOARD["panels"])))
    assert used - {"__all"} <= names, used - names
