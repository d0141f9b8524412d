# SPDX-License-Identifier: Apache-2.0
"""A chatty, quiet or slow worker costs nobody else, and is not taken for a hung one."""

# The worker whose call says "print" prints without end from then on, as fast as it can.
CHATTY = """
import os, sys, threading
def chat():
    line = b"y\\n" * 30000
    while True: os.write(1, line)
def wrapperOnceExec(usrTag, params, reqData, respData, psrIds, psrCnt):
    if reqData[0]["data"] == b"print": threading.Thread(target=chat, daemon=True).start()
    text = str(os.getpid())
    respData.append({"key": "pid", "data": text, "len": len(text), "status": 3, "type": 0})
    return 0
"""


def say(loader, data):
    return loader.xsf.once(loader.xsf.payload("data", data), wait_ms="20000")


def test_worker_that_prints_without_end_leaves_the_others_their_turn(start):
    loader = start(CHATTY, config={"instances": {"count": 2}, "log": {"level": "error"}})
    loader.wait_metric("aiges_instances", 2, state="ready")
    say(loader, b"print")
    answers = [say(loader, b"x") for _ in range(200)]
    assert {answer.code for answer in answers} == {0}
    assert len({answer.data("pid") for answer in answers}) == 2
    loader.kill()
