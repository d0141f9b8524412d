# SPDX-License-Identifier: Apache-2.0
"""aiges.client against real loaders: answers, errors, retries, and the same by asyncio."""

import asyncio
import collections
import threading
import time

import pytest
from aiges.client import (
    AsyncClient,
    BadRequest,
    DataType,
    DeadlineExceeded,
    EngineError,
    Overloaded,
    Payload,
    Place,
    Unavailable,
    WorkerLost,
)
from both_clients import KINDS
from client_calls import WRAPPER, attempt, attempts_until, in_background, reads
from free_ports import free_ports
from loader_process import Loader
from waiting import wait_until


@pytest.fixture(scope="module")
def loader(binaries, tmp_path_factory):
    with Loader(binaries, tmp_path_factory.mktemp("client"), WRAPPER) as loader:
        yield loader


@pytest.fixture(params=KINDS)
def make(request):
    """Client, and AsyncClient behind the same methods."""
    return KINDS[request.param]


@pytest.fixture
def client(make, loader):
    with make(loader.grpc, keepalive_s=0) as made:
        yield made


@pytest.fixture
def pair(start):
    """Two loaders of their own, with one licence each."""
    return [start(WRAPPER, config={"fc": {"max": 1}}) for _ in range(2)]


def busy(loader, client, **options):
    """A call that takes the licence of that loader; when this returns it is in work."""
    wait = in_background(lambda: client.once("x", {"sleep_s": "1.5"}, **options))
    loader.wait_metric("aiges_in_flight", 1)
    return wait


# Once calls.


def test_text_comes_back_as_text(client, loader):
    reply = client.once("gr\u00fc\u00df")
    assert reply.text() == "gr\u00fc\u00df".encode().upper().decode()
    assert reply.host == loader.grpc


def test_payloads_keep_names_types_and_order(client):
    sent = [Payload("img", b"\x00png", DataType.IMAGE), Payload("t", b"a", DataType.TEXT)]
    reply = client.once(sent)
    assert [(p.name, p.data, p.type) for p in reply.payloads.values()] == [
        ("img", b"\x00PNG", DataType.IMAGE),
        ("t", b"A", DataType.TEXT),
    ]
    assert client.once({"a": "x", "b": b"y"}).text("b") == "Y"


def test_every_output_of_a_name_arrives(client):
    reply = client.once("x", {"do": "several"})
    assert reply.text("t") == "\u65e5"
    assert [payload.data for payload in reply.all("i")] == [b"1", b"2"]
    assert [payload.name for payload in reply.outputs] == ["t", "i", "t", "i"]
    with pytest.raises(LookupError, match="got 2 that are not all text"):
        reply.data("i")


def test_params_reach_the_wrapper(client):
    text = client.once("x", {"do": "describe", "mine": "1"}, expect=["result"]).text()
    assert "('mine', '1')" in text


def test_large_payloads_pass(client):
    data = b"a" * (12 << 20)
    assert client.once(data).data() == data.upper()


def test_calls_of_many_threads_share_a_client(client):
    waits = [in_background(lambda n=n: client.once(f"n{n}").text()) for n in range(16)]
    assert [wait() for wait in waits] == [f"N{n}" for n in range(16)]


@pytest.mark.parametrize(
    ("call", "kind", "code"),
    [
        ({"params": {"do": "fail"}}, EngineError, 10909),
        ({"params": {"sleep_s": "2"}, "timeout_s": 0.2}, DeadlineExceeded, 10102),
        ({"expect": ["other"]}, EngineError, 10106),
        ({"payloads": []}, BadRequest, 10009),
    ],
)
def test_errors_have_their_kind_and_code(client, call, kind, code):
    with pytest.raises(kind) as error:
        client.once(**{"payloads": "x", **call})
    assert error.value.code == code


def test_a_deadline_is_kept(client):
    begin = time.monotonic()
    with pytest.raises(DeadlineExceeded):
        client.once("x", {"sleep_s": "5"}, timeout_s=0.3)
    assert time.monotonic() - begin < 3


def test_nobody_there_is_unavailable_at_once(make):
    (port,) = free_ports(1)
    begin = time.monotonic()
    with make(f"127.0.0.1:{port}") as client, pytest.raises(Unavailable) as error:
        client.once("x")
    assert not error.value.maybe_ran
    assert time.monotonic() - begin < 5


def test_a_closed_client_is_unavailable(make, loader):
    with make(loader.grpc, keepalive_s=0) as client:
        wait = in_background(lambda: client.once("x", {"sleep_s": "3"}))
        time.sleep(0.3)
        client.close()
        assert isinstance(wait(), Unavailable)
        with pytest.raises(Unavailable, match="the client is closed"):
            client.once("x")


def test_a_message_over_the_limit_is_a_bad_request_and_not_tried_elsewhere(make, start):
    """It was Overloaded, and cost a try at each loader."""
    loaders = [start(WRAPPER, config={"limits": {"max_message_bytes": 100_000}}) for _ in range(2)]
    with reads(make, loaders, keepalive_s=0, retries=3) as client:
        assert client.once(b"x" * 90_000).data() == b"X" * 90_000
        for _ in range(3):
            budget = client._core.budget._free
            with pytest.raises(BadRequest, match="larger than max") as error:
                client.once(b"x" * 100_001)
            assert error.value.code == 0
            assert client._core.budget._free >= budget  # No retry was paid for.
        picked = [each.failures for each in client._core.picker._states.values()]
        assert picked == [0, 0]
        with pytest.raises(BadRequest, match="larger than max"):
            client.session().write(b"x" * 100_001)


def test_timing_comes_when_it_is_asked_for(client):
    assert client.once("x").timing == {}
    timing = client.once("x", {"sleep_s": "0.05"}, timing=True).timing
    assert sorted(timing) == ["channel", "engine", "queue", "total"]
    assert 45 < timing["engine"] <= timing["total"]


@pytest.mark.parametrize("wrong", [{"timeout_s": 0}, {"retries": -1}, {"keepalive_s": -1}])
def test_settings_that_make_no_sense_are_told(make, wrong):
    with pytest.raises(ValueError, match="expected timeout_s > 0"):
        make("127.0.0.1:1", **wrong)


# Retries.


def test_a_full_loader_is_left_for_another(make, pair):
    with reads(make, pair, keepalive_s=0) as client, make(pair[0].grpc, keepalive_s=0) as first:
        wait = busy(pair[0], first)
        hosts = {client.once("x").host for _ in range(20)}
        assert hosts == {pair[1].grpc}
        assert wait().text() == "X"


def test_when_all_are_full_it_is_overloaded(make, pair):
    with reads(make, pair, keepalive_s=0) as client:
        waits = []
        for each in pair:
            with make(each.grpc, keepalive_s=0) as one:
                waits.append(in_background(lambda: client.once("x", {"sleep_s": "1.5"})))
                del one
            wait_until(lambda: sum(p.metric("aiges_in_flight") for p in pair) == len(waits), "it")
        with pytest.raises(Overloaded) as error:
            client.once("x")
        assert error.value.code == 10110
        assert [wait().text() for wait in waits] == ["X", "X"]


def test_without_retries_a_refusal_is_the_callers(make, pair):
    with reads(make, pair, retries=0, keepalive_s=0) as client:
        with make(pair[0].grpc, keepalive_s=0) as first:
            wait = busy(pair[0], first)
            got = collections.Counter(type(attempt(client)).__name__ for _ in range(40))
            wait()
    assert got["Overloaded"] > 0 and got["Reply"] > 0


def test_a_killed_loader_costs_at_most_the_calls_that_were_on_their_way(make, start):
    loaders = [start(WRAPPER) for _ in range(3)]
    with (
        reads(make, loaders, keepalive_s=0) as client,
        reads(make, loaders, idempotent=True) as careless,
    ):
        for each in (client, careless):
            assert len({each.once("x").host for _ in range(60)}) == 3
        loaders[0].process.kill()
        loaders[0].process.wait()
        assert {type(attempt(careless)).__name__ for _ in range(200)} == {"Reply"}
        got = [attempt(client) for _ in range(200)]
    failed = [each for each in got if isinstance(each, Exception)]
    assert all(isinstance(error, Unavailable) and error.maybe_ran for error in failed)
    assert len(failed) <= 1


def test_a_loader_that_ends_in_order_costs_no_call(make, start):
    loaders = [start(WRAPPER) for _ in range(3)]
    with reads(make, loaders, keepalive_s=0) as client:
        stop = threading.Event()
        waits = [in_background(lambda: attempts_until(stop, client)) for _ in range(8)]
        time.sleep(0.3)
        loaders[0].stop()
        time.sleep(0.3)
        stop.set()
        got = collections.Counter(kind for wait in waits for kind in wait())
    assert set(got) == {"Reply"}, got


def test_a_call_that_may_have_run_is_not_repeated(make, start, tmp_path):
    loaders = [start(WRAPPER) for _ in range(2)]
    log = tmp_path / "ran"
    with reads(make, loaders, keepalive_s=0) as client:
        wait = in_background(lambda: client.once("x", {"log": str(log), "sleep_s": "1"}))
        host = wait_until(lambda: at_work(loaders), "the call")
        host.process.kill()
        error = wait()
    assert isinstance(error, Unavailable) and error.maybe_ran
    assert not log.exists()


def test_an_idempotent_call_goes_on_elsewhere(make, start):
    loaders = [start(WRAPPER) for _ in range(2)]
    with reads(make, loaders, idempotent=True, keepalive_s=0) as client:
        wait = in_background(lambda: client.once("x", {"sleep_s": "1"}))
        host = wait_until(lambda: at_work(loaders), "the call")
        host.process.kill()
        assert wait().text() == "X"


def at_work(loaders):
    found = [each for each in loaders if each.metric("aiges_in_flight") == 1]
    return found[0] if found else None


def test_a_dead_worker_is_lost_and_repeated_only_if_idempotent(make, start, tmp_path):
    loaders = [start(WRAPPER) for _ in range(2)]
    log = tmp_path / "ran"
    with reads(make, loaders, keepalive_s=0) as client:
        with pytest.raises(WorkerLost) as error:
            client.once("x", {"do": "exit", "log": str(log)})
        assert error.value.code == 10109
        assert log.read_text() == "ran\n"
    for each in loaders:
        each.wait_readyz()
    with reads(make, loaders, idempotent=True, keepalive_s=0) as client:
        with pytest.raises(WorkerLost):
            client.once("x", {"do": "exit", "log": str(log)})
        assert log.read_text() == "ran\n" * 3


# asyncio.


def test_the_asyncio_client_does_the_same(loader):
    async def work():
        async with AsyncClient(loader.grpc, keepalive_s=0) as client:
            replies = await asyncio.gather(*(client.once(f"n{n}") for n in range(20)))
            with pytest.raises(EngineError):
                await client.once("x", {"do": "fail"})
            with pytest.raises(DeadlineExceeded):
                await client.once("x", {"sleep_s": "2"}, timeout_s=0.2)
            async with await client.session() as session:
                await session.write("ab", Place.BEGIN)
                assert [p.data for p in await session.read(5)] == [b"AB"]
                await session.write("cd", Place.END)
                assert [p.data async for p in session if p.data] == [b"CD"]
            return [reply.text() for reply in replies]

    assert asyncio.run(work()) == [f"N{n}" for n in range(20)]


def test_a_cancelled_call_gives_its_place_back(loader):
    async def work():
        async with AsyncClient(loader.grpc, keepalive_s=0) as client:
            task = asyncio.create_task(client.once("x", {"sleep_s": "5"}))
            await asyncio.sleep(0.2)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            (state,) = client._core.picker._states.values()
            return state.outstanding

    assert asyncio.run(work()) == 0


def test_closing_the_asyncio_client_ends_its_calls(loader):
    async def work():
        client = AsyncClient(loader.grpc, keepalive_s=0)
        task = asyncio.create_task(client.once("x", {"sleep_s": "5"}))
        await asyncio.sleep(0.2)
        await client.close()
        return (await asyncio.gather(task, return_exceptions=True))[0]

    error = asyncio.run(work())
    assert isinstance(error, Unavailable) and error.maybe_ran


def test_the_asyncio_client_goes_elsewhere_too(pair):
    async def work():
        target = ",".join(each.grpc for each in pair)
        async with AsyncClient(target, keepalive_s=0) as client:
            pair[0].kill()
            return {(await client.once("x")).host for _ in range(50)}

    assert asyncio.run(work()) == {pair[1].grpc}
