# SPDX-License-Identifier: Apache-2.0
"""Alert rules, the board and the runbook against real loaders and a real Prometheus."""

import json
import re
import shutil
import subprocess
import time

import pytest
import yaml
from aiges.registry import Registry, Scope
from alert_cases import FIRING, promtool_tests
from asectl_process import Asectl
from boards import check_panels
from consul_agent import ConsulAgent
from http_client import HttpClient
from kube import ROOT, tool
from loader_process import Loader
from prometheus_process import Prometheus
from session_wrappers import V1_ECHO
from waiting import wait_until

RULES = ROOT / "deploy" / "prometheus" / "alerts.yml"
BOARDS = ["deploy/grafana/aiges.json", "deploy/compose/grafana/dashboards/aiges.json"]
BOARD = json.loads((ROOT / BOARDS[0]).read_text(encoding="utf-8"))
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


def without_variables(text):
    """An expression with values in place of the board's variables."""
    return re.sub(r"\$[a-z]+", ".*", text.replace("$__rate_interval", "1m"))


def expressions_of_the_board():
    targets = [target for panel in BOARD["panels"] for target in panel["targets"]]
    return [without_variables(target["expr"]) for target in targets]


def scraping(loader, **more):
    """The configuration of a Prometheus that asks one loader every second."""
    configuration = {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "scrape_configs": [{"job_name": "aiges", "static_configs": [{"targets": [loader.http]}]}],
        **more,
    }
    return yaml.safe_dump(configuration)


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


def test_the_load_of_a_gpu_is_told_of_each_worker_that_has_it(tmp_path):
    """The expression of docs/gpus.md; two workers have one GPU, and the exporter its own labels."""
    page = (ROOT / "docs" / "gpus.md").read_text(encoding="utf-8")
    (expression,) = re.findall(r"```text\n(label_replace.*?)```", page, re.S)
    info = "aiges_instance_device_info"
    series = {
        f'{info}{{instance="host",worker="0",uuid="GPU-1"}}': "1x5",
        f'{info}{{instance="host",worker="1",uuid="GPU-1"}}': "1x5",
        f'{info}{{instance="host",worker="2",uuid="GPU-2"}}': "1x5",
        'DCGM_FI_DEV_GPU_UTIL{instance="dcgm",gpu="0",UUID="GPU-1"}': "70x5",
        'DCGM_FI_DEV_GPU_UTIL{instance="dcgm",gpu="1",UUID="GPU-2"}': "20x5",
    }
    expected = [
        {
            "labels": f'{{instance="host",worker="{worker}",uuid="{gpu}",UUID="{gpu}"}}',
            "value": load,
        }
        for worker, gpu, load in ((0, "GPU-1", 70), (1, "GPU-1", 70), (2, "GPU-2", 20))
    ]
    test = {
        "interval": "1m",
        "input_series": [{"series": name, "values": values} for name, values in series.items()],
        "promql_expr_test": [{"expr": expression, "eval_time": "3m", "exp_samples": expected}],
    }
    (tmp_path / "tests.yml").write_text(json.dumps({"tests": [test]}), encoding="utf-8")
    done = promtool("test", "rules", tmp_path / "tests.yml")
    assert done.returncode == 0, done.stdout + done.stderr


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


def with_everything(binaries, folder):
    """A loader with records, entitlement, limits, spans and GPUs; nobody takes what it sends."""
    folder.mkdir()
    asectl = Asectl(binaries.loader.parent, folder)
    asectl("entitlement", "make-key", "seller")
    terms = ["--id", "E1", "--expires", "2999-01-01"]
    asectl("entitlement", "sign", "file", "--key", "seller", *terms)
    shutil.copy(binaries.loader.parent / "libtest_nvml.so", folder / "libnvidia-ml.so.1")
    driver = {"LD_LIBRARY_PATH": str(folder), "AIGES_TEST_GPUS": "GPU-1 00000000:17:00.0\n"}
    files = {"file": str(folder / "file"), "public_key": str(folder / "seller.pub")}
    (folder / "limits").write_text("* * calls=1000/1m\n")
    access = {"limits_file": str(folder / "limits"), "audit_log": str(folder / "audit")}
    config = {
        "access": access,
        "metering": {"folder": str(folder / "usage"), "sink": "http://127.0.0.1:1/"},
        "entitlement": files,
        "otlp": {"endpoint": "http://127.0.0.1:1/v1/traces"},
        "instances": {"gpus": "0"},
    }
    return Loader(binaries, folder / "everything", V1_ECHO, config=config, env=driver)


@pytest.fixture(scope="module")
def pages(binaries, tmp_path_factory):
    """/metrics of a loader in discovery, of one with a repository, and of one with all else."""
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
        rich = with_everything(binaries, folder / "rich")
        with alone, many, rich:
            texts = []
            for loader in (alone, many, rich):
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
    with Prometheus(tmp_path, scraping(slow, rule_files=["alerts.yml"])) as prometheus:

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


@pytest.mark.parametrize("name", BOARDS)
def test_a_slow_call_is_one_click_from_its_trace(name, start, tmp_path):
    """What Grafana asks for where a target has exemplars: the numbers of traces, as points."""
    board = json.loads((ROOT / name).read_text(encoding="utf-8"))
    panels = [each for each in board["panels"] if "exemplar" in json.dumps(each["targets"])]
    assert [each["title"] for each in panels] == ["Latency: total"]
    (expression,) = [
        without_variables(target["expr"])
        for target in panels[0]["targets"]
        if target.get("exemplar") is True
    ]
    # Of the compose file, which names services.
    expression = expression.replace('service=~".*",', "")
    loader = start(V1_ECHO, config={"otlp": {"endpoint": "http://127.0.0.1:1/v1/traces"}})
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    loader.web.raw_mode(b"x", headers={"traceparent": f"00-{trace}-00f067aa0ba902b7-01"})
    with Prometheus(tmp_path, scraping(loader), "--enable-feature=exemplar-storage") as prometheus:

        def exemplars():
            now = time.time()
            try:
                found = prometheus.ask(
                    "query_exemplars", query=expression, start=now - 600, end=now + 600
                )
            except OSError:
                return None
            return {each["labels"]["trace_id"] for series in found for each in series["exemplars"]}

        wait_until(lambda: exemplars() == {trace}, "the exemplar", 60)


def test_panels_of_the_board_are_in_order():
    check_panels(BOARD)
    names = {each["name"] for each in BOARD["templating"]["list"]}
    used = set(re.findall(r"\$\{?([a-z]+)\}?", json.dumps(BOARD["panels"])))
    assert used - {"__all"} <= names, used - names
