# SPDX-License-Identifier: Apache-2.0
"""Traces through every protocol, through sessions and calls between models, into user code."""

import json

import pytest
from collector import Collector
from waiting import wait_until
from websockets.sync.client import connect

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
SAMPLED = f"00-{TRACE}-{PARENT}-01"
METADATA = [("traceparent", SAMPLED)]
# Each says the span that OpenTelemetry finds, and what aiges.context says.
HEAD = """
from opentelemetry import trace
from aiges import context

def told():
    found = trace.get_current_span().get_span_context()
    own = f"00-{found.trace_id:032x}-{found.span_id:016x}-{int(found.trace_flags):02x}"
    return f"{own} {context.traceparent()}"
"""
ONCE = """
class Wrapper:
    def wrapperOnceExec(self, params, reqData):
        return told()
"""
ASYNC = """
import asyncio

class Wrapper:
    async def wrapperOnceExec(self, params, reqData):
        await asyncio.sleep(0)
        return told()
"""
GENERATOR = """
class Wrapper:
    def wrapperOnceExec(self, params, reqData):
        yield told()
"""
ASYNC_GENERATOR = """
class Wrapper:
    async def wrapperOnceExec(self, params, reqData):
        yield told()
"""
TYPED = """
def predict(text: str) -> str:
    return told()
"""
FORMS = {"once": ONCE, "async": ASYNC, "generator": GENERATOR, "async generator": ASYNC_GENERATOR}
NOTHING = f"00-{'0' * 32}-{'0' * 16}-00 "


@pytest.fixture
def collector():
    made = Collector()
    yield made
    made.close()


def config_of(collector, **more):
    otlp = {"endpoint": collector.endpoint, "delay_ms": 20, "sampler": "parentbased_always_off"}
    return {"otlp": otlp, **more}


def call_of(collector):
    wait_until(collector.calls, "the span of the call")
    (span,) = collector.calls()
    return span


@pytest.mark.parametrize("form", FORMS)
def test_user_code_finds_the_trace_and_the_next_call_none(start, collector, form):
    loader = start(HEAD + FORMS[form], config=config_of(collector))
    said = loader.web.raw_mode(b"x", headers={"traceparent": SAMPLED}).body.decode()
    span = call_of(collector)
    own, told = said.split(" ")
    assert own == told
    assert own.startswith(f"00-{TRACE}-") and own.endswith("-01")
    assert span.trace == TRACE and span.parent == PARENT
    for _ in range(3):
        assert loader.web.raw_mode(b"x").body.decode() == NOTHING


def test_typed_models_find_it(start, collector):
    loader = start(HEAD + TYPED, config=config_of(collector))
    headers = {"traceparent": SAMPLED, "Content-Type": "text/plain"}
    said = loader.web.request("POST", "/predict", b"x", headers).body.decode()
    own, told = said.split(" ")
    assert own == told != ""
    assert call_of(collector).name == "POST /predict"


HEADERS = {"traceparent": SAMPLED, "Content-Type": "application/json"}
ENVELOPE = {"payload": {"text": {"encoding": "utf8", "text": "eA==", "status": 3}}}
TENSOR = {"inputs": [{"name": "text", "datatype": "BYTES", "shape": [1], "data": ["x"]}]}


def by_xsf(loader):
    xsf = loader.xsf
    request = xsf.request(xsf.input(xsf.payload("text", b"x")))
    assert xsf.answer(xsf.send(request, metadata=METADATA)).code == 0


def by_stream(loader):
    import loader_pb2

    method = loader.xsf.channel.stream_stream(
        "/aiges.v1.Stream/Run",
        request_serializer=loader_pb2.LoaderInput.SerializeToString,
        response_deserializer=loader_pb2.LoaderOutput.FromString,
    )
    piece = loader.xsf.input(loader.xsf.payload("text", b"x"))
    assert list(method(iter([piece]), metadata=METADATA))


def by_envelope(loader):
    body = json.dumps(ENVELOPE).encode()
    assert loader.web.request("POST", "/v1/private/svcName", body, HEADERS).status == 200


def by_json(loader):
    assert loader.web.request("POST", "/v1/json/svcName", b'{"text": "x"}', HEADERS).status == 200


def by_oip(loader):
    body = json.dumps(TENSOR).encode()
    assert loader.web.request("POST", "/v2/models/svcName/infer", body, HEADERS).status == 200


def by_websocket(loader):
    url = f"ws://{loader.http}/v1/private/svcName"
    with connect(url, additional_headers={"traceparent": SAMPLED}) as ws:
        ws.send(json.dumps({"header": {"status": 0}}))
        ws.send(json.dumps({"header": {"status": 2}, **ENVELOPE}))
        assert "payload" in "".join(ws)


PROTOCOLS = {
    "xsf": by_xsf,
    "stream": by_stream,
    "envelope": by_envelope,
    "json": by_json,
    "oip": by_oip,
    "websocket": by_websocket,
}


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_every_protocol_takes_part(start, collector, protocol):
    loader = start(HEAD + ONCE, config=config_of(collector))
    PROTOCOLS[protocol](loader)
    span = call_of(collector)
    assert (span.trace, span.parent) == (TRACE, PARENT)
    assert span.attributes["aiges.protocol"] == protocol
    assert span.attributes.get("aiges.session", False) == (protocol in ("stream", "websocket"))
    grpc = protocol in ("xsf", "stream")
    assert span.attributes.get("rpc.system.name") == ("grpc" if grpc else None)
    assert (
        span.name
        == {
            "xsf": "utils.XsfCall/call",
            "stream": "aiges.v1.Stream/Run",
            "envelope": "POST /v1/private/svcName",
            "json": "POST /v1/json/{service}",
            "oip": "POST /v2/models/{model}/infer",
            "websocket": "GET /v1/private/svcName",
        }[protocol]
    )


APP = """
async def app(scope, receive, send):
    told = dict(scope["headers"]).get(b"traceparent", b"none")
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": told})
"""


def test_an_application_finds_it_in_the_head(start, collector):
    loader = start(
        APP, config=config_of(collector, aiges={"contract": "asgi", "app": "wrapper:app"})
    )
    said = loader.web.request("GET", "/any", headers={"traceparent": SAMPLED}).body.decode()
    wait_until(collector.calls, "the span of the call")
    (engine,) = [each for each in collector.spans if each.name == "engine"]
    assert said == f"00-{TRACE}-{engine.id}-01"
    assert loader.web.request("GET", "/any").body == b"none"


CALLS = """
import aiges
class Wrapper:
    def wrapperOnceExec(self, params, reqData):
        return aiges.call("inner", {"text": "x"})["result"].data.decode()
"""
# A span of its own around the call, of an SDK that the user has not: a plain one of the interface.
WITHIN = """
import aiges
from opentelemetry import trace
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags

class Wrapper:
    def wrapperOnceExec(self, params, reqData):
        now = trace.get_current_span().get_span_context()
        mine = NonRecordingSpan(SpanContext(now.trace_id, 0xabc, False, TraceFlags(1)))
        with trace.use_span(mine):
            return aiges.call("inner", {"text": "x"})["result"].data.decode()
"""


@pytest.mark.parametrize(("caller", "parent"), [(CALLS, None), (WITHIN, f"{0xABC:016x}")])
def test_calls_between_models_are_one_trace(start, collector, tmp_path, caller, parent):
    for name, text in {"outer": caller, "inner": HEAD + ONCE}.items():
        place = tmp_path / "models" / name / "1"
        place.mkdir(parents=True)
        (place / "wrapper.py").write_text(text, encoding="utf-8")
    loader = start(config=config_of(collector, models={"repository": str(tmp_path / "models")}))
    said = loader.web.raw_mode(b"x", service="outer", headers={"traceparent": SAMPLED})
    wait_until(lambda: len(collector.calls()) == 2, "both calls")
    spans = {each.attributes["aiges.model"]: each for each in collector.calls()}
    inner, outer = spans["inner"], spans["outer"]
    engines = {each.parent: each.id for each in collector.spans if each.name == "engine"}
    assert {inner.trace, outer.trace} == {TRACE}
    assert inner.parent == (parent or engines[outer.id])
    assert (inner.name, inner.attributes["aiges.protocol"]) == ("model inner", "model")
    assert said.body.decode().split(" ")[0] == f"00-{TRACE}-{engines[inner.id]}-01"
