# SPDX-License-Identifier: Apache-2.0
"""Licences and queue bounds: immediate, honest refusals, on both fronts."""

import time

import pytest

# What waits behind a running call is seen in the queue only where the worker takes one at a time.
ONE_AT_A_TIME = {"instances": {"threads": 1}}


@pytest.fixture
def gate(tmp_path):
    return tmp_path / "gate"


def refused_at_once(loader, data=b"x"):
    """The answer to one more call, which must not wait for anybody."""
    begin = time.monotonic()
    answer = loader.xsf.do("echo", data, wait_ms=20000)
    assert time.monotonic() - begin < 4
    return answer


def test_call_beyond_fc_max_is_10110_in_both_places(start, toolbox, gate):
    loader = start(toolbox, config={"fc": {"max": 2}})
    held = [loader.xsf.begin_do("gate", gate=gate, wait_ms=20000) for _ in range(2)]
    loader.wait_metric("aiges_in_flight", 2)
    answer = refused_at_once(loader)
    text = "service license not enough: all 2 of [fc] max are in use"
    assert (answer.code, answer.error, answer.output.status) == (10110, text, 2)
    assert (answer.res.code, answer.res.error_info) == (10110, text)
    gate.touch()
    assert [loader.xsf.answer(future).code for future in held] == [0, 0]
    assert loader.xsf.do("echo").code == 0


def test_call_beyond_queue_max_requests_is_10110(start, toolbox, gate):
    loader = start(toolbox, config={**ONE_AT_A_TIME, "queue": {"max_requests": 1}})
    held = [loader.xsf.begin_do("gate", gate=gate, wait_ms=20000)]
    loader.wait_metric("aiges_in_flight", 1)
    held.append(loader.xsf.begin_do("echo", wait_ms=20000))
    loader.wait_metric("aiges_queue_depth", 1)
    answer = refused_at_once(loader)
    text = "service license not enough: [queue] max_requests = 1 calls are waiting"
    assert (answer.code, answer.error) == (10110, text)
    assert (answer.res.code, answer.res.error_info) == (10110, text)
    gate.touch()
    assert [loader.xsf.answer(future).code for future in held] == [0, 0]


def test_bytes_beyond_queue_max_bytes_are_10110(start, toolbox, gate):
    loader = start(toolbox, config={**ONE_AT_A_TIME, "queue": {"max_bytes": 65536}})
    held = [loader.xsf.begin_do("gate", gate=gate, wait_ms=20000)]
    loader.wait_metric("aiges_in_flight", 1)
    held.append(loader.xsf.begin_do("echo", b"x" * 60_000, wait_ms=20000))
    loader.wait_metric("aiges_queue_bytes", 60_000)
    answer = refused_at_once(loader, b"x" * 60_000)
    text = "service license not enough: [queue] max_bytes = 65536 would be passed"
    assert (answer.code, answer.error, answer.res.code) == (10110, text, 10110)
    held.append(loader.xsf.begin_do("echo", b"small", wait_ms=20000))
    loader.wait_metric("aiges_queue_depth", 2)
    gate.touch()
    assert [loader.xsf.answer(future).code for future in held] == [0, 0, 0]


def test_http_refusal_is_429_with_retry_after(start, toolbox, gate):
    loader = start(toolbox, config={"fc": {"max": 1}})
    held = loader.xsf.begin_do("gate", gate=gate, wait_ms=20000)
    loader.wait_metric("aiges_in_flight", 1)
    begin = time.monotonic()
    for answer in (
        loader.web.raw_mode(b"x"),
        loader.web.envelope({"payload": {"a": {"text": ""}}}),
    ):
        assert (answer.status, answer.code) == (429, 10110)
        assert answer.headers["retry-after"] == "1"
        assert answer.headers["content-type"] == "application/json"
    assert time.monotonic() - begin < 4
    gate.touch()
    assert loader.xsf.answer(held).code == 0


def test_deadline_that_passes_in_the_queue_is_answered_then_and_never_run(
    start, toolbox, gate, tmp_path
):
    loader = start(toolbox, config=ONE_AT_A_TIME)
    notes = tmp_path / "notes"
    held = loader.xsf.begin_do("gate", gate=gate, wait_ms=20000)
    loader.wait_metric("aiges_in_flight", 1)
    begin = time.monotonic()
    late = loader.xsf.do("echo", wait_ms=300, notes=notes, name="late")
    took = time.monotonic() - begin
    assert late.code == 10102
    assert 0.29 < took < 3
    assert loader.metric("aiges_queue_depth") == 0
    gate.touch()
    assert loader.xsf.answer(held).code == 0
    assert loader.xsf.do("echo", notes=notes, name="after").code == 0
    assert "late" not in notes.read_text()


def test_call_whose_grpc_client_left_the_queue_is_never_run(start, toolbox, gate, tmp_path):
    loader = start(toolbox, config=ONE_AT_A_TIME)
    notes = tmp_path / "notes"
    held = loader.xsf.begin_do("gate", gate=gate, wait_ms=20000)
    loader.wait_metric("aiges_in_flight", 1)
    left = loader.xsf.begin_do("echo", wait_ms=20000, notes=notes, name="left")
    loader.wait_metric("aiges_queue_depth", 1)
    left.cancel()
    loader.wait_metric("aiges_queue_depth", 0)
    gate.touch()
    assert loader.xsf.answer(held).code == 0
    assert loader.xsf.do("echo", notes=notes, name="after").code == 0
    assert "left" not in notes.read_text()


def test_call_whose_http_client_left_the_queue_is_never_run(start, toolbox, gate, tmp_path):
    loader = start(toolbox, config=ONE_AT_A_TIME)
    notes = tmp_path / "notes"
    held = loader.xsf.begin_do("gate", gate=gate, wait_ms=20000)
    loader.wait_metric("aiges_in_flight", 1)
    with loader.web.socket() as client:
        path = f"/v1/raw/svcName?p.do=echo&p.notes={notes}&p.name=left"
        client.sendall(f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nx".encode())
        loader.wait_metric("aiges_queue_depth", 1)
    loader.wait_metric("aiges_queue_depth", 0)
    gate.touch()
    assert loader.xsf.answer(held).code == 0
    assert loader.xsf.do("echo", notes=notes, name="after").code == 0
    assert "left" not in notes.read_text()


def test_queue_is_served_in_order(start, toolbox, gate, tmp_path):
    loader = start(toolbox, config=ONE_AT_A_TIME)
    notes = tmp_path / "notes"
    held = [loader.xsf.begin_do("gate", gate=gate, wait_ms=20000)]
    loader.wait_metric("aiges_in_flight", 1)
    for i in range(6):
        held.append(loader.xsf.begin_do("echo", wait_ms=20000, notes=notes, name=i))
        loader.wait_metric("aiges_queue_depth", i + 1)
    gate.touch()
    assert all(loader.xsf.answer(future).code == 0 for future in held)
    begun = [line.split()[1] for line in notes.read_text().splitlines() if "begin" in line]
    assert begun == [str(i) for i in range(6)]
