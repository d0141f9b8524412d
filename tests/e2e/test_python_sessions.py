# SPDX-License-Identifier: Apache-2.0
"""Sessions, streams and asynchronous calls of wrapper.py, in every shape that users write."""

import time

import pytest
from session_wrappers import (
    ASYNC_GENERATOR,
    ASYNC_STREAM,
    BATCH,
    CONTEXT,
    COROUTINE,
    GENERATOR,
    ONCE_ASYNC,
    POOL,
    STREAM,
    V1_ECHO,
    V2_CALLBACK,
    V2_READ,
)
from waiting import wait_until
from xsf_client import XsfSession


def talk(loader, *pieces, sid="the-sid", **params):
    session = XsfSession(loader.xsf)
    params = {name: str(value) for name, value in params.items()}
    opened = session.open(params=params, headers={"sid": sid} if sid else {})
    assert opened.code == 0, opened.error
    for number, piece in enumerate(pieces):
        session.write(piece, status=2 if number == len(pieces) - 1 else 1)
    return session


def destroyed(loader, name):
    wait_until(lambda: f"destroyed {name}" in loader.log(), "wrapperDestroy")
    loader.wait_metric("aiges_in_flight", 0)


def test_v1_functions(start):
    loader = start(V1_ECHO)
    session = talk(loader, b"one", b"two", b"three")
    assert session.all() == ["ONE", "TWO", "THREE"]
    destroyed(loader, session.handle)
    assert loader.xsf.once().data("n") == b"0"


def test_v1_create_that_raises_is_10905_with_its_traceback_in_the_log(start):
    loader = start(V1_ECHO)
    session = XsfSession(loader.xsf)
    session.open(params={"create": "raise"})
    answer = session.failure()
    assert answer.code == 10905
    assert answer.error.startswith("wrapperCreate raised ValueError: no room (wrapper.py, line ")
    loader.wait_log("Traceback")


def test_v2_read(start):
    loader = start(V2_READ)
    assert talk(loader, b"one", b"two").all() == ["ONE", "TWO"]
    destroyed(loader, "mine-the-sid")
    assert loader.xsf.once().data("out") == b"once"


@pytest.mark.parametrize("name", ["tag", "sid", "handle"])
def test_v2_callback_by_every_name(start, name):
    loader = start(V2_CALLBACK)
    assert talk(loader, b"one", name=name).all() == ["ONE"]
    destroyed(loader, "mine")
    loader.wait_log("late: -1")


# callback(.., "") names no session: such a wrapper stayed silent for clients without a sid.
@pytest.mark.parametrize("name", ["sid", "handle"])
def test_v2_callback_by_sid_without_a_sid_of_the_client(start, name):
    loader = start(V2_CALLBACK)
    assert talk(loader, b"one", sid="", name=name).all() == ["ONE"]


@pytest.mark.parametrize("wrapper", [GENERATOR, ASYNC_GENERATOR], ids=["plain", "async"])
class TestGenerators:
    def test_every_yield_is_an_item(self, start, wrapper):
        loader = start(wrapper)
        session = talk(loader, b"x", n=500)
        session.all()
        texts = [p.data.decode() for p in session.got]
        assert texts == [f"t{n}" for n in range(500)] + [""]
        statuses = [p.meta.attribute["status"] for p in session.got]
        assert (statuses[0], set(statuses[1:-1]), statuses[-1]) == ("0", {"1"}, "2")

    def test_a_once_call_gets_all_of_it(self, start, wrapper):
        loader = start(wrapper)
        answer = loader.xsf.once(params={"n": "3"})
        assert answer.code == 0, answer.error
        assert [p.data for p in answer.output.pl] == [b"t0", b"t1", b"t2"]
        assert answer.output.status == 3

    def test_an_exception_ends_the_session(self, start, wrapper):
        loader = start(wrapper)
        session = talk(loader, b"x", n=5, bad=2)
        answer = session.failure()
        assert answer.code in (10908, 10910)
        assert answer.error.startswith("wrapperOnceExec raised ValueError: bad token")
        assert [p.data for p in session.got] == [b"t0", b"t1"]
        loader.wait_log("Traceback")  # It comes by another way than the answer.
        assert loader.log().count("Traceback") == 1
        assert loader.xsf.once(params={"n": "3", "bad": "1"}).code == 10909

    def test_the_end_of_the_client_closes_it(self, start, wrapper):
        loader = start(wrapper)
        session = talk(loader, b"x", n=100000, pause=0.001)
        session.out()
        session.stop()
        loader.wait_log("closed")
        loader.wait_metric("aiges_in_flight", 0)


def test_async_generators_do_not_wait_for_each_other(start):
    loader = start(ASYNC_GENERATOR)
    begin = time.monotonic()
    sessions = [talk(loader, b"x", n=5, pause=0.2) for _ in range(10)]
    for session in sessions:
        assert len(session.all("result")) == 6
    assert time.monotonic() - begin < 7  # One after the other is 10 s.


def test_a_slow_client_does_not_stop_the_others(start):
    loader = start(ASYNC_GENERATOR)
    slow = talk(loader, b"x", n=10000)
    quick = talk(loader, b"x", n=300)
    assert len(quick.all("result")) == 301
    slow.stop()


@pytest.mark.parametrize(("wrapper", "key"), [(STREAM, "result"), (ASYNC_STREAM, "out")])
def test_wrapper_stream_takes_input_as_it_comes(start, wrapper, key):
    loader = start(wrapper)
    session = talk(loader)
    session.write(b"one", status=0)
    wait_until(lambda: session.out(wait_ms=50) and session.got, "an answer before the end")
    session.write(b"two", status=2)
    assert [text for text in session.all(key) if text] == ["ONE", "TWO"]
    assert [p.data for p in loader.xsf.once(loader.xsf.payload("a", b"x")).output.pl][0] == b"X"


def test_batches(start):
    loader = start(BATCH, config={"batch": {"max_size": 4}})
    calls = [
        loader.xsf.begin(wait_ms=20000, params={"bad": "1"} if n == 9 else {}) for n in range(20)
    ]
    answers = [loader.xsf.answer(call) for call in calls]
    assert [a.code for a in answers] == [0] * 9 + [10909] + [0] * 10
    sizes = [int(a.data("n")) for a in answers if a.code == 0]
    assert max(sizes) == 4
    assert answers[9].error.startswith("wrapperBatchExec raised ValueError: bad item")
    assert loader.metric("aiges_batch_size_count") >= 5


def test_context_tells_the_time_left_and_the_end_of_the_client(start):
    loader = start(CONTEXT)
    left = float(loader.xsf.once(wait_ms=3000).text("ms"))
    assert 2000 < left <= 3000
    assert loader.xsf.once(wait_ms=100, params={"wait": "1"}).code == 10102
    loader.wait_log("saw the end")
    call = loader.xsf.begin(wait_ms=20000, params={"wait": "1"})
    loader.wait_log("waits now", count=2)  # In the engine: a call in the queue would never start.
    call.cancel()
    loader.wait_log("saw the end", count=2)


def test_coroutines_run_side_by_side(start):
    loader = start(COROUTINE)
    begin = time.monotonic()
    calls = [loader.xsf.begin(wait_ms=20000) for _ in range(20)]
    assert [loader.xsf.answer(call).text() for call in calls] == ["done"] * 20
    assert time.monotonic() - begin < 7  # One after the other is 10 s.


def test_once_exec_async(start):
    loader = start(ONCE_ASYNC)
    assert loader.xsf.once(headers={"sid": "s1"}).data("out") == b"async"


def test_async_mode_serves_plain_once_wrappers_too(start, toolbox):
    loader = start(toolbox, config={"aiges": {"asyncMode": True}})
    assert loader.xsf.do("echo", b"x").data("data") == b"x"
    assert loader.xsf.do("raise").code == 10909


def test_warm_up_runs_before_ready_and_its_failure_ends_the_start(start):
    loader = start("def wrapperWarmup(): print('warm')\n" + V1_ECHO)
    assert loader.log().index("warm") < loader.log().index("is ready")
    broken = start("def wrapperWarmup(): raise OSError('no kernel')\n" + V1_ECHO, ready=False)
    assert broken.wait_exit() == 1
    assert "wrapperWarmup failed: wrapperWarmup raised OSError: no kernel" in broken.log()


def test_wrapper_with_a_pool_of_threads(start):
    loader = start(POOL)
    for _ in range(2):
        assert talk(loader, b"one", b"two").all() == ["ONE", "TWO"]
        loader.wait_metric("aiges_in_flight", 0)
    held = talk(loader)
    second = XsfSession(loader.xsf)
    second.open()
    answer = second.failure()
    assert (answer.code, answer.error.rpartition(";")[2]) == (10905, "code=77")
    held.stop()


LAZY = """
import os, time
class Wrapper:
    {prefix}def wrapperStream(self, params, requests):
        while not os.path.exists(params["gate"]):
            {wait}
        {prefix}for request in requests:
            for node in request.list:
                yield str(len(node.data))
"""
LAZY_PLAIN = LAZY.format(prefix="", wait="time.sleep(0.01)")
LAZY_ASYNC = "import asyncio" + LAZY.format(prefix="async ", wait="await asyncio.sleep(0.01)")


# A client that was faster than the generator had 323 MB of its input in the worker.
@pytest.mark.parametrize("wrapper", [LAZY_PLAIN, LAZY_ASYNC], ids=["plain", "async"])
def test_input_that_no_generator_takes_is_bounded(start, wrapper, tmp_path):
    gate = tmp_path / "gate"
    loader = start(wrapper)
    session = XsfSession(loader.xsf)
    session.open(params={"gate": str(gate)})
    answers = [session.write(bytes(1 << 20), status=1) for _ in range(70)]
    failed = next((a for a in answers if a.code), None) or session.failure()
    assert failed.code == 10907
    assert "BufferError: the generator has not taken" in failed.error
    loader.wait_metric("aiges_in_flight", 0)
    gate.touch()
    other = XsfSession(loader.xsf)
    other.open(params={"gate": str(gate)})
    for _ in range(100):  # As fast as they are taken, any number may come.
        assert other.write(bytes(1 << 20), status=1).code == 0
    other.write(b"", status=2)
    assert other.all("result").count(str(1 << 20)) == 100
