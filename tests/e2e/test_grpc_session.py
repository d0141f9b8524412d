# SPDX-License-Identifier: Apache-2.0
"""Sessions over /utils.XsfCall/call: tests/engine answers by wrapperRead and by callback."""

import time

import pytest
from waiting import wait_until
from xsf_client import IMAGE, XsfSession

CRASH, RELEASED, UNKNOWN, REFUSED = 10109, 10101, 10008, 10110


@pytest.fixture(params=["read", "callback"])
def loader(request, start, binaries):
    engine = binaries.engine if request.param == "read" else binaries.engine_without_read
    return start(config={"instances": {"library": str(engine)}, "fc": {"max": 20, "ttl": 3000}})


@pytest.fixture
def session(loader):
    return XsfSession(loader.xsf)


def wait_released(loader):
    loader.wait_metric("aiges_in_flight", 0)


def test_input_comes_back_piece_by_piece(session, loader):
    opened = session.open()
    assert (opened.code, opened.output.status, len(opened.output.pl)) == (0, 0, 0)
    assert len(session.handle) == 26
    assert session.write(b"one", status=0).code == 0
    wait_until(lambda: session.out(wait_ms=50) and session.got, "output before the input has ended")
    assert [p.data for p in session.got] == [b"ONE"]
    session.write(b"two", status=1)
    session.write(b"three", status=2)
    assert session.all() == ["ONE", "TWO", "THREE"]
    wait_released(loader)
    assert loader.metric("aiges_meter_total", key="destroyed") == 1


def test_outputs_are_numbered_and_carry_what_expect_says(session, loader):
    session.open(expect=[loader.xsf.expect("out", encoding="utf8")], params={"items": "2"})
    session.write(b"x", status=3)
    session.all()
    assert [dict(p.meta.attribute) for p in session.got] == [
        {"encoding": "utf8", "seq": str(seq), "status": "2" if seq == 3 else "1"}
        for seq in (1, 2, 3)
    ]


def test_poll_without_output_is_an_empty_begin_after_wait_time(session):
    session.open()
    begin = time.monotonic()
    answer = session.out(wait_ms=200)
    assert time.monotonic() - begin > 0.19
    assert (answer.code, answer.output.status, len(answer.output.pl)) == (0, 0, 0)


def test_packets_are_ordered_by_sync_id(session):
    session.open()
    session.write(b"second", sync_id=2)
    session.write(b"too late", sync_id=0)
    session.write(b"first", sync_id=1)
    session.write(b"third", sync_id=3, status=2)
    assert session.all() == ["FIRST", "SECOND", "THIRD"]


def test_operation_after_the_end_is_10101(session):
    session.open(params={"items": "1"})
    session.write(b"x", status=3)
    assert session.all() == ["X", "1"]
    for answer in (session.out(), session.write(b"x"), session.stop()):
        assert answer.code == RELEASED
        assert answer.error.startswith("service instance inactive, already release")
        assert answer.output.status == 2


def test_aiexcp_releases_at_once(session, loader):
    session.open(params={"items": "1000"})
    session.write(b"x", status=3)
    answer = session.stop()
    assert (answer.code, answer.output.status, answer.res.code) == (0, 0, 0)
    assert session.out().code == RELEASED
    wait_released(loader)
    assert loader.metric("aiges_meter_total", key="destroyed") == 1


def test_idle_session_expires_as_10008(loader, session, start, binaries):
    short = start(
        config={"instances": {"library": str(binaries.engine)}, "fc": {"ttl": 200}},
    )
    idle = XsfSession(short.xsf)
    idle.open()
    short.wait_metric("aiges_sessions_expired_total", 1)
    assert idle.out().code == UNKNOWN
    wait_released(short)
    assert short.metric("aiges_meter_total", key="destroyed") == 1


@pytest.mark.parametrize(
    ("params", "code"), [({"create": "fail"}, 10905), ({"write": "fail"}, 10907)]
)
def test_engine_error_reaches_the_next_call(session, loader, params, code):
    session.open(params=params)
    session.write(b"x", status=1)
    answer = session.failure()
    assert (answer.code, answer.error, answer.output.status) == (code, "seven;code=7", 2)
    assert session.out().code == RELEASED
    wait_released(loader)


def test_death_of_the_worker_is_10109_at_once(session, loader):
    session.open(params={"write": "exit"})
    begin = time.monotonic()
    session.write(b"x", status=1)
    answer = session.failure()
    assert time.monotonic() - begin < 5
    assert (answer.code, answer.error) == (
        CRASH,
        "worker 0 died with the session: exit status 3",
    )
    loader.wait_readyz()
    again = XsfSession(loader.xsf)
    again.open()
    again.write(b"fine", status=3)
    assert again.all() == ["FINE"]


def test_live_handle_and_licences_are_refused_as_10110(loader):
    sessions = [XsfSession(loader.xsf, f"{n:026d}") for n in range(21)]
    for session in sessions[:20]:
        assert session.open().code == 0
    answer = sessions[20].open()
    assert (answer.code, answer.res.code) == (REFUSED, REFUSED)
    sessions[0].stop()
    wait_until(lambda: loader.metric("aiges_in_flight") == 19, "a free licence")
    again = XsfSession(loader.xsf, sessions[1].handle)
    assert again.open().code == REFUSED
    assert "is that of a live session" in again.open().error


def test_output_that_nobody_expects_is_10106_and_ends_the_session(session, loader):
    session.open(expect=[loader.xsf.expect("other", IMAGE)])
    session.write(b"x", status=3)
    answer = session.failure()
    assert answer.code == 10106
    assert session.out().code == RELEASED
    wait_released(loader)


def leave_during_a_poll(loader, session):
    request = loader.xsf.request(
        None, op="AIOut", param={"waitTime": "60000"}, handle=session.handle
    )
    poll = loader.xsf.send(request)
    time.sleep(0.2)
    poll.cancel()


def test_client_that_goes_during_a_poll_loses_nothing(session, loader):
    session.open()
    leave_during_a_poll(loader, session)
    time.sleep(1)  # Until the loader knows: an answer on its way to the client would be lost.
    session.write(b"kept", status=3)
    assert session.all() == ["KEPT"]


# Such a call was never finished, and gRPC's server waited for it far beyond drain_ms.
def test_client_that_went_during_a_poll_does_not_hold_up_the_end(start, binaries):
    loader = start(
        config={"instances": {"library": str(binaries.engine), "drain_ms": 500, "lame_duck_ms": 0}}
    )
    session = XsfSession(loader.xsf)
    session.open()
    leave_during_a_poll(loader, session)
    time.sleep(0.5)
    loader.terminate()
    assert loader.wait_exit() == 0


def test_open_session_ends_with_the_drain(start, binaries):
    loader = start(
        config={"instances": {"library": str(binaries.engine), "drain_ms": 500, "lame_duck_ms": 0}}
    )
    session = XsfSession(loader.xsf)
    session.open()
    loader.terminate()
    assert loader.wait_exit() == 0


def test_engine_without_sessions_answers_the_whole_input_once(start, toolbox):
    loader = start(toolbox)
    session = XsfSession(loader.xsf)
    session.open(params={"do": "echo"})
    session.write(b"one", status=0)
    session.write(b"two", status=2)
    assert session.all("in") == ["one", "two"]
    assert session.out().code == RELEASED
