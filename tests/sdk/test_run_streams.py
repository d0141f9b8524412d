# SPDX-License-Identifier: Apache-2.0
"""WrapperBase.run() of wrappers that yield, and of sessions that are read."""

import pytest
from aiges.dto import Response, ResponseData, SessionCreateResponse
from aiges.sdk import StringBodyField, WrapperBase


class Request:
    text = StringBodyField(key="text", value="hello")


class Answer:
    result = StringBodyField(key="result")


class Base(WrapperBase):
    requestCls = Request()
    responseCls = Answer()


def item(data=b"x", **changes):
    made = ResponseData("result", data=data)
    for name, value in changes.items():
        setattr(made, name, value)
    return made


def response(*items):
    made = Response()
    made.list = list(items)
    return made


GOOD = [
    "text",
    b"bytes",
    item(),
    [item(), "more"],
    response(item()),
    {"key": "result", "data": b"d", "len": 1, "status": 0, "type": 0},
]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("kind", ["plain", "async"])
def test_whatever_the_loader_takes_may_be_yielded(kind, stream):
    class Plain(Base):
        def wrapperOnceExec(self, params, reqData):
            yield from GOOD

    class Async(Base):
        async def wrapperOnceExec(self, params, reqData):
            for each in GOOD:
                yield each

    assert (Plain if kind == "plain" else Async)().run(stream=stream)


def test_a_coroutine_is_run():
    class Coroutine(Base):
        async def wrapperOnceExec(self, params, reqData):
            return reqData.get("text").data.upper()

    assert Coroutine().run()


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (5, "or a list of these, got int"),
        (item(key="other"), "declares (result), got 'other'"),
        ([item(), 5], "got int"),
    ],
)
def test_a_wrong_yield_is_named(caplog, value, text):
    class Wrong(Base):
        def wrapperOnceExec(self, params, reqData):
            yield "good"
            yield value

    assert not Wrong().run()
    assert "wrapperOnceExec: " in caplog.text
    assert text in caplog.text


def test_a_generator_that_raises_is_logged_with_its_traceback(caplog):
    class Raises(Base):
        def wrapperOnceExec(self, params, reqData):
            yield "good"
            raise KeyError("weights")

    assert not Raises().run()
    assert "Traceback" in caplog.text
    assert "wrapperOnceExec raised KeyError: 'weights'" in caplog.text


@pytest.mark.parametrize("kind", ["plain", "async"])
def test_wrapper_stream_gets_its_requests(kind):
    seen = []

    class Plain(Base):
        def wrapperStream(self, params, requests):
            for request in requests:
                seen.append(request.get("text").data)
                yield "one"

    class Async(Base):
        async def wrapperStream(self, params, requests):
            async for request in requests:
                seen.append(request.get("text").data)
                yield "one"

    assert (Plain if kind == "plain" else Async)().run(stream=True)
    assert seen == [b"hello"]


def test_wrapper_stream_that_is_no_generator_is_named(caplog):
    class Wrong(Base):
        def wrapperStream(self, params, requests):
            return Response()

    assert not Wrong().run(stream=True)
    assert "wrapperStream: expected a generator, got Response" in caplog.text


class Read(Base):
    answers = [response(), response(item(status=0)), response(item(status=2))]

    def wrapperCreate(self, params, sid):
        self.left = list(self.answers)
        return SessionCreateResponse("h", 0)

    def wrapperWrite(self, handle, reqData):
        return 0

    def wrapperRead(self, handle):
        return self.left.pop(0) if self.left else None


def test_a_session_is_read_until_its_end():
    assert Read().run(stream=True)


def test_an_error_code_is_a_valid_end_of_a_session():
    class Fails(Read):
        answers = [Response().response_err(9)]

    assert Fails().run(stream=True)


def test_a_session_without_an_end_is_named(caplog, monkeypatch):
    monkeypatch.setattr("aiges._verify.EMPTY_READ_PAUSE_S", 0)

    class Endless(Read):
        answers = []

    assert not Endless().run(stream=True)
    assert "expected an item with status 2 (end), got none in 100 reads" in caplog.text
