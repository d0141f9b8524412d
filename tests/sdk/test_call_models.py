# SPDX-License-Identifier: Apache-2.0
"""aiges.call, acall and stream over a host that answers as the test says."""

import asyncio
import os

import aiges
import pytest
from aiges import _models, context
from aiges.dto import DataListCls, DataListNode, ResponseData


class Inbox:
    def __init__(self):
        self.reader, self.writer = os.pipe()
        self.calls = []

    def fd(self):
        return self.reader

    def take(self):
        os.read(self.reader, 100)
        taken, self.calls = self.calls, []
        return taken

    def add(self, number):
        self.calls.append(number)
        os.write(self.writer, b"1")


class Call:
    """One call; `answers` of the class are what all of them get, None: nothing yet."""

    answers: list = []
    made: list = []

    def __init__(self, tag, model, version, params, payloads, timeout_ms, session, inbox):
        self.order = (tag, model, version, params, payloads, timeout_ms, session)
        self.id, self.inbox, self.ended = len(Call.made) + 1, inbox, 0
        self.left = list(Call.answers)
        Call.made.append(self)

    def next(self, wait_ms):
        assert not self.ended
        got = self.left.pop(0)
        if got is None and wait_ms != 0:
            return self.next(wait_ms)
        if got is None:
            asyncio.get_running_loop().call_soon(self.inbox.add, self.id)
        return got

    def end(self):
        self.ended += 1


class Host:
    _ModelCall, _ModelInbox = Call, Inbox

    @staticmethod
    def current_tag():
        return "tag"


@pytest.fixture
def host(monkeypatch):
    monkeypatch.setattr(context, "aiges_embed", Host)
    monkeypatch.setattr(Call, "made", [])
    _models._inboxes.clear()
    return Call


def good(*texts, last=True):
    return (0, 0, "", [ResponseData("text", data=text) for text in texts], last)


BAD = (10106, 2, "there is no such model", [], True)


def test_call_gives_its_order_and_returns_the_answer(host):
    host.answers = [good("hello")]
    answer = aiges.call("b", b"x", {"k": 1}, version="2", timeout=0.5)
    assert answer["text"].data == answer[0].data == b"hello"
    assert host.made[0].order == ("tag", "b", "2", {"k": 1}, b"x", 500, False)
    assert host.made[0].ended == 1


def test_payloads_by_name_and_of_the_request(host):
    host.answers = [good("x")]
    array = object()
    aiges.call("b", {"text": "hi", "image": array})
    text, image = host.made[0].order[4]
    assert (text.key, text.data, image) == ("text", b"hi", ("image", array))
    request = DataListCls()
    request.list = [DataListNode("a", data=b"1")]
    aiges.call("b", request)
    assert host.made[1].order[4] == request.list
    item = {"key": "a", "data": b"1", "len": 1, "type": 0, "status": 3}
    aiges.call("b", item)
    assert host.made[2].order[4] is item


def test_answer_says_what_is_there(host):
    host.answers = [good("x")]
    answer = aiges.call("b", b"x")
    assert answer.get("nothing") is None
    with pytest.raises(KeyError, match="expected an item 'nothing', got 'text'"):
        answer["nothing"]


def test_failure_is_raised_and_ends_the_call(host):
    host.answers = [BAD]
    with pytest.raises(aiges.CallFailed, match="^model b: there is no such model$") as raised:
        aiges.call("b", b"x")
    assert (raised.value.kind, raised.value.code, raised.value.model) == ("not_found", 10106, "b")
    assert host.made[0].ended == 1


def test_timeout_must_be_a_time(host):
    for wrong in (0, -1, float("nan"), 1e9):
        with pytest.raises(ValueError, match="timeout: expected seconds above 0"):
            aiges.call("b", b"x", timeout=wrong)


def test_outside_of_a_worker_there_is_no_loader(monkeypatch):
    monkeypatch.setattr(context, "aiges_embed", None)
    with pytest.raises(aiges.CallFailed, match="inside a worker"):
        aiges.call("b", b"x")
    with pytest.raises(aiges.CallFailed, match="inside a worker"):
        asyncio.run(aiges.acall("b", b"x"))


def test_acall_waits_for_the_inbox(host):
    host.answers = [None, good("later")]

    async def both():
        return await asyncio.gather(aiges.acall("b", b"1"), aiges.acall("b", b"2"))

    assert [answer[0].data for answer in asyncio.run(both())] == [b"later", b"later"]
    assert [call.ended for call in host.made] == [1, 1]


def test_cancelled_task_ends_its_call(host):
    host.answers = [None, None]

    async def give_up():
        task = asyncio.ensure_future(aiges.acall("b", b"x"))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(give_up())
    assert host.made[0].ended == 1


def test_stream_gives_answer_after_answer(host):
    host.answers = [good("a", last=False), good("b", last=False), good()]
    assert [answer[0].data for answer in aiges.stream("b", b"x")] == [b"a", b"b"]
    assert host.made[0].order[-1] is True
    assert host.made[0].ended >= 1


def test_stream_whose_last_answer_has_data(host):
    host.answers = [good("a", last=False), good("b")]

    async def all_of_it():
        return [answer[0].data async for answer in aiges.stream("b", b"x")]

    assert asyncio.run(all_of_it()) == [b"a", b"b"]


def test_stream_that_fails_is_closed(host):
    host.answers = [good("a", last=False), BAD]
    stream = aiges.stream("b", b"x")
    assert next(stream)[0].data == b"a"
    with pytest.raises(aiges.CallFailed):
        next(stream)
    assert list(stream) == []


def test_stream_that_is_closed_gives_no_more(host):
    host.answers = [good("a", last=False), good("b")]
    with aiges.stream("b", b"x") as stream:
        assert next(stream)[0].data == b"a"
    assert host.made[0].ended == 1
    assert list(stream) == []


def test_module_stream_is_what_it_was():
    from aiges.stream import StreamHandleThread

    assert aiges.stream.StreamHandleThread is StreamHandleThread
