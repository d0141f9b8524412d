# SPDX-License-Identifier: Apache-2.0
"""Many calls on one HTTP/2 connection: windows, pings, settings, floods, and its end."""

import socket
import time

import pytest
from h2_client import (
    ENHANCE_YOUR_CALM,
    NO_ERROR,
    REFUSED_STREAM,
    H2Client,
    Settings,
    message,
    messages,
    xsf_message,
)
from hyperframe import frame as frames
from waiting import wait_until

WATCH = "/grpc.health.v1.Health/Watch"
MIB = 1 << 20


def served(stream):
    return (stream.status, stream.grpc_status) == (200, 0)


def unknown_frame(kind, body):
    frame = frames.ExtensionFrame(type=kind, stream_id=0, flag_byte=0xFF, body=body)
    frame.body_len = len(body)
    return frame


# --- Flow control.


def test_stream_that_is_not_read_does_not_hold_the_others(shared, client):
    held = client.begin()
    held.held = True
    client.send(held, xsf_message(shared, do="size", bytes=3 * MIB), end=True)
    client.wait_for(lambda: len(held.body) == MIB, "a full window")
    for _ in range(5):
        assert served(client.ask(xsf_message(shared)))
    assert len(held.body) == MIB, "more than its window has come"
    client.release(held)
    assert served(client.wait(held))
    ((_, data),) = messages(held.body)
    assert len(data) > 3 * MIB


def test_connection_that_is_not_read_does_not_hold_the_others(shared):
    """64 KiB for all streams, which one takes; another connection has its own."""
    with H2Client(shared.grpc, window=8 * MIB) as hoarder, H2Client(shared.grpc) as other:
        for _ in range(4):
            stream = hoarder.begin()
            hoarder.send(stream, xsf_message(shared, do="size", bytes=4 * MIB), end=True)
        for _ in range(5):
            assert served(other.ask(xsf_message(shared)))
        for stream in list(hoarder.streams.values()):
            assert served(hoarder.wait(stream))


def test_windows_may_be_tiny(shared):
    with H2Client(shared.grpc, window=1) as client:
        assert served(client.ask(xsf_message(shared, b"a few bytes, one frame each")))


def test_window_may_shrink_below_zero(shared, client):
    """(RFC 9113, section 6.9.2) by a setting, while data is under way."""
    held = client.begin()
    held.held = True
    client.send(held, xsf_message(shared, do="size", bytes=3 * MIB), end=True)
    client.wait_for(lambda: len(held.body) == MIB, "a full window")
    client.frame(Settings(0, settings={Settings.INITIAL_WINDOW_SIZE: 1000}))
    client.ping()
    client.wait_for(lambda: client.pongs, "an answer to a ping")
    client.frame(frames.WindowUpdateFrame(held.number, window_increment=MIB))
    client.release(held)
    assert served(client.wait(held))


@pytest.mark.parametrize("size", [1000, 16_384, 70_000, 3 * MIB])
def test_request_of_any_size_goes_through_the_servers_windows(shared, client, size):
    stream = client.ask(xsf_message(shared, b"x" * size))
    assert served(stream)
    assert b"x" * size in stream.body


def test_many_requests_share_the_servers_window(shared, client):
    """Bodies that are begun and not ended must not take the whole connection from the others."""
    parts = [
        client.send(client.begin(), xsf_message(shared, b"x" * 20_000)[:-1]) for _ in range(100)
    ]
    assert served(client.ask(xsf_message(shared)))
    for stream in parts:
        client.send(stream, b"x", end=True)
    for stream in parts:
        assert served(client.wait(stream))


def test_calls_of_one_connection_do_not_wait_for_each_other(shared, client, tmp_path):
    gate = tmp_path / "gate"
    slow = client.begin()
    client.send(slow, xsf_message(shared, do="gate", gate=gate), end=True)
    quick = [client.send(client.begin(), xsf_message(shared), end=True) for _ in range(200)]
    for stream in quick:
        assert served(client.wait(stream))
    assert not slow.done
    gate.touch()
    assert served(client.wait(slow))


def test_streams_beyond_the_limit_cost_their_connection_at_most(shared):
    with H2Client(shared.grpc) as client, H2Client(shared.grpc) as other:
        client.wait_for(lambda: Settings.MAX_CONCURRENT_STREAMS in client.settings, "the settings")
        limit = client.settings[Settings.MAX_CONCURRENT_STREAMS]
        assert 100 <= limit <= 100_000
        for _ in range(limit):
            beyond = client.begin()
        beyond = client.begin()
        client.wait_for(lambda: beyond.done or client.closed, "an end")
        assert beyond.reset == REFUSED_STREAM or client.closed
        assert served(other.ask(xsf_message(shared)))


# --- Pings, settings and what nobody should send.


def test_pings_are_answered_with_their_bytes(client):
    for number in range(5):
        client.ping(b"%08d" % number)
    client.wait_for(lambda: len(client.pongs) == 5, "five answers")
    assert client.pongs == [b"%08d" % number for number in range(5)]


def test_keepalive_pings_without_calls_are_welcome(client):
    """Clients that want to notice a host that is gone: one in ten milliseconds is no abuse."""
    for number in range(100):
        client.ping(b"%08d" % number)
        time.sleep(0.01)
    client.wait_for(lambda: len(client.pongs) == 100, "all answers")
    assert client.goaways == []


@pytest.mark.parametrize(
    "frame",
    [
        Settings(0, settings={Settings.HEADER_TABLE_SIZE: 0}),
        Settings(0, settings={0xF0F0: 7}),
        unknown_frame(0xF0, b"what it brings"),
        frames.PriorityFrame(21, depends_on=3, stream_weight=7),
    ],
    ids=["table", "setting", "type", "priority"],
)
def test_frame_that_means_nothing_here_is_passed_over(shared, client, frame):
    client.frame(frame)
    assert served(client.ask(xsf_message(shared)))


@pytest.mark.parametrize(
    "flood",
    [
        frames.PingFrame(0, b"12345678"),
        Settings(0, settings={}),
        frames.WindowUpdateFrame(0, window_increment=1),
        frames.PriorityFrame(1, depends_on=0, stream_weight=1),
        frames.DataFrame(1, b""),
        frames.RstStreamFrame(1, error_code=8),
    ],
    ids=lambda frame: type(frame).__name__,
)
def test_flood_of_frames_is_served_or_ends_its_connection(shared, flood):
    """100,000 frames that nobody reads the answers to; others do not notice."""
    with H2Client(shared.grpc) as client, H2Client(shared.grpc) as other:
        stream = client.begin()
        assert stream.number == 1
        data = flood.serialize() * 1000
        client.socket.settimeout(5)
        try:
            for _ in range(100):
                client.socket.sendall(data)
        except OSError:
            pass  # Closed, or no longer read.
        begin = time.monotonic()
        assert served(other.ask(xsf_message(shared)))
        assert time.monotonic() - begin < 5


def test_rapid_reset_does_not_stop_the_others(shared):
    """Streams that are opened and reset at once (CVE-2023-44487)."""
    with H2Client(shared.grpc) as client, H2Client(shared.grpc) as other:
        try:
            for _ in range(5000):
                client.reset(client.begin(end=True))
        except OSError:
            pass
        begin = time.monotonic()
        assert served(other.ask(xsf_message(shared)))
        assert time.monotonic() - begin < 5


@pytest.mark.parametrize("close", [True, False])
def test_flood_of_continuations_ends_its_connection(shared, close):
    """A head without end (CVE-2024-27316)."""
    with H2Client(shared.grpc) as client, H2Client(shared.grpc) as other:
        data = client.encoder.encode([(":method", "POST"), (":path", "/x"), ("x", "y" * 1000)])
        client.frame(frames.HeadersFrame(1, data, flags=[]))
        piece = frames.ContinuationFrame(1, data[-500:] if close else b"").serialize()
        try:
            for _ in range(100):
                client.socket.sendall(piece * 100)
            ended = False
        except OSError:
            ended = True
        assert served(other.ask(xsf_message(shared)))
        if not ended:
            client.socket.close()


@pytest.mark.parametrize(
    "wrong",
    [
        frames.ExtensionFrame(type=0, stream_id=0, body=b"x"),  # DATA of no stream.
        frames.HeadersFrame(2, b"\x82", flags=["END_HEADERS"]),
        frames.ContinuationFrame(1, b"\x82"),
        frames.PushPromiseFrame(1, promised_stream_id=2, data=b"\x82", flags=["END_HEADERS"]),
        frames.WindowUpdateFrame(0, window_increment=2**31 - 1),
        frames.HeadersFrame(1, b"\xff\xff\xff\xff\xff\xff\xff", flags=["END_HEADERS"]),  # No HPACK.
    ],
    ids=["data", "even", "continuation", "promise", "window", "hpack"],
)
def test_breach_of_the_protocol_ends_its_connection(shared, wrong):
    with H2Client(shared.grpc) as client, H2Client(shared.grpc) as other:
        client.frame(wrong)
        client.wait_for(lambda: client.closed, "the end of the connection", timeout_s=3)
        assert served(other.ask(xsf_message(shared)))


# --- The end.


def test_drain_says_goaway_and_finishes_what_has_begun(start, toolbox, tmp_path):
    loader = start(toolbox)
    gate = tmp_path / "gate"
    with H2Client(loader.grpc) as client:
        held = client.begin()
        client.send(held, xsf_message(loader, do="gate", gate=gate), end=True)
        loader.wait_metric("aiges_in_flight", 1)
        loader.terminate()
        client.wait_for(lambda: client.goaways, "GOAWAY")
        assert {goaway.error_code for goaway in client.goaways} == {NO_ERROR}
        gate.touch()
        assert served(client.wait(held))
        assert messages(held.body)
        client.wait_for(lambda: client.closed, "the end of the connection")
        # The last one names the last stream that was looked at.
        assert client.goaways[-1].last_stream_id >= held.number
    assert loader.wait_exit() == 0


def test_call_after_goaway_is_not_executed(start, toolbox, tmp_path):
    loader = start(toolbox)
    gate, notes = tmp_path / "gate", tmp_path / "notes"
    with H2Client(loader.grpc) as client:
        held = client.begin()
        client.send(held, xsf_message(loader, do="gate", gate=gate), end=True)
        loader.wait_metric("aiges_in_flight", 1)
        loader.terminate()
        client.wait_for(
            lambda: any(goaway.last_stream_id < 2**31 - 1 for goaway in client.goaways),
            "the GOAWAY that names a stream",
        )
        late = client.begin()
        client.send(late, xsf_message(loader, notes=notes), end=True)
        client.ping()
        gate.touch()
        assert served(client.wait(held))
        client.wait_for(lambda: client.closed, "the end of the connection")
        assert not served(late)
        assert late.number > client.goaways[-1].last_stream_id
    assert loader.wait_exit() == 0
    assert not notes.exists()


def test_idle_connection_is_closed_at_once_by_the_drain(start, toolbox):
    loader = start(toolbox)
    with H2Client(loader.grpc) as client:
        assert served(client.ask(xsf_message(loader)))
        begin = time.monotonic()
        loader.terminate()
        client.wait_for(lambda: client.closed, "the end of the connection")
        assert client.goaways
        assert time.monotonic() - begin < 5
    assert loader.wait_exit(10) == 0


def test_client_that_keeps_its_end_open_does_not_hold_the_exit(start, toolbox):
    """It reads nothing, acknowledges nothing and does not close."""
    loader = start(toolbox, config={"instances": {"drain_ms": 1000}})
    with H2Client(loader.grpc) as client:
        client.send(client.begin(WATCH), message(b""), end=True)
        client.begin()  # Half a call.
        assert served(client.ask(xsf_message(loader)))
        loader.terminate()
        assert loader.wait_exit(10) == 0


def test_client_that_is_told_to_be_calm_may_come_again(shared):
    """Whatever ended a connection, the next one is served."""
    for _ in range(3):
        with H2Client(shared.grpc) as client:
            client.frame(frames.GoAwayFrame(0, error_code=ENHANCE_YOUR_CALM))
            client.socket.shutdown(1)
            client.wait_for(lambda: client.closed, "the end of the connection")
    with H2Client(shared.grpc) as client:
        assert served(client.ask(xsf_message(shared)))


def test_old_connection_is_asked_to_come_again(start, toolbox):
    loader = start(toolbox, config={"limits": {"max_connection_age_s": 1}})
    with H2Client(loader.grpc) as client:
        client.wait_for(lambda: client.goaways, "GOAWAY")
        assert {goaway.error_code for goaway in client.goaways} == {NO_ERROR}
    with socket.create_connection(loader.http.split(":"), timeout=20) as client:
        said = []

        def last_answer():
            client.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
            said.append(client.recv(4096).lower())
            return b"connection: close" in said[-1]

        wait_until(last_answer, "an answer that is the last")
        assert b"connection: close" not in said[0]
        assert client.recv(4096) == b""
    assert loader.xsf.do("echo").code == 0
