# SPDX-License-Identifier: Apache-2.0
"""Metadata of gRPC calls: what is served, what costs its own call, what is told in the answer."""

import base64
import re

import pytest
from h2_client import CALL, GRPC, H2Client, message

TIMING = "server-timing"
LOAD = "endpoint-load-metrics-bin"


@pytest.fixture
def echo(echo):
    return message(echo)


def with_fields(client, echo, *fields):
    return client.ask(echo, headers=[*GRPC.items(), *fields])


def served(stream):
    return (stream.status, stream.grpc_status, stream.reset) == (200, 0, None)


def refused(stream):
    """Whatever the words: an HTTP status, a number of gRPC, or a reset."""
    return stream.done and (stream.status != 200 or stream.grpc_status != 0)


@pytest.mark.parametrize(
    "field",
    [
        ("x-text", "some text, with = and ; in it"),
        ("x-text", ""),
        ("x-bytes-bin", "AAEC"),  # Base64, with and without the padding.
        ("x-bytes-bin", "AAE="),
        ("x-bytes-bin", "AAE"),
        ("x-bytes-bin", ""),
        ("grpc-trace-bin", "AAAAAAA"),
        ("grpc-previous-rpc-attempts", "2"),
        ("user-agent", "grpc-go/1.60.0"),
        ("grpc-accept-encoding", "gzip"),
        ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
        ("authorization", "Bearer x"),
        ("x" * 1000, "v" * 3000),
    ],
)
def test_metadata_is_taken(client, echo, field):
    assert served(with_fields(client, echo, field))


def test_repeated_metadata_is_taken(client, echo):
    same = [("x-a", "1"), ("x-a", "2"), ("x-b-bin", "AAE"), ("x-b-bin", "AAI")]
    assert served(with_fields(client, echo, *same))


@pytest.mark.parametrize(
    "field",
    [
        ("x-bytes-bin", "not base64!!"),
        ("x-bytes-bin", "A"),
        ("X-Upper", "1"),  # (RFC 9113, section 8.2) malformed, as all that follow.
        ("x y", "1"),
        ("", "1"),
        ("x-a", "line\nfeed"),
        ("x-a", "nul\0"),
        ("connection", "close"),
        ("transfer-encoding", "chunked"),
        ("te", "gzip"),
        (":path", "/other"),
        (":unknown", "1"),
        ("content-length", "3"),
    ],
)
def test_malformed_field_costs_its_call_at_most(shared, client, echo, field):
    """Servers differ in what they let pass; none may answer with a fault or stop serving."""
    stream = with_fields(client, echo, field)
    assert served(stream) or refused(stream)
    with H2Client(shared.grpc) as other:
        assert served(other.ask(echo))


@pytest.mark.parametrize("missing", [":method", ":path", ":scheme", ":authority"])
def test_head_without_its_pseudo_fields_costs_its_call_only(client, echo, missing):
    """(RFC 9113, section 8.3.1) URIs of http and https have an authority, in it or in host."""
    pairs = [(":method", "POST"), (":scheme", "http"), (":path", CALL), (":authority", "x")]
    stream = client.head([p for p in pairs if p[0] != missing] + list(GRPC.items()), end=True)
    assert refused(client.wait(stream))
    assert served(client.ask(echo))


def test_authority_may_be_in_host(client, echo):
    pairs = [(":method", "POST"), (":scheme", "http"), (":path", CALL), ("host", "x")]
    pairs += GRPC.items()
    assert served(client.wait(client.send(client.head(pairs), echo, end=True)))


def test_size_of_metadata_that_is_taken(client, echo):
    """Eight thousand bytes, as gRPC's own servers take by default."""
    fields = [(f"x-{number}", "v" * 90) for number in range(60)]  # 32 more each (RFC 9113, 6.5.2).
    assert served(with_fields(client, echo, *fields))


@pytest.mark.parametrize("many", [True, False])
def test_much_metadata_is_an_answer_and_no_end_of_others(start, toolbox, echo, tmp_path, many):
    """At once, as large as it is; the other calls of the connection go on."""
    loader = start(toolbox)
    gate = tmp_path / "gate"
    inner = loader.xsf.input(loader.xsf.payload(), params={"do": "gate", "gate": str(gate)})
    with H2Client(loader.grpc) as client:
        held = client.begin()
        body = loader.xsf.request(inner, wait_ms=20000).SerializeToString()
        client.send(held, message(body), end=True)
        loader.wait_metric("aiges_in_flight", 1)
        big = [(f"k{n}", "v" * 40) for n in range(1000)] if many else [("k", "v" * 60_000)]
        stream = with_fields(client, echo, *big)
        assert served(stream) or refused(stream)
        gate.touch()
        assert served(client.wait(held))


def test_metadata_of_one_call_is_not_that_of_the_next(client, echo):
    """HPACK's table is the connection's; what a call said is its own."""
    assert TIMING in with_fields(client, echo, (TIMING, "1")).trailers
    assert TIMING not in client.ask(echo).trailers


def test_times_are_in_the_trailers_for_who_asks(client, echo):
    stream = with_fields(client, echo, (TIMING, "1"))
    stage = r"dur=\d+\.\d{3}"
    stages = f"queue;{stage}, channel;{stage}, engine;{stage}, total;{stage}"
    assert re.fullmatch(stages, stream.trailers[TIMING])


def test_load_is_in_the_trailers_as_binary_metadata(client, echo):
    from orca_pb2 import OrcaLoadReport

    text = client.ask(echo).trailers[LOAD]
    assert "=" not in text, "base64 without padding is what all clients take"
    report = OrcaLoadReport.FromString(base64.b64decode(text + "=" * (-len(text) % 4)))
    assert report.named_metrics["queued"] == 0


def test_load_is_told_once_a_millisecond_at_most(client, echo):
    streams = [client.send(client.begin(), echo, end=True) for _ in range(500)]
    for stream in streams:
        assert served(client.wait(stream))
    assert 0 < sum(LOAD in stream.trailers for stream in streams) < len(streams)


def test_load_is_with_refusals_and_streams_too(shared, client):
    nothing = shared.xsf.request(shared.xsf.input()).SerializeToString()
    assert LOAD in client.ask(message(nothing)).trailers
    inner = shared.xsf.input(shared.xsf.payload("in", b"x"), state=1).SerializeToString()
    assert LOAD in client.ask(message(inner), path="/aiges.v1.Stream/Run").trailers


def test_name_of_a_request_comes_back_to_who_gave_it(client, echo):
    given = ("x-request-id", "mine")
    assert with_fields(client, echo, given).headers["x-request-id"] == "mine"
    assert "x-request-id" not in client.ask(echo).headers
    assert "x-request-id" not in with_fields(client, echo, ("x-request-id", "a b")).headers
    nothing = client.ask(echo, headers=[*GRPC.items(), given], path="/utils.XsfCall/nothing")
    assert nothing.headers["x-request-id"] == "mine"
