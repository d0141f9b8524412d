# SPDX-License-Identifier: Apache-2.0
"""/healthz, /readyz, /metrics and the status page; methods and paths that are not there."""

import re

import pytest
from waiting import wait_until


@pytest.fixture(scope="module")
def web(shared):
    return shared.web


def test_healthz_is_about_the_process(web):
    answer = web.get("/healthz")
    assert (answer.status, answer.body) == (200, b"ok\n")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"


def test_readyz_says_that_an_instance_serves(web):
    answer = web.get("/readyz")
    assert (answer.status, answer.body) == (200, b"ready\n")


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "HEAD"])
@pytest.mark.parametrize("path", ["/v1/private/svcName", "/v1/raw/svcName"])
def test_call_by_another_method_is_405(web, method, path):
    answer = web.request(method, path)
    assert (answer.status, answer.headers["allow"]) == (405, "POST, OPTIONS")
    assert answer.headers["content-type"] == "application/json"
    if method != "HEAD":
        assert (answer.code, answer.message) == (10003, "expected POST")


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics", "/", "/status.json"])
def test_page_by_another_method_is_405(web, path):
    answer = web.request("POST", path, b"")
    assert (answer.status, answer.headers["allow"]) == (405, "GET, HEAD")
    assert (answer.code, answer.message) == (10003, "expected GET")


@pytest.mark.parametrize("path", ["/nothing", "/v1/private", "/v1", "//", "/v1/other/svcName"])
def test_unknown_path_is_404_and_says_what_there_is(web, path):
    answer = web.request("POST", path, b"")
    assert (answer.status, answer.code) == (404, 10003)
    assert answer.message == (
        f"no such path: {path}; POST /v1/private/svcName (JSON) or /v1/raw/svcName"
    )


def test_metrics_are_prometheus_text(web):
    answer = web.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    line = r"(#.*|[a-zA-Z_:][a-zA-Z0-9_:]*(\{[^}]*\})? [-+.0-9a-zA-Z]+)"
    assert all(re.fullmatch(line, text) for text in answer.body.decode().splitlines())


def test_metrics_count_answers_by_code(start, toolbox):
    loader = start(toolbox)
    for _ in range(3):
        assert loader.xsf.do("echo").code == 0
    assert loader.xsf.do("code", code=1).code == 10909
    assert loader.web.raw_mode(b"x").status == 200
    assert loader.metric("aiges_requests_total", code="0") == 4
    assert loader.metric("aiges_requests_total", code="10909") == 1


def test_metrics_have_a_histogram_per_stage(web):
    web.raw_mode(b"x")
    total = web.metric("aiges_latency_seconds_count", stage="total")
    assert total >= 1
    for stage in ("queue", "channel", "engine", "total"):
        assert web.metric("aiges_latency_seconds_bucket", stage=stage, le="+Inf") >= 1
        assert web.metric("aiges_latency_seconds_sum", stage=stage) > 0


def test_metrics_tell_load_and_instances(start, toolbox, tmp_path):
    loader = start(toolbox, config={"fc": {"max": 7}, "instances": {"count": 2, "threads": 1}})
    loader.wait_metric("aiges_instances", 2, state="ready")
    assert loader.metric("aiges_licences") == 7
    assert loader.metric("aiges_ready") == 1
    assert loader.metric("aiges_instance_restarts_total") == 0
    gate = tmp_path / "gate"
    held = [loader.xsf.begin_do("gate", b"12345", gate=gate, wait_ms=20000) for _ in range(3)]
    loader.wait_metric("aiges_in_flight", 3)
    loader.wait_metric("aiges_queue_depth", 1)
    assert loader.metric("aiges_running") == 2
    assert loader.metric("aiges_queue_bytes") == 5
    gate.touch()
    assert [loader.xsf.answer(future).code for future in held] == [0, 0, 0]
    assert loader.metric("aiges_queue_depth") == loader.metric("aiges_running") == 0
    assert loader.metric("aiges_queue_bytes") == 0


def loaded_by(page):
    """The paths that a page of ours loads before it asks for data."""
    return ["/" + path for path in re.findall(r'(?:src|href)="(ui/[^"]+)"', page)]


def test_status_page_is_html_with_a_strict_policy(web):
    answer = web.get("/")
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["x-content-type-options"] == "nosniff"
    policy = answer.headers["content-security-policy"].split("; ")
    for rule in ("default-src 'none'", "script-src 'self'", "frame-ancestors 'none'"):
        assert rule in policy
    assert not any("unsafe" in rule or "http" in rule for rule in policy)
    page = answer.body.decode()
    assert page.startswith("<!doctype html>")
    assert "<noscript>" in page
    assert not re.search(r"<script(?![^>]*src=)|\son\w+=|\sstyle=", page)


def test_status_page_is_100_kb_at_most_with_all_that_it_loads(web):
    page = web.get("/")
    files = [web.get(path) for path in sorted(set(loaded_by(page.body.decode())))]
    assert len(files) >= 3
    assert {file.status for file in files} == {200}
    kinds = {file.headers["content-type"].partition(";")[0] for file in files}
    assert kinds == {"text/css", "text/javascript"}
    assert len(page.body) + sum(len(file.body) for file in files) <= 100_000


def test_status_json_names_what_runs(shared):
    answer = shared.web.get("/status.json")
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store"
    assert "access-control-allow-origin" not in answer.headers
    status = answer.json
    assert (status["service"], status["grpc"], status["http"], status["ready"]) == (
        *("svcName", shared.grpc, shared.http),
        True,
    )
    (instance,) = status["instances"]
    assert (instance["state"], instance["pid"]) == ("ready", shared.workers()[0])
    assert "libwrapper.so" in instance["plugin"]
    assert status["admin_token"] is False


def test_status_json_counts_calls_and_keeps_their_history(start, toolbox):
    loader = start(toolbox)
    for _ in range(5):
        loader.xsf.do("echo")

    def history():
        return loader.web.get("/status.json").json["history"]

    calls = history()["columns"].index("calls_per_s")
    seen = wait_until(lambda: [s for s in history()["samples"] if s[calls] > 0], "a sample")
    assert seen[0][history()["columns"].index("p50_ms")] > 0
    status = loader.web.get("/status.json").json
    assert status["answers"] == [{"code": 0, "count": 5}]
    assert status["stages"]["engine"]["count"] == 5
    known = status["history"]["next"]
    rest = loader.web.get(f"/status.json?history={known}").json["history"]
    assert rest["first"] == known
    assert len(rest["samples"]) <= 2


@pytest.mark.parametrize("query", ["history=x", "failures=-1", "history=1&failures="])
def test_status_json_refuses_a_cursor_that_is_no_number(web, query):
    answer = web.get(f"/status.json?{query}")
    assert answer.status == 400
    assert "expected a number" in answer.json["error"]


def test_http_can_be_switched_off(start, toolbox):
    loader = start(toolbox, config={"wrapper": {"http_listen": "off"}})
    assert loader.http == "off"
    assert loader.xsf.do("echo", b"x").data("data") == b"x"


def test_http_listen_in_the_service_section_is_read_too(start, toolbox):
    config = {"wrapper": {"http_listen": None}, "svcName": {"http_listen": "127.0.0.1:0"}}
    loader = start(toolbox, config=config)
    assert loader.web.get("/healthz").status == 200
