# SPDX-License-Identifier: Apache-2.0
"""Sessions of an engine in Java: answers by the emitter, from threads of its own, and by read()."""

import pytest
from session_fronts import NativeStream, WebSocket, Xsf
from waiting import wait_until
from xsf_client import XsfSession

BEGIN, CONTINUE, END = range(3)


def begin(front, loader, **params):
    return front(loader, **{key: str(value) for key, value in params.items()})


FRONTS = [Xsf, NativeStream, WebSocket]
BY = ["emitter", "read"]


@pytest.mark.parametrize("front", FRONTS, ids=lambda front: front.__name__)
@pytest.mark.parametrize("by", BY)
def test_pieces_come_back_and_then_numbers(java, front, by):
    session = begin(front, java, by=by, items=3)
    session.write(b"ab", BEGIN)
    session.write(b"cd", END)
    items = list(session)
    assert [item.text for item in items] == ["AB", "CD", "1", "2", "3"]
    assert items[-1].status == END


@pytest.mark.parametrize("by", BY)
@pytest.mark.parametrize("size", [70_000, 1_000_000])
def test_large_items(java, by, size):
    session = begin(NativeStream, java, by=by, items=4, bytes=size)
    session.write(b"x", END)
    items = [item for item in session if item.key == "out"]
    assert [len(item.text) for item in items[1:]] == [size] * 4
    assert [item.text[0] for item in items[1:]] == ["1", "2", "3", "4"]


def test_many_items_wait_for_a_client_that_takes_them(java):
    session = begin(NativeStream, java, items=5000)
    session.write(b"x", END)
    assert [item.text for item in session] == ["X", *(str(i) for i in range(1, 5001))]


def test_client_that_goes_ends_the_emitting(start, jar):
    loader = start(jar.parent)
    session = begin(NativeStream, loader, items=100_000, bytes=1000)
    session.write(b"x", END)
    next(iter(session))
    session.leave()
    loader.wait_metric("aiges_meter_total", 1, key="refused")
    loader.wait_metric("aiges_meter_total", 1, key="destroyed")


@pytest.mark.parametrize(
    ("params", "code", "error"),
    [
        ({"create": "fail"}, 10905, "no session for you;code=30006"),
        ({"write": "fail"}, 10906, "write raised IllegalStateException: write is broken"),
        ({"by": "read", "read": "fail"}, 10907, "read raised IllegalStateException: read is"),
        ({"items": 3, "fail_at": 2}, 10908, "the session failed with IllegalStateException"),
    ],
)
def test_errors_of_a_session_end_it_with_their_text(java, params, code, error):
    talk = XsfSession(java.xsf)
    answer = talk.open(params={key: str(value) for key, value in params.items()})
    if answer.code == 0:
        answer = talk.write(b"x", status=3)
    while answer.code == 0 and not talk.ended:
        answer = talk.out()
    assert error in answer.error
    assert answer.code // 100 == 109, (answer.code, code)


def test_session_is_destroyed_once_on_every_path(start, jar, tmp_path):
    loader = start(jar.parent)
    log = tmp_path / "destroyed"
    for params in ({}, {"by": "read"}, {"write": "fail"}):
        talk = XsfSession(loader.xsf)
        talk.open(params={**params, "log": str(log)})
        answer = talk.write(b"x", status=3)
        while answer.code == 0 and not talk.ended:
            answer = talk.out()
    left = begin(NativeStream, loader, log=log)
    left.write(b"x", BEGIN)
    next(iter(left))
    left.leave()
    wait_until(lambda: log.read_text().count("destroy\n") == 4, "four ends")
    loader.stop()
    assert log.read_text() == "destroy\n" * 4


def test_without_callbacks_what_is_emitted_waits_for_read(start, jar):
    loader = start(jar.parent, config={"aiges": {"asyncMode": False}})
    session = begin(Xsf, loader, items=20)
    session.write(b"x", END)
    assert [item.text for item in session] == ["X", *(str(i) for i in range(1, 21))]
