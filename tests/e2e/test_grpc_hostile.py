# SPDX-License-Identifier: Apache-2.0
"""gRPC clients that ask for more than their share, or keep what they do not use."""

import grpc
import pytest
from h2_client import H2Client, message
from test_grpc_stream import Stream
from waiting import wait_until
from xsf_client import CALL, XsfClient

MIB = 1 << 20
RESOURCE_EXHAUSTED = 8

WAITS_FOR_ITS_GATE = """
import os, time
class Wrapper:
    def wrapperInit(self, config): return 0
    def wrapperStream(self, params, requests):
        for request in requests: pass
        while not os.path.exists(params["gate"]): time.sleep(0.01)
        yield b"late"
"""


def test_stream_of_a_silent_client_ends_but_not_that_of_a_slow_engine(start, tmp_path):
    """A stream that nobody used kept its licence for as long as its connection lived."""
    loader = start(WAITS_FOR_ITS_GATE, config={"limits": {"stream_idle_ms": 300}})
    gate = tmp_path / "gate"
    waits = Stream(loader.xsf).send(params={"gate": str(gate)})
    waits.piece(b"all", status=2, key="data")
    waits.half_close()
    loader.wait_metric("aiges_in_flight", 1)
    silent = Stream(loader.xsf).send(params={"gate": str(gate)})
    with pytest.raises(grpc.RpcError) as ended:  # The other one has waited longer by then.
        list(silent)
    assert ended.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    assert "[limits] stream_idle_ms = 300" in ended.value.details()
    gate.touch()
    assert b"".join(p.data for output in waits for p in output.pl) == b"late"
    loader.wait_metric("aiges_in_flight", 0)


def test_input_that_is_wrong_ends_a_stream_with_invalid_argument(shared):
    stream = Stream(shared.xsf)
    stream.send(shared.xsf.payload("data", b"x", dataSrc="http"))
    outputs = iter(stream)
    output = next(outputs)
    assert output.code == 10009
    assert 'dataSrc "http"' in output.err
    with pytest.raises(grpc.RpcError) as ended:
        next(outputs)
    assert ended.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert ended.value.details() == output.err


def test_keys_without_end_are_refused(shared):
    """Each was remembered until the client's half-close, and looked for in all of them."""
    stream = Stream(shared.xsf)
    for begin in range(0, 4097, 1000):
        keys = range(begin, min(begin + 1000, 4097))
        stream.send(*[shared.xsf.payload(f"k{i}", b"", status="1") for i in keys])
    with pytest.raises(grpc.RpcError) as ended:
        list(stream)
    assert ended.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert "at most 4096 payload keys" in ended.value.details()
    shared.wait_metric("aiges_in_flight", 0)


def test_message_with_too_many_params_is_refused_by_name(shared):
    answer = shared.xsf.once(params={f"k{i}": "v" for i in range(20_000)})
    assert answer.code == 10009
    assert "at most 16384 params, headers and attributes" in answer.error


def test_answers_that_nobody_takes_have_a_bound(start, toolbox):
    """The licence is back with the result: a client that never reads can fill the memory."""
    loader = start(toolbox, config={"limits": {"max_output_bytes": 4 * MIB}})
    big = loader.xsf.payload(data=bytes(3_000_000))
    request = loader.xsf.request(loader.xsf.input(big)).SerializeToString()
    hoarder = XsfClient(loader.xsf.address)
    hoarder.close()
    # Its library would take some megabytes ahead.
    options = [("grpc.http2.lookahead_bytes", 65_536), ("grpc.http2.bdp_probe", 0)]
    hoarder.channel = grpc.insecure_channel(loader.grpc, options=options)
    leave = hoarder.channel.unary_stream(CALL)  # So the answer is read only when asked for.
    left = []
    try:
        for number in range(2):
            left.append(leave(request, timeout=20))
            loader.wait_metric("aiges_requests_total", number + 1, code="0")
        refused = loader.xsf.answer(loader.xsf.raw.future(request, timeout=20))
        assert refused.code == 10110
        assert "[limits] max_output_bytes" in refused.error
        assert "clients do not take their answers" in refused.error
        # And those who hold the others up lose what they do not take.
        wait_until(lambda: all(call.done() for call in left), "the end of both", 10)
        assert {call.code() for call in left} == {grpc.StatusCode.INTERNAL}
        loader.wait_metric("aiges_budget_used", 0, limit="max_output_bytes")
        assert loader.xsf.do("echo", b"x").data("data") == b"x"
    finally:
        hoarder.close()


def test_messages_that_are_only_begun_give_way(start, toolbox):
    """As bodies over HTTP: while memory is short nobody may hold some and not go on."""
    limits = {"max_message_bytes": 8 * MIB, "max_input_bytes": 4 * MIB}
    loader = start(toolbox, config={"limits": limits})
    with H2Client(loader.grpc) as client:
        whole = message(bytes(2_500_000))
        held = client.send(client.begin(), whole[:-1])
        wait_until(
            lambda: loader.metric("aiges_budget_used", limit="max_input_bytes") > 2 * MIB,
            "a budget that is short",
        )
        refused = client.send(client.begin(), whole[:-1])
        assert client.wait(refused).grpc_status == RESOURCE_EXHAUSTED
        assert "[limits] max_input_bytes" in refused.grpc_message
        assert client.wait(held).grpc_status == RESOURCE_EXHAUSTED
        assert held.grpc_message.startswith("the message came too slowly")
        loader.wait_metric("aiges_budget_used", 0, limit="max_input_bytes")
        assert loader.xsf.do("echo", b"x").data("data") == b"x"


def test_much_metadata_fails_its_own_call_only(start, toolbox, tmp_path):
    loader = start(toolbox)
    gate = tmp_path / "gate"
    held = loader.xsf.begin_do("gate", gate=gate, wait_ms=20000)
    loader.wait_metric("aiges_in_flight", 1)
    request = loader.xsf.request(loader.xsf.input(loader.xsf.payload()))
    much = loader.xsf.send(request, metadata=[(f"k{i}", "v" * 20) for i in range(1000)])
    with pytest.raises(grpc.RpcError):
        much.result()
    gate.touch()
    assert loader.xsf.answer(held).code == 0


def test_message_that_unpacks_to_too_much_is_refused(start, toolbox):
    """100 KB of gzip become 64 MB: more than a message may have, whatever crosses the network."""
    loader = start(toolbox, config={"limits": {"max_message_bytes": MIB}})
    request = loader.xsf.request(loader.xsf.input(loader.xsf.payload(data=bytes(64 * MIB))))
    call = loader.xsf.channel.unary_unary(CALL)
    with pytest.raises(grpc.RpcError) as refused:
        call(request.SerializeToString(), timeout=30, compression=grpc.Compression.Gzip)
    assert refused.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    small = loader.xsf.request(loader.xsf.input(loader.xsf.payload(data=b"x" * 1000)))
    assert call(small.SerializeToString(), timeout=30, compression=grpc.Compression.Gzip)
