# SPDX-License-Identifier: Apache-2.0
"""wrapperDestroy is called once for every session, however it ends: the engine keeps a log."""

import pytest
from session_fronts import BEGIN, ONCE, NativeStream, ServerSentEvents, WebSocket, Xsf
from xsf_client import XsfSession


@pytest.fixture(params=["read", "callback"])
def loader(request, start, binaries):
    engine = binaries.engine if request.param == "read" else binaries.engine_without_read
    return start(
        config={
            "instances": {"library": str(engine), "drain_ms": 1000},
            "fc": {"ttl": 4000},
        }
    )


@pytest.fixture
def log(tmp_path):
    return tmp_path / "sessions.log"


def calls(log, what):
    lines = [line.split() for line in log.read_text(encoding="utf-8").splitlines()]
    return [tag for name, tag in lines if name == what]


def end(loader, log):
    session = Xsf(loader, log=str(log), items="3")
    session.write(b"x", ONCE)
    list(session)


def fail(loader, log):
    session = XsfSession(loader.xsf)
    session.open(params={"log": str(log), "write": "fail"})
    session.write(b"x")
    assert session.failure().code == 10907


def stop(loader, log):
    session = XsfSession(loader.xsf)
    session.open(params={"log": str(log), "items": "1000"})
    session.write(b"x", status=ONCE)
    session.stop()


def expire(loader, log):
    session = XsfSession(loader.xsf)
    session.open(params={"log": str(log)})
    loader.wait_metric("aiges_sessions_expired_total", 1)
    assert session.out().code == 10008


def leave(front, **params):
    def path(loader, log):
        session = front(loader, log=str(log), **params)
        session.write(b"x", ONCE if "items" in params else BEGIN)
        next(iter(session))
        session.leave()

    return path


MANY = {"items": "3000", "bytes": "10000"}  # More than the loader takes ahead.
PATHS = [
    end,
    fail,
    stop,
    expire,
    leave(NativeStream),
    leave(NativeStream, **MANY),
    leave(WebSocket),
    leave(WebSocket, **MANY),
    leave(ServerSentEvents, **MANY),
]


def test_every_way_in_which_a_session_ends(loader, log):
    for number, path in enumerate(PATHS, 1):
        path(loader, log)
        loader.wait_metric("aiges_in_flight", 0)
        assert len(calls(log, "create")) == number
        assert sorted(calls(log, "destroy")) == sorted(calls(log, "create"))
    loader.stop()
    assert len(set(calls(log, "destroy"))) == len(calls(log, "destroy")) == len(PATHS)


def test_drain_ends_what_is_open_and_answers_who_waits(loader, log):
    waits, busy, full = (XsfSession(loader.xsf) for _ in range(3))
    for session in (waits, busy):
        session.open(params={"log": str(log)})
    full.open(params={"log": str(log), **MANY})
    full.write(b"x", status=ONCE)
    poll = loader.xsf.send(
        loader.xsf.request(None, op="AIOut", param={"waitTime": "20000"}, handle=waits.handle)
    )
    busy.write(b"x")  # On the same connection: the loader has got the poll before it.
    loader.terminate()
    answer = loader.xsf.answer(poll)
    assert (answer.code, answer.error) == (
        10109,
        "the service stops; drain_ms passed before the end of the session",
    )
    assert loader.wait_exit() == 0
    assert sorted(calls(log, "destroy")) == sorted(calls(log, "create"))
    assert len(calls(log, "destroy")) == 3
