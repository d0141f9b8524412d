# SPDX-License-Identifier: Apache-2.0
"""Which thread runs a wrapper's hooks, what they may do there, and how their sessions answer."""

import threading

import pytest
from waiting import wait_until
from xsf_client import XsfSession

# Calls that wait for one another: only together do they end.
MEET = """
import threading
meeting = threading.Barrier(8)
def wrapperInit(config): return 0
def wrapperFini(): return 0
def wrapperError(code): return "error"
def wrapperOnceExec(usrTag, params, reqData, respData, psrIds, psrCnt):
    meeting.wait(30)
    respData.append({"key": "out", "data": b"met", "len": 3, "status": 3, "type": 0})
    return 0
"""

OWNER = """
import sqlite3
class Wrapper:
    def wrapperInit(self, config):
        self.db = sqlite3.connect(":memory:")
        return 0
    def answer(self): return str(self.db.execute("select 1").fetchone())
    def wrapperOnceExec(self, params, reqData): return self.answer()
    def wrapperCreate(self, params, sid, psrId=0, usrTag=""): return None
    def wrapperWrite(self, handle, reqData, sid=""): return 0
    def wrapperDestroy(self, handle): return 0
"""

# As the earlier loader's template for streams: answers by callback, from a thread of its own, and
# has a wrapperRead that its template says is not called.
TEMPLATE = """
import threading
from aiges_embed import Response, ResponseData, SessionCreateResponse, callback

def item(text, status):
    one = ResponseData()
    one.key, one.status = "out", status
    one.setData(text)
    answer = Response()
    answer.list = [one]
    return answer

class Wrapper:
    def wrapperInit(self, config): return 0
    def wrapperFini(self): return 0
    def wrapperError(self, code): return "error"
    def wrapperCreate(self, params, sid, persId=0, usrTag=""):
        answer = SessionCreateResponse()
        answer.handle, answer.error_code = usrTag, 0
        return answer
    def wrapperWrite(self, handle, reqData):
        node = reqData.list[0]
        answer = item(node.data.upper(), node.status)
        {deliver}
        return 0
    def wrapperRead(self, handle): return {read}
    def wrapperDestroy(self, handle): return 0
"""
AT_ONCE = "callback(answer, handle)"
LATER = "threading.Timer(0.3, callback, (answer, handle)).start()"

FORKS = """
import os
def wrapperInit(config): return 0
def wrapperFini(): return 0
def wrapperError(code): return "error"
def wrapperOnceExec(usrTag, params, reqData, respData, psrIds, psrCnt):
    data = reqData[0]["data"]
    if data == b"fork":
        child = os.fork()
        if child: data = str(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])).encode()
    elif data == b"pool":
        import multiprocessing
        with multiprocessing.get_context("fork").Pool(1) as pool:
            data = pool.apply(str, (7,)).encode()
    elif data == b"files":
        import subprocess
        data = subprocess.run("ls -l /proc/self/fd; true", shell=True, close_fds=False,
                              capture_output=True).stdout
    respData.append({"key": "out", "data": data, "len": len(data), "status": 3, "type": 0})
    return 0
"""


def once(loader, data, **options):
    return loader.xsf.once(loader.xsf.payload("data", data), **options)


def talk(loader, piece):
    session = XsfSession(loader.xsf)
    assert session.open().code == 0
    session.write(piece, status=2)
    return session


def test_calls_that_wait_run_at_once_and_some_that_follow_do_too(start):
    loader = start(MEET)
    for _ in range(2):
        calls = [loader.xsf.begin(wait_ms=30000) for _ in range(8)]
        assert [loader.xsf.answer(call).data("out") for call in calls] == [b"met"] * 8


def test_one_thread_is_a_promise_for_all_hooks(start):
    loader = start(OWNER, config={"instances": {"threads": 1}})
    failed = []

    def client():
        for _ in range(10):
            answer = once(loader, b"x")
            if answer.code != 0:
                failed.append(answer.error)

    threads = [threading.Thread(target=client) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []


@pytest.mark.parametrize("deliver", [AT_ONCE, LATER])
@pytest.mark.parametrize("read", ['item(b"", 1)', "Response()"])
def test_a_wrapper_with_read_may_answer_by_callback(start, deliver, read):
    loader = start(TEMPLATE.format(deliver=deliver, read=read))
    answers = talk(loader, b"hello").all()
    assert [text for text in answers if text] == ["HELLO"]
    assert len(answers) <= 2, "an empty item at most once"


def test_children_of_fork_cannot_answer(start):
    loader = start(FORKS)
    assert once(loader, b"fork").data("out") == b"1"
    wait_until(lambda: "a hook forked and let the child come back" in loader.log(), "the line")
    assert once(loader, b"pool").data("out") == b"7", "a child that ends by itself is free to"
    assert once(loader, b"after").data("out") == b"after"


def test_programs_that_hooks_start_have_neither_channel_nor_memory(start):
    listing = once(start(FORKS), b"files").data("out").decode()
    assert "memfd" not in listing
    assert " 3 -> socket:" not in listing
