# SPDX-License-Identifier: Apache-2.0
"""Results for which nobody waits any more: dropped, counted, and nobody else's answer."""

import pytest
from waiting import wait_until
from xsf_client import XsfSession

# wrapperRead makes "<gate>.reached", and gives its item once the gate is there.
GATED_SESSION = """
import os, time
def wrapperCreate(usrTag, params, psrIds, psrCnt, errNum):
    return params["gate"]
def wrapperWrite(gate, reqData):
    return 0
def wrapperRead(gate, respData):
    open(gate + ".reached", "w").close()
    while not os.path.exists(gate):
        time.sleep(0.002)
    respData.append({"key": "out", "data": "late", "len": 4, "status": 2, "type": 0})
    return 0
def wrapperDestroy(gate):
    return 0
"""
DROPPED = "aiges_results_dropped_total"


@pytest.fixture
def gate(tmp_path):
    return tmp_path / "gate"


def serves_others(loader):
    loader.wait_metric("aiges_in_flight", 0)
    assert loader.xsf.do("echo", b"next").data("data") == b"next"


def test_result_after_the_deadline_is_dropped_and_counted(start, toolbox, gate):
    loader = start(toolbox)
    assert loader.metric(DROPPED) == 0
    assert loader.xsf.do("gate", b"late", gate=gate, wait_ms=100).code == 10102
    gate.touch()
    loader.wait_metric(DROPPED, 1)
    serves_others(loader)
    assert loader.metric(DROPPED) == 1


def test_result_for_a_grpc_client_that_went_is_dropped_and_counted(start, toolbox, gate):
    loader = start(toolbox)
    held = loader.xsf.begin_do("gate", b"unwanted", gate=gate, wait_ms=20000)
    loader.wait_metric("aiges_in_flight", 1)
    held.cancel()
    loader.wait_metric("aiges_requests_total", 1, code="10102")
    gate.touch()
    loader.wait_metric(DROPPED, 1)
    serves_others(loader)


def test_result_for_an_http_client_that_went_is_dropped_and_counted(start, toolbox, gate):
    loader = start(toolbox)
    with loader.web.socket() as client:
        target = b"/v1/raw/svcName?p.do=gate&p.gate=" + str(gate).encode()
        client.sendall(b"POST " + target + b" HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nx")
        loader.wait_metric("aiges_in_flight", 1)
    loader.wait_metric("aiges_requests_total", 1, code="10102")
    gate.touch()
    loader.wait_metric(DROPPED, 1)
    serves_others(loader)


def test_item_for_a_session_that_was_stopped_goes_nowhere(start, gate):
    """The worker learns of the end while wrapperRead runs, and keeps the item to itself."""
    loader = start(GATED_SESSION)
    session = XsfSession(loader.xsf)
    session.open(loader.xsf.payload("in", b"x", status="2"), params={"gate": str(gate)})
    reached = gate.with_name(gate.name + ".reached")
    wait_until(reached.exists, "wrapperRead")
    session.stop()
    gate.touch()
    loader.wait_metric("aiges_sessions_open", 0)
    loader.wait_metric("aiges_in_flight", 0)
    assert loader.metric(DROPPED) <= 1
