# SPDX-License-Identifier: Apache-2.0
"""Streams of the client that end in errors, and those that another loader takes over."""

import threading
import time

import pytest
from aiges.client import (
    BadRequest,
    DeadlineExceeded,
    EngineError,
    Overloaded,
    Unavailable,
    WorkerLost,
)
from client_streams import texts, waits_for
from free_ports import free_ports


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
