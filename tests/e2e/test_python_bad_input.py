# SPDX-License-Identifier: Apache-2.0
"""Whose fault an error is: aiges.errors.BadInput, and wrapperErrorClass of a C plugin."""

import grpc
import pytest
from test_grpc_stream import Stream
from xsf_client import XsfSession

V1 = """
from aiges.errors import BadInput

def wrapperOnceExec(usrTag, params, reqData, respData, psrIds, psrCnt):
    data = reqData[0]["data"]
    if data == b"engine":
        raise ValueError("expected nothing")
    try:
        respData.append(dict(key="r", data=str(int(data)), len=0, status=3, type=0))
    except ValueError as error:
        code = {"code": int(params["code"])} if "code" in params else {}
        raise BadInput(f"expected a whole number, got {data.decode()!r}", **code) from error
    return 0
"""
V2 = """
from aiges.errors import BadInput

class Wrapper:
    def wrapperOnceExec(self, params, reqData):
        raise BadInput("v2 cannot use it")
"""
GENERATOR = """
from aiges.errors import BadInput

class Wrapper:
    def wrapperOnceExec(self, params, reqData):
        yield "one"
        raise BadInput("v2 cannot use it")
"""
ASYNC = """
import asyncio
from aiges.errors import BadInput

class Wrapper:
    async def wrapperOnceExec(self, params, reqData):
        await asyncio.sleep(0)
        raise BadInput("v2 cannot use it")
"""
ASYNC_GENERATOR = ASYNC + "        yield 'never'\n"
LATER = """
from aiges.errors import BadInput

class Wrapper:
    def wrapperOnceExecAsync(self, params, reqData):
        raise BadInput("v2 cannot use it")
"""
BATCH = """
from aiges.errors import BadInput

class Wrapper:
    def wrapperBatchExec(self, params, reqData):
        return [BadInput("v2 cannot use it") for _ in reqData]
"""
BATCH_AS_A_WHOLE = """
from aiges.errors import BadInput

class Wrapper:
    def wrapperBatchExec(self, params, reqData):
        raise BadInput("v2 cannot use it")
"""


def raw(loader, data=b"x", query=""):
    return loader.web.raw_mode(data, "?timeout_ms=20000" + query)


def test_every_front_tells_the_callers_fault(start):
    """All refusals of a wrapper were 500: the client could not tell its mistake from ours."""
    loader = start(V1)
    assert raw(loader, b"7").body == b"7"
    text = "expected a whole number, got 'seven';code=30006"

    answer = raw(loader, b"seven")
    assert (answer.status, answer.code, answer.message) == (400, 10909, text)

    envelope = {"payload": {"data": {"text": "c2V2ZW4="}}}  # "seven"
    answer = loader.web.envelope(envelope)
    assert (answer.status, answer.code, answer.message) == (400, 10909, text)

    answer = loader.xsf.once(loader.xsf.payload("data", b"seven"))
    assert (answer.code, answer.error) == (10909, text)

    answer = raw(loader, b"engine")
    assert (answer.status, answer.code) == (500, 10909)
    assert answer.message.startswith("wrapperOnceExec raised ValueError: expected nothing (")
    loader.wait_log("ValueError: expected nothing")
    log = loader.log()
    assert log.count("Traceback") == 1 and "seven" not in log


@pytest.mark.parametrize("code", [-1, 5, 2**31 - 1, -(2**31)])
def test_code_is_the_engines_own(start, code):
    answer = raw(start(V1), b"x", f"&p.code={code}")
    assert (answer.status, answer.code) == (400, 10909)
    assert answer.message == f"expected a whole number, got 'x';code={code}"


@pytest.mark.parametrize(
    "wrapper",
    [V2, GENERATOR, ASYNC, ASYNC_GENERATOR, LATER, BATCH, BATCH_AS_A_WHOLE],
    ids=["v2", "generator", "async", "async generator", "later", "batch", "whole batch"],
)
def test_every_kind_of_hook_may_raise_it(start, wrapper):
    loader = start(wrapper)
    answer = raw(loader)
    assert (answer.status, answer.code) == (400, 10909)
    assert answer.message == "v2 cannot use it;code=30006"
    assert "Traceback" not in loader.log()


IN_COMPANY = """
import time
from aiges.errors import BadInput

class Wrapper:
    def wrapperBatchExec(self, params, reqData):
        time.sleep(0.05)  # So that the next ones are there together.
        texts = [request.list[0].data.decode() for request in reqData]
        return [self.one(text, len(texts)) for text in texts]

    def one(self, text, together):
        if text.startswith("bad"):
            return BadInput(f"no use for {text}", code=int(text[3:]))
        return ValueError(text) if text == "fault" else f"{text} {together > 1}"
"""


def test_in_a_batch_it_is_that_of_its_call_alone(start):
    loader = start(IN_COMPANY, config={"batch": {"max_size": 8}, "fc": {"max": 20}})
    texts = ["a", "bad1", "b", "bad2", "fault", "bad1", "c", "bad30003"] * 2
    calls = [loader.xsf.begin(loader.xsf.payload("data", text.encode())) for text in texts]
    answers = [loader.xsf.answer(call) for call in calls]
    assert any(answer.code == 0 and answer.text().endswith("True") for answer in answers)
    for text, answer in zip(texts, answers):
        if text.startswith("bad"):
            assert answer.error == f"no use for {text};code={text[3:]}"
        elif text == "fault":
            assert answer.error.startswith("wrapperBatchExec raised ValueError: fault")
        else:
            assert answer.text().startswith(text)
    assert loader.log().count("ValueError: fault") == 2


SESSION = """
from aiges_embed import SessionCreateResponse
from aiges.errors import BadInput

class Wrapper:
    def check(self, hook, said):
        if said == hook:
            raise BadInput(f"{hook} cannot use it", code=41)

    def wrapperCreate(self, params, sid):
        self.check("create", params.get("do"))
        return SessionCreateResponse(sid, 0)

    def wrapperWrite(self, handle, reqData):
        self.said = reqData.list[0].data.decode()
        self.check("write", self.said)
        return 0

    def wrapperRead(self, handle):
        self.check("read", self.said)
        return "whole"

    def wrapperDestroy(self, handle):
        self.check("destroy", self.said)
        return 0
"""
STREAM = """
from aiges.errors import BadInput

class Wrapper:
    def wrapperStream(self, params, requests):
        for request in requests:
            if request.list[0].data == b"write":
                raise BadInput("write cannot use it", code=41)
            yield "piece"
"""
ASYNC_STREAM = STREAM.replace("def wrapper", "async def wrapper").replace("for r", "async for r")


@pytest.mark.parametrize("wrapper", [SESSION, STREAM, ASYNC_STREAM], ids=["own", "plain", "async"])
def test_session_ends_with_it(start, wrapper):
    loader = start(wrapper)
    stream = Stream(loader.xsf).piece(b"write", 2)
    with pytest.raises(grpc.RpcError) as failed:
        list(stream)
    assert failed.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert "write cannot use it;code=41" in failed.value.details()
    session = XsfSession(loader.xsf)
    session.open()
    session.write(b"write", status=2)
    assert session.failure().error == "write cannot use it;code=41"
    assert "Traceback" not in loader.log()


@pytest.mark.parametrize("hook, code", [("create", 10905), ("write", 10907), ("read", 10908)])
def test_every_hook_of_a_session_may_raise_it(start, hook, code):
    loader = start(SESSION)
    session = XsfSession(loader.xsf)
    session.open(params={"do": hook})
    session.write(hook.encode(), status=2)
    answer = session.failure()
    assert (answer.code, answer.error) == (code, f"{hook} cannot use it;code=41")
    loader.wait_metric("aiges_in_flight", 0)


def test_raised_in_destroy_it_harms_nobody(start):
    loader = start(SESSION)
    session = XsfSession(loader.xsf)
    session.open()
    session.write(b"destroy", status=2)
    assert session.all(key="result") == ["whole"]
    loader.wait_metric("aiges_in_flight", 0)
    loader.wait_log("destroy cannot use it")


RESOURCE = """
from aiges.errors import BadInput

def wrapperOnceExec(usrTag, params, reqData, respData, psrIds, psrCnt):
    return 0

def wrapperLoadRes(reqData, patch_id, resId):
    raise BadInput("expected a list of words", code=9)
"""


def test_resource_that_cannot_be_used_is_the_callers_fault(start):
    answer = start(RESOURCE).web.request("POST", "/v1/resources/svcName?key=words", b"x")
    assert answer.status == 400
    assert answer.message == "expected a list of words;code=9"


ODD = """
from aiges.errors import BadInput

class Strange(BadInput):
    code = "none"
    def __init__(self, text): Exception.__init__(self, text)

class Raises(BadInput):
    def __str__(self): raise RuntimeError

ODD = {
    "strange": lambda: Strange("of a class of its own"),
    "raises": lambda: Raises("x"),
    "empty": lambda: BadInput(""),
    "nul": lambda: BadInput("a\\0b"),
    "surrogate": lambda: BadInput("caf\\udce9"),
    "long": lambda: BadInput("\\u20ac" * 10**6),
    "zero": lambda: BadInput("x", code=0),
    "huge": lambda: BadInput("x", code=2**31),
    "text": lambda: BadInput("x", code="5"),
}

class Wrapper:
    def wrapperOnceExec(self, params, reqData):
        raise ODD[reqData.list[0].data.decode()]()
"""


def test_odd_ones_are_told_as_well_as_can_be(start):
    loader = start(ODD)
    reason = "the input cannot be used; the engine does not say why"
    for do, text in {
        "strange": "of a class of its own;code=30006",
        "raises": f"{reason};code=30006",
        "empty": f"{reason};code=30006",
        "nul": "a\\x00b;code=30006",
        "surrogate": "caf\\udce9;code=30006",
    }.items():
        answer = raw(loader, do.encode())
        assert (answer.status, answer.message) == (400, text), do
    message = raw(loader, b"long").message
    assert message.startswith("\u20ac" * 800) and "bytes left out]" in message
    assert len(message.encode()) < 4096 and "\ufffd" not in message
    for do, name in {
        "zero": "ValueError: code: expected an int of 32 bits that is not 0, got 0",
        "huge": "ValueError: code: expected an int of 32 bits that is not 0, got 2147483648",
        "text": "TypeError: code: expected an int, got str",
    }.items():
        answer = raw(loader, do.encode())
        assert answer.status == 500, do
        assert answer.message.startswith(f"wrapperOnceExec raised {name} (wrapper.py, line "), do


AT_START = """
from aiges.errors import BadInput

class Wrapper:
    def wrapperInit(self, config):
        raise BadInput("no model")

    def wrapperOnceExec(self, params, reqData):
        return "x"
"""


def test_at_the_start_nobody_is_the_caller(start):
    with pytest.raises(AssertionError) as raised:
        start(AT_START)
    assert "wrapperInit raised BadInput: no model (wrapper.py, line " in str(raised.value)


def test_c_plugin_says_it_with_wrapper_error_class(start, binaries):
    loader = start(config={"instances": {"library": str(binaries.engine)}})
    answer = raw(loader, b"x", "&p.exec=caller")
    assert (answer.status, answer.code, answer.message) == (400, 10909, "unusable;code=8")
    answer = raw(loader, b"x", "&p.exec=fail")
    assert (answer.status, answer.code, answer.message) == (500, 10909, "seven;code=7")
    body = {"parameter": {"svcName": {"exec": "caller"}}, "payload": {"in": {"text": "eA=="}}}
    answer = loader.web.envelope(body)
    assert (answer.status, answer.message) == (400, "unusable;code=8")
    answer = loader.xsf.once(params={"exec": "caller"})
    assert (answer.code, answer.error) == (10909, "unusable;code=8")
    stream = Stream(loader.xsf).send(params={"write": "caller"}).piece(b"x", 2)
    with pytest.raises(grpc.RpcError) as failed:
        list(stream)
    assert failed.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert "unusable;code=8" in failed.value.details()
