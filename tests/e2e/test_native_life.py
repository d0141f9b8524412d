# SPDX-License-Identifier: Apache-2.0
"""Engines in Go and Rust: sessions, calls of other models, crashes, hangs, reloads."""

import os
import re
import signal
import time

import pytest
from client_load import Load
from loader_process import Loader
from native_engines import LANGUAGES, library_of
from session_fronts import CONTINUE, END, FRONTS, ONCE, Item, ServerSentEvents
from waiting import wait_until
from xsf_client import XsfSession

TALKING = [front for front in FRONTS if front is not ServerSentEvents]
SEGFAULT, ABORT = "killed by signal 11 (Segmentation fault)", "killed by signal 6 (Aborted)"


@pytest.fixture(scope="module", params=LANGUAGES)
def library(request):
    return library_of(request.param, "all")


@pytest.fixture(scope="module")
def loader(library, binaries, tmp_path_factory):
    config = {"instances": {"library": str(library)}}
    place = tmp_path_factory.mktemp("native")
    with Loader(binaries, place, config=config, env={"GODEBUG": "cgocheck=1"}) as started:
        yield started


@pytest.fixture
def served(library, start):
    """served(instances={..}) -> a loader of its own."""

    def start_loader(instances=None, **config):
        return start(config={"instances": {"library": str(library), **(instances or {})}, **config})

    return start_loader


def opened(loader, **params):
    session = XsfSession(loader.xsf)
    return session, session.open(params=params)


def destroyed(loader):
    return loader.metric("aiges_meter_total", key="destroyed")


@pytest.mark.parametrize("front", FRONTS)
def test_session_answers_while_it_is_written_to(loader, front):
    session = front(loader)
    if front is ServerSentEvents:
        session.write_all({"in": b"abc"})
        assert list(session) == [Item("in", "ABC", END)]
    else:
        outputs = iter(session)
        session.write(b"a", 0)
        assert next(outputs) == Item("in", "A", CONTINUE)
        session.write(b"b", CONTINUE)
        assert next(outputs) == Item("in", "B", CONTINUE)
        session.write(b"c", END)
        assert list(outputs) == [Item("in", "C", END)]
    loader.wait_metric("aiges_in_flight", 0)


@pytest.mark.parametrize("front", TALKING)
def test_items_come_from_another_thread(loader, front):
    session = front(loader, items="200")
    session.write(b"x", ONCE)
    numbers = [Item("in", str(i), CONTINUE) for i in range(1, 200)] + [Item("in", "200", END)]
    assert list(session) == [Item("in", "X", CONTINUE), *numbers]


def test_client_that_leaves_ends_the_session(loader):
    before = destroyed(loader)
    session, _ = opened(loader, items="1000")
    session.write(b"x", 3)
    session.stop()
    wait_until(lambda: destroyed(loader) == before + 1, "the end of the session")
    loader.wait_metric("aiges_in_flight", 0)


@pytest.mark.parametrize(
    ("params", "text"),
    [
        ({"create": "fail"}, "create failed: no room for a session;code=30003"),
        ({"create": "bad"}, "expected a language;code=30006"),
        ({"create": "panic"}, "create panicked: the session is gone"),
        ({"items": "many"}, 'items: expected .*, got "many";code=30006'),
        ({"write": "fail"}, "write failed: no sound in it;code=30003"),
        ({"write": "panic"}, "write panicked: the write is gone"),
        ({"write": "later"}, "expected another sound;code=30006"),
    ],
)
def test_error_of_a_session_reaches_its_client(loader, params, text):
    session, _ = opened(loader, **params)
    if session.failed is None:
        session.write(b"x", 3)
    assert session.failure().code != 0
    assert re.search(f"(?i){text}", session.failure().error), session.failure().error
    session, _ = opened(loader)
    session.write(b"again", 3)
    assert session.all("in") == ["AGAIN"]


def test_many_sessions_at_once(loader):
    sessions = [opened(loader, items="5")[0] for _ in range(32)]
    for session in sessions:
        session.write(b"x", 3)
    assert all(session.all("in") == ["X", "1", "2", "3", "4", "5"] for session in sessions)


@pytest.mark.parametrize(
    ("do", "why"), [("c_nil", SEGFAULT), ("abort", ABORT), ("exit", "exit status 3")]
)
def test_crash_costs_its_call_and_says_its_reason(served, do, why):
    loader = served()
    answer = loader.xsf.do(do, b"x", wait_ms=20000)
    assert (answer.code, answer.error) == (10109, f"worker 0 died with the call: {why}")
    assert loader.xsf.do("upper", b"back", wait_ms=20000).data("data") == b"BACK"


def test_panic_of_a_thread_is_as_the_language_has_it(served, library):
    loader = served()
    answer = loader.xsf.do("thread_panic", b"x", wait_ms=20000)
    if "/go/" in str(library):
        assert answer.error == f"worker 0 died with the call: {ABORT}"
    else:
        assert answer.code == 0
    assert "nobody catches this" in loader.log()


def test_hang_is_found(served):
    loader = served({"hang_kill_ms": 300, "threads": 1})
    answer = loader.xsf.do("hang", b"x", wait_ms=20000)
    assert answer.code == 10109
    assert loader.xsf.do("upper", b"back", wait_ms=20000).data("data") == b"BACK"


def test_killed_worker_is_replaced(served):
    loader = served()
    for _ in range(3):
        worker = the_worker(loader)
        os.kill(worker, signal.SIGKILL)
        the_worker(loader, worker)
        assert loader.xsf.do("upper", b"back", wait_ms=20000).data("data") == b"BACK"


def the_worker(loader, old=0):
    """The one that there is, once that is another than the old one."""

    def only():
        workers = loader.workers()
        return workers[0] if len(workers) == 1 and workers != [old] else None

    return wait_until(only, "a worker")


def test_fatal_error_in_the_log_has_its_stack(served, library):
    loader = served()
    loader.xsf.do("thread_panic", b"x", wait_ms=20000)
    assert ("main.go:" if "/go/" in str(library) else "lib.rs:") in loader.log()


def test_reload_again_and_again_loses_no_call(served):
    """AIGES_LONG=1: a thousand times."""
    loader = served()
    rounds = 1000 if os.environ.get("AIGES_LONG") else 20
    load = Load(loader, threads=4)
    for i in range(rounds):
        loader.process.send_signal(signal.SIGHUP)
        loader.wait_log("reload: done", count=i + 1)
    before = load.served()
    wait_until(lambda: load.served() > before, "a call after the last reload")
    assert list(load.end()) == [0], load.faults
    wait_until(lambda: len(loader.workers()) == 1, "the end of all old workers")


def test_end_while_sessions_are_open(served):
    loader = served({"drain_ms": 300})
    session, _ = opened(loader)
    session.write(b"x", 0)
    begin = time.monotonic()
    loader.stop()
    assert time.monotonic() - begin < 20
