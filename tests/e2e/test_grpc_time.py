# SPDX-License-Identifier: Apache-2.0
"""grpc-timeout and cancellation: what the client asks for, and what its engine is told."""

import time

import grpc
import pytest
from h2_client import CANCEL, GRPC, H2Client, message, messages, xsf_message
from xsf_client import Answer

DEADLINE_EXCEEDED, CANCELLED = 4, 1

WATCHES_ITS_CALL = """
import os, time
from aiges import context

def wrapperInit(config): return 0

def wrapperOnceExec(usrTag, params, reqData, respData, psrIds, psrCnt):
    print("waits", flush=True)
    until = time.monotonic() + 20
    while not context.cancelled(usrTag) and time.monotonic() < until:
        time.sleep(0.002)
    print("saw the end", context.remaining_ms(usrTag), flush=True)
    respData.append({"key": "r", "data": b"", "len": 0, "status": 3, "type": 0})
    return 0
"""


def ask(client, loader, timeout, **params):
    headers = list(GRPC.items()) + [("grpc-timeout", timeout)]
    return client.ask(xsf_message(loader, **params), headers=headers)


def code(stream):
    """How the call ended: gRPC's number, or the code of the LoaderOutput in the answer."""
    from xsf_pb2 import ResData

    if stream.reset == CANCEL:
        return CANCELLED
    early = stream.headers.get("grpc-status")
    if early is not None or stream.grpc_status != 0:
        return int(early or stream.grpc_status)
    ((_, data),) = messages(stream.body)
    return Answer(ResData.FromString(data)).code


# Whoever is first tells of a deadline: gRPC, or the loader, whose is the same.
TOO_LATE = (DEADLINE_EXCEEDED, CANCELLED, 10102)


@pytest.mark.parametrize("timeout", ["0n", "0S", "1n", "100u", "1u"])
def test_time_that_is_up_at_once(shared, client, timeout):
    assert code(ask(client, shared, timeout, do="sleep", ms=2000)) in TOO_LATE
    assert code(client.ask(xsf_message(shared))) == 0


@pytest.mark.parametrize("timeout", ["300m", "300000u", "0300m"])
def test_timeout_is_kept_to_the_moment(shared, client, timeout, tmp_path):
    begin = time.monotonic()
    stream = ask(client, shared, timeout, do="gate", gate=tmp_path / "gate")
    took = time.monotonic() - begin
    (tmp_path / "gate").touch()
    assert code(stream) in TOO_LATE
    assert 0.29 < took < 3


@pytest.mark.parametrize("timeout", ["99999999H", "99999999S", "99999999n", "5S", "1M", "1H"])
def test_timeout_that_is_long_enough(shared, client, timeout):
    wait = {} if timeout == "99999999n" else {"do": "sleep", "ms": 50}
    assert code(ask(client, shared, timeout, **wait)) == 0


@pytest.mark.parametrize(
    "timeout", ["1", "abc", "-1S", "", "S", "1.5S", "1 S", "1s", "123456789012345678901234567890S"]
)
def test_malformed_timeout_costs_its_call_at_most(shared, client, timeout):
    """Either there is none, or the call is refused; never a deadline that nobody set."""
    stream = ask(client, shared, timeout, do="sleep", ms=50)
    assert code(stream) in (0, 3, 13), stream
    assert code(client.ask(xsf_message(shared))) == 0


def test_the_shorter_of_timeout_and_wait_time_counts(start, toolbox, tmp_path):
    loader = start(toolbox)
    with H2Client(loader.grpc) as client:
        begin = time.monotonic()
        params = {"do": "gate", "gate": tmp_path / "gate"}
        assert code(ask(client, loader, "10S", wait_ms=200, **params)) == 10102
        assert code(ask(client, loader, "200m", wait_ms=10000, **params)) in TOO_LATE
        assert time.monotonic() - begin < 5
    (tmp_path / "gate").touch()


@pytest.mark.parametrize("how", ["cancel", "connection", "deadline"])
def test_engine_learns_that_nobody_waits(start, how):
    loader = start(WATCHES_ITS_CALL)
    with H2Client(loader.grpc) as client:
        headers = {**GRPC, "grpc-timeout": "700m"} if how == "deadline" else GRPC
        stream = client.begin(headers=headers)
        client.send(stream, xsf_message(loader), end=True)
        loader.wait_log("waits")
        if how == "cancel":
            client.reset(stream)
        elif how == "connection":
            client.socket.close()
        else:
            assert code(client.wait(stream)) in TOO_LATE
        loader.wait_log("saw the end")
    loader.wait_metric("aiges_in_flight", 0)


def test_call_that_is_cancelled_before_its_message_is_none(start, toolbox, tmp_path):
    loader = start(toolbox)
    notes = tmp_path / "notes"
    body = xsf_message(loader, notes=notes)
    with H2Client(loader.grpc) as client:
        for sent in (b"", body[:3], body[:-1]):
            stream = client.send(client.begin(), sent)
            client.reset(stream)
        assert code(client.ask(xsf_message(loader))) == 0
    assert not notes.exists()
    assert loader.metric("aiges_in_flight") == 0


def test_what_clients_do_in_passing_leaves_nothing(start, toolbox, tmp_path):
    """Calls that are begun and cancelled at once, as retries and hedges do."""
    loader = start(toolbox)
    with H2Client(loader.grpc) as client:
        for number in range(60):
            stream = client.begin()
            client.send(stream, xsf_message(loader, do="sleep", ms=1), end=True)
            client.reset(stream)
            if number % 20 == 19:
                assert code(client.ask(xsf_message(loader))) == 0
    loader.wait_metric("aiges_in_flight", 0)


def test_deadline_of_the_client_ends_its_call(start, toolbox, tmp_path):
    """By the client's own clock, or by the loader's, whose answer may be there a moment before."""
    loader = start(toolbox)
    gate = tmp_path / "gate"
    inner = loader.xsf.input(loader.xsf.payload(), params={"do": "gate", "gate": str(gate)})
    begin = time.monotonic()
    held = loader.xsf.send(loader.xsf.request(inner, wait_ms=20000), timeout_s=0.4)
    try:
        ended = loader.xsf.answer(held).code
    except grpc.RpcError as error:
        ended = error.code()
    assert ended in (10102, grpc.StatusCode.DEADLINE_EXCEEDED)
    assert time.monotonic() - begin < 3
    gate.touch()
    loader.wait_metric("aiges_in_flight", 0)


def test_stream_has_a_deadline_too(start, binaries):
    loader = start(config={"instances": {"library": str(binaries.engine)}})
    with H2Client(loader.grpc) as client:
        stream = client.begin("/aiges.v1.Stream/Run", headers={**GRPC, "grpc-timeout": "400m"})
        opening = loader.xsf.input(state=0).SerializeToString()
        client.send(stream, message(opening))
        loader.wait_metric("aiges_in_flight", 1)
        begin = time.monotonic()
        client.wait(stream)
        assert stream.grpc_status == DEADLINE_EXCEEDED or stream.reset == CANCEL
        assert time.monotonic() - begin < 3
    loader.wait_metric("aiges_in_flight", 0)
