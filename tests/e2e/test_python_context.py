# SPDX-License-Identifier: Apache-2.0
"""aiges.context in a batch and in threads of the user, and calls with resources beside a batch."""

import pytest

WRAPPER = """
import os, threading, time
from aiges import context

def hold(tag, until):
    if until is None:
        return
    print("waits", flush=True)
    while not (context.cancelled(tag) if until == "cancelled" else os.path.exists(until)):
        time.sleep(0.001)
    if until == "cancelled":
        print("saw the end, left:", context.remaining_ms(tag), flush=True)

def ask(tag):
    left = context.remaining_ms(tag)
    return f"{context.cancelled(tag)} {left is not None and left > 0}"

def in_thread(tag):
    told = []
    thread = threading.Thread(target=lambda: told.append(ask(tag)))
    thread.start()
    thread.join()
    return told[0]

class Wrapper:
    def wrapperOnceExec(self, params, reqData, usrTag, psrId):
        if params.get("from") == "thread":
            thread = threading.Thread(target=hold, args=(usrTag, params.get("until")))
            thread.start()
            thread.join()
        else:
            hold("", params.get("until"))
        return f"alone {psrId} {in_thread(usrTag)}"

    def wrapperBatchExec(self, params, reqData, usrTags):
        print("batch of", len(params), flush=True)
        for one, tag in zip(params, usrTags):
            hold(tag, one.get("until"))
        return [f"{len(params)} {ask(tag)} {in_thread(tag)}" for tag in usrTags]
"""
WITHOUT_ONCE = """
class Wrapper:
    def wrapperBatchExec(self, params):
        return [str(one.get("psr_ids")) for one in params]
"""
ALIVE = "False True"


@pytest.fixture
def loader(start):
    return start(WRAPPER, config={"batch": {"max_size": 8}})


@pytest.fixture
def held(loader, tmp_path):
    """A call that runs alone until release(): what comes meanwhile is a batch."""
    gate = tmp_path / "held"
    call = loader.xsf.begin(wait_ms=20000, params={"until": str(gate)})
    loader.wait_log("waits")

    def release(others):
        loader.wait_metric("aiges_in_flight", 1 + others)
        gate.touch()
        assert loader.xsf.answer(call).text() == f"alone 0 {ALIVE}"

    return release


def begin(loader, **params):
    return loader.xsf.begin(wait_ms=20000, params=params)


def test_deadline_in_a_running_batch(loader, held, tmp_path):
    gate = tmp_path / "batch"
    late = loader.xsf.begin(wait_ms=2000, params={"until": "cancelled"})
    others = [begin(loader, until=str(gate)), begin(loader)]
    held(3)
    loader.wait_log("batch of 3")
    assert loader.xsf.answer(late).code == 10102  # While the engine is at it.
    loader.wait_log("saw the end, left: 0")
    gate.touch()
    for other in others:
        assert loader.xsf.answer(other).text() == f"3 {ALIVE} {ALIVE}"
    loader.wait_metric("aiges_in_flight", 0)


def test_client_that_leaves_a_running_batch(loader, held):
    gone, other = begin(loader, until="cancelled"), begin(loader)
    held(2)
    loader.wait_log("waits", count=2)
    gone.cancel()
    loader.wait_log("saw the end")
    assert loader.xsf.answer(other).text() == f"2 {ALIVE} {ALIVE}"


def test_what_nobody_waits_for_is_not_in_the_batch(loader, held):
    others = [begin(loader), begin(loader)]
    gone = begin(loader)
    loader.wait_metric("aiges_in_flight", 4)
    gone.cancel()
    late = loader.xsf.begin(wait_ms=50)
    assert loader.xsf.answer(late).code == 10102
    held(4)
    assert [loader.xsf.answer(call).text() for call in others] == [f"2 {ALIVE} {ALIVE}"] * 2


@pytest.mark.parametrize("how", ["deadline", "cancelled"])
def test_own_thread_sees_the_end_of_its_call(loader, how):
    params = {"until": "cancelled", "from": "thread"}
    if how == "deadline":
        assert loader.xsf.once(wait_ms=500, params=params).code == 10102
    else:
        call = begin(loader, **params)
        loader.wait_log("waits")
        call.cancel()
    loader.wait_log("saw the end")
    assert loader.xsf.once().text() == f"alone 0 {ALIVE}"


def test_calls_with_resources_run_beside_the_batch(loader, held):
    plain = [begin(loader), begin(loader)]
    personal = begin(loader, psr_ids="7")
    held(3)
    assert [loader.xsf.answer(call).text() for call in plain] == [f"2 {ALIVE} {ALIVE}"] * 2
    assert loader.xsf.answer(personal).text() == f"alone 7 {ALIVE}"


def test_wrapper_that_only_batches_finds_them_in_its_params(start):
    loader = start(WITHOUT_ONCE, config={"batch": {"max_size": 8}})
    assert loader.xsf.once(params={"psr_ids": "1,2"}).text() == "1,2"
    assert loader.xsf.once().text() == "None"
