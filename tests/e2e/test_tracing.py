# SPDX-License-Identifier: Apache-2.0
"""[otlp]: spans of real calls, told to a collector; traces that go through."""

import contextlib
import re

import pytest
from collector import Collector
from waiting import wait_until

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
SAMPLED, UNSAMPLED = f"00-{TRACE}-{PARENT}-01", f"00-{TRACE}-{PARENT}-00"
# Says the trace that it was told, and fails where asked to.
WRAPPER = """
def wrapperInit(config): return 0
def wrapperFini(): return 0
def wrapperError(code): return "wrong"
def wrapperOnceExec(usrTag, params, reqData, respData, psrIds, psrCnt):
    if reqData[0]["data"] == b"fail": return 5
    out = (params.get("traceparent", "") + "|" + params.get("tracestate", "")).encode()
    respData.append(dict(key="result", data=out, len=len(out), status=3, type=0))
    return 0
"""


@pytest.fixture
def collector():
    made = Collector()
    yield made
    made.close()


@pytest.fixture
def traced(start, collector):
    def make(wrapper=WRAPPER, **keys):
        return start(
            wrapper, config={"otlp": {"endpoint": collector.endpoint, "delay_ms": 20, **keys}}
        )

    return make


def raw(loader, data=b"x", headers=None):
    return loader.web.raw_mode(data, headers=headers)


def wait_for_calls(collector, count):
    wait_until(lambda: len(collector.calls()) >= count, f"{count} calls")
    return collector.calls()


@pytest.mark.parametrize("protocol", ["http/protobuf", "http/json"])
def test_a_call_has_a_span_and_its_stages(traced, collector, protocol):
    loader = traced(protocol=protocol, resource=["deployment.environment.name=test"])
    answer = raw(loader, headers={"X-Request-Id": "mine"})
    (span,) = wait_for_calls(collector, 1)
    assert (span.name, span.status, span.parent) == ("POST /{version}/raw/{service..}", 0, "")
    told = {key: span.attributes[key] for key in ("aiges.model", "aiges.code", "aiges.request_id")}
    assert told == {"aiges.model": "svcName", "aiges.code": 0, "aiges.request_id": "mine"}
    assert span.attributes["http.request.method"] == "POST"
    assert span.attributes["url.path"] == "/v1/raw/svcName"
    assert span.attributes["network.peer.address"] == "127.0.0.1"
    assert span.attributes["aiges.bytes_in"] == 1
    assert span.resource["service.name"] == "svcName"
    assert span.resource["deployment.environment.name"] == "test"
    stages = {each.name: each for each in collector.spans if each.parent == span.id}
    assert sorted(stages) == ["channel", "engine", "queue"]
    for each in stages.values():
        assert (each.trace, each.parent) == (span.trace, span.id)
        assert span.begin <= each.begin <= each.end <= span.end
    # What user code begins, or calls, lies within the engine's span.
    assert answer.body.decode() == f"00-{span.trace}-{stages['engine'].id}-01|"


def test_a_clients_trace_goes_on(traced, collector):
    loader = traced(sampler="parentbased_always_off")
    answer = raw(loader, headers={"traceparent": SAMPLED, "tracestate": "congo=t61"})
    (span,) = wait_for_calls(collector, 1)
    assert (span.trace, span.parent, span.state) == (TRACE, PARENT, "congo=t61")
    assert re.fullmatch(f"00-{TRACE}-[0-9a-f]{{16}}-01\\|congo=t61", answer.body.decode())


def test_who_began_a_trace_decides_for_it(traced, collector):
    loader = traced()
    answer = raw(loader, headers={"traceparent": UNSAMPLED})
    assert answer.body.decode() == f"{UNSAMPLED}|"
    raw(loader, headers={"X-Request-Id": "next"})
    assert wait_for_calls(collector, 1)[0].attributes["aiges.request_id"] == "next"


@pytest.mark.parametrize(
    "wrong", ["x", SAMPLED[:-1], SAMPLED.upper(), "00-" + "0" * 32 + SAMPLED[35:]]
)
def test_what_is_no_trace_counts_as_none(traced, collector, wrong):
    loader = traced()
    raw(loader, headers={"traceparent": wrong, "tracestate": "a=1"})
    (span,) = wait_for_calls(collector, 1)
    assert (span.parent, span.state) == ("", "")
    assert span.trace != TRACE


def test_errors_of_the_service_are_errors_and_those_of_clients_are_not(traced, collector):
    loader = traced()
    assert raw(loader, b"fail").status == 500
    assert loader.web.request("POST", "/v1/raw/svcName?deadline_ms=0", b"x").status >= 400
    spans = wait_for_calls(collector, 1)
    assert (spans[0].status, spans[0].attributes["error.type"]) == (2, "10909")
    assert spans[0].attributes["aiges.code"] == 10909


def test_a_share_of_traces_is_sampled(traced, collector):
    loader = traced(sampler="traceidratio", sampler_arg="0.5")
    with contextlib.closing(loader.web.connect()) as connection:
        for _ in range(200):
            loader.web.request("POST", "/v1/raw/svcName", b"x", {}, connection)
    loader.terminate()
    loader.wait_exit()
    assert 50 < len(collector.calls()) < 150  # Of 200; further off in fewer than 1 of 10^11 runs.


def test_the_end_of_the_loader_sends_what_there_is(traced, collector):
    loader = traced(delay_ms=600_000)
    raw(loader)
    loader.terminate()
    loader.wait_exit()
    assert len(collector.calls()) == 1


def test_a_collector_that_is_away_costs_no_call(start, collector):
    collector.close()
    loader = start(WRAPPER, config={"otlp": {"endpoint": collector.endpoint, "delay_ms": 1}})
    assert raw(loader).status == 200
    loader.terminate()
    assert loader.wait_exit() == 0


def test_what_a_collector_refuses_is_counted_and_said(traced, collector):
    loader = traced()
    collector.wait(1)  # Of the worker's start.
    collector.status = 400
    raw(loader)
    loader.wait_metric("aiges_spans_total", 4, outcome="rejected")
    loader.wait_log("did not take 4 spans: ")
    assert len(collector.requests) == 2, "a refusal is not tried again"


def test_what_a_collector_cannot_take_now_is_sent_again(traced, collector):
    loader = traced()
    collector.wait(1)  # Of the worker's start.
    collector.status, collector.retry_after = 503, "1"
    raw(loader)
    wait_until(lambda: len(collector.requests) > 1, "the first try")
    collector.status = 200
    wait_for_calls(collector, 1)
    loader.wait_metric("aiges_spans_total", 5, outcome="sent")


def test_the_queue_is_bounded(traced, collector):
    loader = traced(max_queue=2, max_batch=2, delay_ms=600_000)
    collector.status, collector.retry_after = 503, "30"
    for _ in range(5):
        raw(loader)
    loader.wait_metric("aiges_spans_total", 17, outcome="dropped")  # Of 21: 2 are out, 2 wait.


def test_headers_reach_the_collector_and_nobody_else(start, collector, binaries):
    secret = "s3cret-of-the-collector"
    env = {
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": collector.endpoint,
        "OTEL_EXPORTER_OTLP_HEADERS": f"authorization=Bearer%20{secret}",
        "OTEL_SERVICE_NAME": "named",
        "OTEL_RESOURCE_ATTRIBUTES": "service.namespace=shop,service.name=not%20this",
        "OTEL_BSP_SCHEDULE_DELAY": "20",
        "OTEL_TRACES_SAMPLER_ARG": "much",
        "OTEL_TRACES_SAMPLER": "traceidratio",
    }
    loader = start(WRAPPER, env=env)
    raw(loader)
    (span,) = wait_for_calls(collector, 1)
    assert collector.requests[0][1]["authorization"] == f"Bearer {secret}"
    assert span.resource["service.name"] == "named"
    assert span.resource["service.namespace"] == "shop"
    assert "OTEL_TRACES_SAMPLER_ARG: expected a number from 0 to 1" in loader.log()
    assert secret not in loader.log() + loader.web.get("/metrics").body.decode()


@pytest.mark.parametrize(
    ("keys", "text"),
    [
        ({"endpoint": "collector:4318"}, "[otlp] endpoint: expected a URL like"),
        ({"sampler": "sometimes"}, "[otlp] sampler: expected always_on, always_off"),
        ({"sampler": "traceidratio", "sampler_arg": "2"}, "[otlp] sampler_arg: expected a number"),
        ({"protocol": "grpc"}, "[otlp] protocol: expected one of http/protobuf, http/json"),
        ({"headers": ["nothing"]}, '[otlp] headers: expected texts "name=value"'),
    ],
)
def test_keys_that_make_no_sense_end_the_start(start, keys, text):
    with pytest.raises(AssertionError, match="ended with 2") as told:
        start(WRAPPER, config={"otlp": keys})
    assert text in str(told.value)


def test_propagation_alone_passes_a_trace_on(start):
    loader = start(WRAPPER, config={"otlp": {"propagate": True}})
    assert raw(loader, headers={"traceparent": SAMPLED}).body.decode() == f"{SAMPLED}|"
    assert raw(loader).body.decode() == "|"
    assert raw(start(WRAPPER), headers={"traceparent": SAMPLED}).body.decode() == "|", "as it was"


def test_the_start_of_a_worker_is_a_span(traced, collector):
    traced()
    wait_until(lambda: "worker start" in collector.names(), "the span of the start")
    (span,) = [each for each in collector.spans if each.name == "worker start"]
    assert span.attributes == {"aiges.model": "svcName", "aiges.instance": 0}
    assert 0 < span.end - span.begin < 60e9
