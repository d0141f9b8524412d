# SPDX-License-Identifier: Apache-2.0
"""Every way in which a hook may be written so that it can be called, and what is told of others."""

import pytest
from test_grpc_stream import Stream
from xsf_client import XsfSession

HEAD = """
import asyncio, functools

def anything(function):
    @functools.wraps(function)
    def inner(*args, **kwargs):
        return function(*args, **kwargs)
    return inner
"""


def raw(loader, data=b"in"):
    return loader.web.raw_mode(data, "?timeout_ms=20000&p.mark=!").body


@pytest.mark.parametrize(
    "hook",
    [
        # Class style.
        "def wrapperOnceExec(self, *, params, reqData): return join(params, reqData)",
        "def wrapperOnceExec(self, params, *, reqData): return join(params, reqData)",
        "def wrapperOnceExec(self, *, req, params, **more): return join(params, req)",
        "def wrapperOnceExec(self, **given): return join(given['params'], given['reqData'])",
        "def wrapperOnceExec(self, *given, usrTag): return join(*given[:2]) if usrTag else None",
        "def wrapperOnceExec(self, params, reqData, own=1, sid=None): "
        "return join(params, reqData) if sid else None",
        "@anything\n    def wrapperOnceExec(self, *, params, reqData): "
        "return join(params, reqData)",
        "wrapperOnceExec = functools.partialmethod(lambda self, own, params, reqData: "
        "join(params, reqData), 'own')",
        "wrapperOnceExec = functools.partialmethod(lambda self, own, params, reqData: "
        "join(params, reqData), own=1)",
        "def wrapperOnceExec(self, *, params, reqData): yield join(params, reqData)",
        "async def wrapperOnceExec(self, *, params, reqData): return join(params, reqData)",
        "async def wrapperOnceExec(self, *, params, reqData): yield join(params, reqData)",
        "def wrapperStream(self, *, params, requests): yield join(params, next(requests))",
        "async def wrapperStream(self, *, params, requests): "
        "yield join(params, await requests.__anext__())",
        "def wrapperBatchExec(self, *, params, reqData): return [*map(join, params, reqData)]",
        "def wrapperOnceExecAsync(self, *, params, reqData, usrTag): "
        "from aiges_embed import callback; return callback(join(params, reqData), usrTag)",
    ],
)
def test_once_hook_of_a_class(start, hook):
    """Those that take arguments by name only were taken at the start, and failed at each call."""
    text = f"""
def join(params, reqData):
    return reqData.list[0].data.decode().upper() + params["mark"]

class Wrapper:
    def wrapperInit(self, *, config): return 0
    def wrapperWarmup(self, *, config): return 0
    {hook}
"""
    assert raw(start(HEAD + text)) == b"IN!"


@pytest.mark.parametrize(
    "hook",
    [
        "def wrapperOnceExec(*, params, reqData, respData): return put(params, reqData, respData)",
        "def wrapperOnceExec(usrTag, params, reqData, *, respData, **more): "
        "return put(params, reqData, respData)",
        "def wrapperOnceExec(**all): return put(all['params'], all['reqData'], all['respData'])",
        "@anything\ndef wrapperOnceExec(*, params, reqData, respData): "
        "return put(params, reqData, respData)",
        "wrapperOnceExec = functools.partial(lambda own, usrTag, params, reqData, respData: "
        "put(params, reqData, respData), 'own')",
        "wrapperOnceExec = functools.partial(lambda own, params, reqData, respData: "
        "put(params, reqData, respData), own=1)",
    ],
)
def test_once_hook_of_a_module(start, hook):
    text = f"""
def put(params, reqData, respData):
    data = reqData[0]["data"].decode().upper() + params["mark"]
    respData.append(dict(key="r", data=data, len=3, status=3, type=0))
    return 0

def wrapperInit(*, cfg): return 0
{hook}
"""
    assert raw(start(HEAD + text)) == b"IN!"


SESSION = """
from aiges_embed import SessionCreateResponse

class Wrapper:
    def wrapperCreate(self, *, sid, params):
        return SessionCreateResponse(sid, 0 if params.get("do") != "fail" else 7)

    def wrapperWrite(self, *, reqData, handle):
        self.said = reqData.list[0].data.decode().upper()
        return 0

    def wrapperRead(self, *, handle):
        return self.said

    def wrapperDestroy(self, *, handle):
        print("destroyed")
        return 0

    def wrapperLoadRes(self, *, resId, reqData):
        print("loaded", resId)
        return 0

    def wrapperUnloadRes(self, *, resId):
        print("unloaded", resId)
        return 0

    def wrapperError(self, *, errNum):
        return f"own text of {errNum}"

    def wrapperFini(self, **none):
        print("ended", none)
        return 0
"""


def test_every_other_hook_may_take_its_arguments_by_name_only(start):
    loader = start(SESSION)
    session = XsfSession(loader.xsf)
    session.open()
    session.write(b"in", status=2)
    assert session.all(key="result") == ["IN"]
    loader.wait_log("destroyed")
    failed = XsfSession(loader.xsf)
    failed.open(params={"do": "fail"})
    assert failed.failure().error == "own text of 7;code=7"
    path = "/v1/resources/svcName"
    number = loader.web.request("POST", path + "?key=k", b"x").json["res_id"]
    assert loader.web.request("DELETE", f"{path}?res_id={number}").status == 200
    loader.wait_log(f"loaded {number}")
    loader.wait_log(f"unloaded {number}")
    loader.stop()
    assert "ended {}" in loader.log()


def test_session_of_a_generator_by_name(start):
    text = "class Wrapper:\n    def wrapperOnceExec(self, *, reqData): yield 'a'; yield 'b'\n"
    stream = Stream(start(text).xsf).piece(b"x", 2)
    assert stream.all()[0] == ["a", "b", ""]


LATER = "only wrapperOnceExec and wrapperStream may be"


@pytest.mark.parametrize(
    ("hooks", "text"),
    [
        (
            "def wrapperOnceExec(self, params, reqData, *, model): pass",
            "wrapperOnceExec: it cannot be called: missing a required argument: 'model'; the "
            "loader gives params, reqData, usrTag, psrId, sid",
        ),
        (
            "def wrapperOnceExec(self, a, b, c, d, e, f): pass\n"
            "    def wrapperInit(self): pass\n"
            "    def wrapperFini(self, what): pass",
            "wrapperOnceExec: it cannot be called: missing a required argument: 'f'; the loader "
            "gives params, reqData, usrTag, psrId, sid; wrapperFini: it cannot be called: missing "
            "a required argument: 'what'; the loader gives no arguments",
        ),
        (
            "def wrapperOnceExec(self, params, reqData): return 'x'\n"
            "    async def wrapperInit(self, config): return 0",
            f"wrapperInit: expected a plain function, got a coroutine function; {LATER}",
        ),
        (
            "def wrapperBatchExec(self, params, reqData): yield 'x'",
            f"wrapperBatchExec: expected a plain function, got a generator; {LATER}",
        ),
    ],
)
def test_what_cannot_be_called_is_told_at_the_start(start, hooks, text):
    with pytest.raises(AssertionError) as raised:
        start(f"class Wrapper:\n    {hooks}\n")
    assert f"wrapperInit failed: {text}" in str(raised.value)
