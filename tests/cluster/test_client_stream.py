# SPDX-License-Identifier: Apache-2.0
"""Client.stream and AsyncClient.stream over /aiges.v1.Stream/Run, against real loaders."""

import gc
import itertools
import threading
import time

import pytest
from aiges.client import (
    DataType,
    EngineError,
    Payload,
    Unavailable,
)
from client_calls import in_background
from client_streams import texts, waits_for
from waiting import wait_until


def destroyed(loader, count=1):
    wait_until(
        lambda: loader.metric("aiges_meter_total", key="destroyed") == count, "wrapperDestroy"
    )
    loader.wait_metric("aiges_in_flight", 0)


def test_the_whole_input_gives_the_whole_output(client, loader):
    stream = client.stream(b"abc", {"items": "3"})
    assert texts(stream) == ["ABC", "1", "2", "3"]
    assert stream.host == loader.grpc
    assert list(stream) == []
    destroyed(loader)


def test_many_items_come_in_order(client):
    found = texts(client.stream({"in": "x"}, {"items": "2000"}))
    assert found == ["X", *(str(n) for n in range(1, 2001))]


def test_payloads_say_what_they_are(client):
    first, *_, last = client.stream("x", {"items": "1"})
    assert (first.name, first.type, first.attributes["seq"]) == ("out", DataType.TEXT, "1")
    assert last.attributes["status"] == "2"


def test_pieces_go_in_as_the_iterator_gives_them(client, loader):
    asked = []

    def pieces():
        asked.append(1)
        yield "one"
        assert wait_until(lambda: len(got) == 1, "the first answer")
        asked.append(2)
        yield {"data": b"two"}
        asked.append(3)
        yield Payload("data", b"three")
        asked.append(4)
        yield [Payload("data", b"four", attributes={"status": "2"})]

    got = []
    for payload in client.stream(pieces()):
        got.append(payload.data)
    assert [each for each in got if each] == [b"ONE", b"TWO", b"THREE", b"FOUR"]
    assert asked == [1, 2, 3, 4]
    destroyed(loader)


def test_the_end_of_the_iterator_ends_the_input(client):
    assert texts(client.stream(iter(["a", "b"]), {"items": "2"})) == ["A", "B", "1", "2"]


def test_pieces_of_two_inputs(client):
    pieces = iter([{"a": "1", "b": "2"}, {"b": "3"}])
    assert texts(client.stream(pieces, {"inputs": "2", "items": "1"})) == ["12", "3", "1"]


def test_two_outputs_are_told_apart(client):
    found = list(client.stream("x", {"keys": "2", "items": "2"}))
    by_name = {name: b"".join(p.data for p in found if p.name == name) for name in ("out", "out2")}
    assert by_name == {"out": b"X", "out2": b"12"}
    assert [p.attributes["status"] for p in found if p.name == "out2"][-1] == "2"


def test_expect_chooses_and_refuses_outputs(client):
    assert texts(client.stream("x", expect=["out"])) == ["X"]
    with pytest.raises(EngineError) as error:
        list(client.stream("x", expect=["other"]))
    assert error.value.code == 10106


def test_an_engine_without_sessions_answers_once(open_client, start):
    wrapper = "class Wrapper:\n  def wrapperOnceExec(self, params, data):\n    return 'all'\n"
    assert texts(open_client(start(wrapper)).stream("x")) == ["all"]


# How streams end early.


@pytest.mark.parametrize("early", ["close", "with", "drop"])
def test_leaving_early_ends_the_session(client, loader, early):
    stream = client.stream("x", {"items": "1000000"})
    assert next(stream).data == b"X"
    loader.wait_metric("aiges_in_flight", 1)
    if early == "close":
        stream.close()
        stream.close()
        assert list(stream) == []
    elif early == "with":
        with stream:
            next(stream)
    del stream
    gc.collect()
    destroyed(loader)
    (state,) = client._core.picker._states.values()
    assert state.outstanding == 0


def test_leaving_early_closes_the_generator_of_the_input(client, loader):
    closed = threading.Event()

    def pieces():
        try:
            for number in itertools.count():
                yield f"{number}"
        finally:
            closed.set()

    with client.stream(pieces()) as stream:
        next(stream)
    assert closed.wait(10)
    destroyed(loader)


def test_a_stream_that_was_never_read_costs_nothing(client, loader):
    client.stream("x").close()
    assert loader.metric("aiges_sessions_open") == 0


def test_another_thread_may_close_a_stream_under_its_reader(client, loader):
    stream = client.stream(waits_for(threading.Event(), "x"))
    assert next(stream).data == b"X"
    wait = in_background(lambda: list(stream))
    time.sleep(0.2)
    stream.close()
    assert wait() == []
    destroyed(loader)


def test_closing_the_client_ends_streams(client):
    stream = client.stream(waits_for(threading.Event(), "x"))
    next(stream)
    wait = in_background(lambda: list(stream))
    time.sleep(0.2)
    client.close()
    error = wait()
    assert isinstance(error, Unavailable) and error.maybe_ran
    with pytest.raises(Unavailable, match="the client is closed"):
        next(client.stream("x"))


# Nothing runs ahead.


def test_a_slow_reader_slows_the_engine(client, loader):
    stream = client.stream("x", {"items": "1000000"})
    next(stream)
    seen = [-1.0]

    def stands_still():
        seen.append(loader.metric("aiges_session_items_total"))
        time.sleep(0.2)
        return seen[-1] == seen[-2]

    wait_until(stands_still, "an end of the reading ahead")
    assert seen[-1] < 900_000
    stream.close()
    destroyed(loader)


def test_a_slow_engine_slows_the_input(open_client, start):
    # Not wrapperStream: its input is a queue in the worker.
    wrapper = """
import time
def wrapperCreate(usrTag, params, psrIds, psrCnt, errNum):
    return usrTag
def wrapperWrite(handle, reqData):
    time.sleep(0.02)
    return 0
def wrapperRead(handle, respData):
    respData.append({"key": "out", "data": b"x", "len": 1, "status": 1, "type": 0})
    return 0
def wrapperDestroy(handle):
    return 0
def wrapperOnceExec(usrTag, params, reqData, respData, psrIds, psrCnt):
    return 0
"""
    loader = start(wrapper)
    taken = []

    def pieces():
        for number in range(400):
            taken.append(number)
            yield b"x" * 1_000_000

    with open_client(loader).stream(pieces()) as stream:
        next(stream)
        time.sleep(0.5)  # For 25 writes.
        assert len(taken) < 100
