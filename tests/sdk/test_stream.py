# SPDX-License-Identifier: Apache-2.0
"""aiges.stream: the pool of threads that streaming wrappers take their handles from."""

import queue

import pytest
from aiges.stream import SessionManager, StreamHandleThread


class Upper(StreamHandleThread):
    def infer(self, request):
        if request == "bad":
            raise ValueError("bad request")
        self.session_thread.callback_fn(request.upper(), self.session_thread.sid)


@pytest.fixture
def manager():
    made = SessionManager()
    made.init_wrapper_config({"model": "m"})
    made.init_handle_pool("thread", 2, Upper)
    return made


def take(manager, sid, callback):
    handle = manager.get_idle_handle()
    session = manager.get_session(handle)
    session.setup_sid(sid)
    session.setup_params({"a": "b"})
    session.setup_callback_fn(callback)
    return handle, session


def test_request_is_answered_by_the_callback_with_the_sid(manager):
    answers = queue.Queue()
    handle, session = take(manager, "s1", lambda response, sid: answers.put((response, sid)))
    assert handle == "Process-0-Thread-0"
    assert session.config == {"model": "m"}
    session.in_q.put("one")
    assert answers.get(timeout=10) == ("ONE", "s1")


def test_infer_that_raises_does_not_end_the_thread(manager):
    answers = queue.Queue()
    _, session = take(manager, "s1", lambda response, sid: answers.put(response))
    session.in_q.put("bad")
    session.in_q.put("good")
    assert answers.get(timeout=10) == "GOOD"


def test_handles_are_given_out_once_and_come_back(manager):
    first, second = manager.get_idle_handle(), manager.get_idle_handle()
    assert {first, second} == {"Process-0-Thread-0", "Process-0-Thread-1"}
    assert manager.get_idle_handle() is None
    manager.set_idle_session(second)
    assert manager.get_idle_handle() == second


def test_reset_forgets_the_session(manager):
    handle, session = take(manager, "s1", print)
    session.out_q.put("left over")
    manager.reset_session(handle)
    assert (session.sid, session.params, session.idle) == ("", {}, True)
    assert session.out_q.empty()


def test_unknown_handle_is_none(manager):
    assert manager.get_session("nobody") is None


@pytest.mark.parametrize(("mode", "cls"), [("process", Upper), ("thread", None)])
def test_pool_that_cannot_be_made_says_why(mode, cls):
    with pytest.raises(ValueError, match="init_handle_pool: expected"):
        SessionManager().init_handle_pool(mode, 1, cls)


def test_handle_that_was_not_looked_at_says_that_all_are_busy(manager):
    manager.get_idle_handle(), manager.get_idle_handle()
    with pytest.raises(RuntimeError, match="all 2 are busy"):
        manager.get_session(manager.get_idle_handle())
