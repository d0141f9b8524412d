# SPDX-License-Identifier: Apache-2.0
"""The chart's PrometheusRule: alerts of the same file, of the series of one release."""

import json
import re
import subprocess

import pytest
import yaml
from alert_cases import FIRING, promtool_tests
from kube import CHART, ROOT, one, render, render_text, tool

FILE = CHART / "files" / "alerts.yml"
THERE = yaml.safe_load(FILE.read_text(encoding="utf-8"))["groups"][0]["rules"]
OURS = 'job="demo-aiges-headless",namespace="prod"'


def rules_of(documents):
    (group,) = one(documents, "PrometheusRule")["spec"]["groups"]
    return group["rules"]


def promtool(*arguments):
    command = [tool("promtool"), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    return done.returncode, done.stdout + done.stderr


def test_there_is_one_file_of_alerts():
    """The chart cannot read outside of itself; who uses Prometheus alone looks beside it."""
    beside = ROOT / "deploy" / "prometheus" / "alerts.yml"
    assert beside.is_symlink() and beside.resolve() == FILE.resolve()


def test_alerts_of_the_chart_are_those_of_the_file():
    rules = rules_of(render("", "--set=prometheusRule.enabled=true"))
    assert [rule["alert"] for rule in rules] == [rule["alert"] for rule in THERE]
    for ours, there in zip(rules, THERE):
        assert {key for key in ours if ours[key] != there[key]} == {"expr"}
        assert ours["annotations"] == there["annotations"]
        # Each series has the selector, and nothing else has changed.
        names = re.findall(r"\b(?:aiges_[a-z_]+|up)\b", ours["expr"])
        assert ours["expr"].count(OURS) == len(names) > 0
        plain = ours["expr"].replace(OURS + ",", "").replace("{" + OURS + "}", "")
        assert plain.strip() == there["expr"].replace('{job=~".*aiges.*"}', "").strip()


def test_an_alert_can_be_left_out_and_another_brought():
    rules = {rule["alert"]: rule for rule in rules_of(render("metered.yaml"))}
    assert set(FIRING) - set(rules) == {"AigesReplays", "AigesAlmostFull"}
    assert rules["WordsFull"]["for"] == "10m"
    told = rules["AigesDown"]["annotations"]
    assert set(told) == {"summary", "runbook_url"}
    assert told["runbook_url"] == "https://runbooks.example.com/aiges.md#aigesdown"
    assert 'up{job="words-headless",namespace="prod"}' in rules["AigesDown"]["expr"]
    done = render_text("metered.yaml", "--set=prometheusRule.disabled={AigesAway}")
    assert done.returncode != 0 and "got AigesAway" in done.stderr


def test_a_selector_may_be_any():
    rules = {rule["alert"]: rule["expr"] for rule in rules_of(render("entitled.yaml"))}
    selector = 'job="words",cluster=~"a$|b$"'
    assert rules["AigesDown"] == "up{" + selector + "} == 0"
    assert rules["AigesModelFailed"] == "aiges_model_state{" + selector + ',state="failed"} == 1'


@pytest.mark.parametrize("values", ["metered.yaml", "entitled.yaml"])
def test_prometheus_takes_what_the_chart_makes(values, tmp_path):
    spec = one(render(values), "PrometheusRule")["spec"]
    (tmp_path / "rules.yml").write_text(yaml.safe_dump(spec), encoding="utf-8")
    code, said = promtool("check", "rules", tmp_path / "rules.yml")
    assert code == 0, said


def run_cases(folder, labels, expected):
    """promtool's cases of each alert, with other labels of the host."""
    spec = one(render("", "--set=prometheusRule.enabled=true"), "PrometheusRule")["spec"]
    text = yaml.safe_dump(spec).replace("for: 24h", "for: 1h")
    (folder / "rules.yml").write_text(text, encoding="utf-8")
    tests = promtool_tests("rules.yml")
    for test in tests["tests"]:
        for series in test["input_series"]:
            series["series"] = series["series"].replace('job="aiges"', labels)
        if not expected:
            test["promql_expr_test"][0]["exp_samples"] = []
    (folder / "tests.yml").write_text(json.dumps(tests), encoding="utf-8")
    return promtool("test", "rules", folder / "tests.yml")


def test_each_alert_fires_for_the_release(tmp_path):
    code, said = run_cases(tmp_path, OURS, expected=True)
    assert code == 0, said


def test_no_alert_fires_for_another_release(tmp_path):
    others = 'job="other-aiges-headless",namespace="prod"'
    code, said = run_cases(tmp_path, others, expected=False)
    assert code == 0, said
