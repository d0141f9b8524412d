# SPDX-License-Identifier: Apache-2.0
"""Client.stream and AsyncClient.stream over /aiges.v1.Stream/Run, against real loaders."""

import gc
import itertools
import threading
import time

import pytest
from aiges.client import (
    BadRequest,
    DataType,
    DeadlineExceeded,
    EngineError,
    Overloaded,
    Payload,
    Unavailable,
    WorkerLost,
)
from both_clients import KINDS
from client_calls import in_background
from free_ports import free_ports
from waiting import wait_until


@pytest.fixture(params=KINDS)
def open_client(request):
    """open_client(*loaders) -> a client of that kind; closed after the test."""
    made = []

    def make(*loaders, **options):
        target = ",".join(each if isinstance(each, str) else each.grpc for each in loaders)
        made.append(KINDS[request.param](target, keepalive_s=0, **options).__enter__())
        return made[-1]

    yield make
    for client in made:
        client.__exit__(None, None, None)


@pytest.fixture
def engine(start, binaries):
    """engine(**sections) -> a loader with the test engine."""

    def make(**sections):
        library = {"library": str(binaries.engine)}
        return start(config={"instances": library, "fc": {"max": 4}, **sections})

    return make


@pytest.fixture
def loader(engine):
    return engine()


@pytest.fixture
def client(open_client, loader):
    return open_client(loader)


def texts(stream):
    return [p.data.decode() for p in stream if p.data]


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


def waits_for(event, *pieces):
    """Pieces, then silence: until the event, at most 3 s, so that no thread outlives the test."""
    yield from pieces
    event.wait(3)


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


# Errors.


@pytest.mark.parametrize(("hook", "code"), [("create", 10905), ("write", 10907), ("read", 10908)])
def test_an_error_of_the_engine_has_its_code(open_client, engine, hook, code):
    loader = engine(aiges={"asyncMode": False})  # Or the engine answers by callback.
    client, params = open_client(loader), {hook: "fail"}
    with pytest.raises(EngineError) as error:
        list(client.stream("x", params))
    assert (error.value.code, error.value.host) == (code, loader.grpc)
    assert "seven" in error.value.text
    loader.wait_metric("aiges_in_flight", 0)


def test_the_death_of_the_worker_is_told(client, loader):
    with pytest.raises(WorkerLost) as error:
        list(client.stream("x", {"write": "exit"}))
    assert error.value.code == 10109
    loader.wait_readyz()
    assert texts(client.stream("x")) == ["X"]


def test_the_death_of_the_loader_is_told(client, loader):
    stream = client.stream(waits_for(threading.Event(), "x"))
    next(stream)
    loader.process.kill()
    with pytest.raises(Unavailable) as error:
        list(stream)
    assert error.value.maybe_ran


def test_nobody_there_is_told(open_client):
    (port,) = free_ports(1)
    with pytest.raises(Unavailable) as error:
        next(open_client(f"127.0.0.1:{port}").stream("x"))
    assert not error.value.maybe_ran


@pytest.mark.parametrize("first", [True, False])
def test_a_deadline_ends_the_session(client, loader, first):
    begin = time.monotonic()
    pieces = waits_for(threading.Event(), *(["x"] if first else []))
    with pytest.raises(DeadlineExceeded) as error:
        list(client.stream(pieces, timeout_s=1.1))
    assert error.value.code == 10102
    assert time.monotonic() - begin < 3
    assert client._core.picker._states[loader.grpc].failures == 0
    loader.wait_metric("aiges_in_flight", 0)


def test_a_fault_of_the_input_is_the_readers(client, loader):
    def pieces():
        yield "x"
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        list(client.stream(pieces()))
    with pytest.raises(TypeError, match="expected bytes, str, a dict or a list of Payload"):
        list(client.stream(iter(["x", [b"y"]])))
    loader.wait_metric("aiges_in_flight", 0)


@pytest.mark.parametrize(("wrong", "kind"), [([], BadRequest), ({}, BadRequest), (5, TypeError)])
def test_an_input_that_makes_no_sense_is_refused_at_once(client, wrong, kind):
    with pytest.raises(kind):
        client.stream(wrong)


def test_a_message_that_is_too_long_is_a_bad_request(open_client, engine):
    loader = engine(limits={"max_message_bytes": 100_000})
    client = open_client(loader)
    with pytest.raises(BadRequest, match="larger than max"):
        list(client.stream(b"x" * 100_001))
    assert texts(client.stream(b"x")) == ["X"]


def test_input_without_room_is_a_bad_request(open_client, engine):
    loader = engine(queue={"max_bytes": 65536})
    pieces = iter(["small", "x" * 100_000, "end"])
    with pytest.raises(BadRequest, match="input buffer full") as error:
        list(open_client(loader).stream(pieces))
    assert error.value.code == 10009
    loader.wait_metric("aiges_in_flight", 0)


# Other loaders.


def full(loader, open_client):
    """A stream that holds the only licence of that loader."""
    stream = open_client(loader).stream(waits_for(threading.Event(), "x"))
    next(stream)
    return stream


def test_a_full_loader_is_left_for_another_with_the_whole_input(open_client, engine):
    pair = [engine(fc={"max": 1}) for _ in range(2)]
    client = open_client(*pair)
    with full(pair[0], open_client):
        for _ in range(10):
            stream = client.stream(iter(["a", "b", "c"]))
            assert "".join(texts(stream)) == "ABC"
            assert stream.host == pair[1].grpc
            # A session has ended for its client before the engine has destroyed it.
            pair[1].wait_metric("aiges_in_flight", 0)
        with full(pair[1], open_client):
            with pytest.raises(Overloaded) as error:
                list(client.stream("x"))
            assert error.value.code == 10110


def test_a_dead_loader_is_left_for_another(open_client, engine):
    pair = [engine(), engine()]
    client = open_client(*pair)
    pair[0].kill()
    assert [texts(client.stream(iter(["a", "b"]))) for _ in range(8)] == [["A", "B"]] * 8


def test_a_stream_that_may_have_run_is_repeated_only_if_idempotent(open_client, engine):
    pair = [engine(), engine()]
    params = {"write": "exit"}
    with pytest.raises(WorkerLost):
        list(open_client(*pair).stream("x", params))
    assert sum(each.log().count("exit status 3") for each in pair) == 1
    for each in pair:
        each.wait_readyz()
    with pytest.raises(WorkerLost):
        list(open_client(*pair, idempotent=True).stream("x", params))
    assert sum(each.log().count("exit status 3") for each in pair) == 3


def test_a_stream_is_not_repeated_once_something_came(open_client, engine):
    pair = [engine(), engine()]
    client = open_client(*pair, idempotent=True)
    stream = client.stream(waits_for(threading.Event(), "x"))
    next(stream)
    host = next(each for each in pair if each.grpc == stream.host)
    host.process.kill()
    with pytest.raises(Unavailable):
        list(stream)
