# SPDX-License-Identifier: Apache-2.0
"""Peers that hold what they can get: bodies that are only announced, answers nobody reads, idle
connections, more of them than there are descriptors. Each has a bound; right calls go on."""

import base64
import json
import os
import socket
import time
from contextlib import ExitStack
from pathlib import Path

import pytest
from http_client import parse_answer, read_to_end
from waiting import wait_until

MB = 1 << 20
HALF = b"POST /v1/raw/svcName HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\nbegin"
LARGE = (
    b"POST /v1/raw/svcName?p.do=size&p.bytes=%d HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi"
)


def anonymous_mb(loader):
    status = Path(f"/proc/{loader.process.pid}/status").read_text(encoding="ascii")
    return int(status.split("RssAnon:")[1].split()[0]) / 1024


def peer(loader, sent):
    """A client with a small buffer of its own, that has sent this."""
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.settimeout(20)
    client.connect((loader.web.host, loader.web.port))
    client.sendall(sent)
    return client


def budget(loader, name):
    return loader.metric("aiges_budget_used", limit=name)


def test_bodies_that_are_only_announced_take_little_and_give_way(start, toolbox):
    limits = {"max_message_bytes": 8 * MB, "max_input_bytes": 4 * MB}
    loader = start(toolbox, config={"limits": limits})
    with ExitStack() as peers:
        clients = [peers.enter_context(peer(loader, HALF % (8 * MB))) for _ in range(40)]
        wait_until(lambda: budget(loader, "max_input_bytes") > 2 * MB, "a budget that is short")
        assert loader.web.raw_mode(b"right").body == b"right"
        # They get no more time than the others can spare.
        for client in clients:
            answer = parse_answer(read_to_end(client))
            assert (answer.status, answer.code) == (408, 408)
            assert answer.message == (
                "the request came too slowly: most of [limits] max_input_bytes is in use"
            )
    wait_until(lambda: budget(loader, "max_input_bytes") < MB, "memory that is given back")


def test_a_body_for_which_there_is_no_room_is_refused_at_once(start, toolbox):
    limits = {"max_message_bytes": 8 * MB, "max_input_bytes": 2 * MB}
    loader = start(toolbox, config={"limits": limits})
    answer = loader.web.raw_mode(b"x" * (4 * MB))
    assert (answer.status, answer.code) == (429, 10110)
    assert answer.message == "[limits] max_input_bytes = 2097152 is reached"
    assert loader.metric("aiges_budget_refusals_total", limit="max_input_bytes") == 1
    assert loader.web.raw_mode(b"x" * MB).body == b"x" * MB


def refusal_of(client):
    try:
        begin = client.recv(4096)
    except ConnectionResetError:
        return None
    return None if begin.startswith(b"HTTP/1.1 200") else parse_answer(begin)


def test_answers_that_nobody_reads_are_bounded(start, toolbox):
    size = 16 * MB
    limits = {"max_output_bytes": 3 * size}
    # One at a time: what runs when the limit is reached still answers.
    loader = start(toolbox, config={"limits": limits, "instances": {"threads": 1}})
    before = anonymous_mb(loader)
    with ExitStack() as peers:
        clients = []

        def is_full():
            if len(clients) < 30:
                clients.append(peers.enter_context(peer(loader, LARGE % size)))
            return loader.metric("aiges_budget_refusals_total", limit="max_output_bytes") > 0

        wait_until(is_full, "a refusal", 30)
        assert anonymous_mb(loader) - before < 6 * size / MB
        # Who takes nothing goes, and the next are served while the others still do not read.
        wait_until(lambda: loader.web.raw_mode(b"right").body == b"right", "right calls", 20)
        refusal = next(filter(None, map(refusal_of, clients)))
        assert (refusal.status, refusal.code) == (429, 10110)
        assert refusal.message == (
            f"[limits] max_output_bytes = {3 * size} is reached: clients do not take their answers"
        )
    wait_until(lambda: budget(loader, "max_output_bytes") == 0, "memory that is given back")


def test_a_client_that_takes_a_byte_now_and_then_is_closed(start, toolbox):
    loader = start(toolbox, config={"limits": {"idle_timeout_ms": 3000}})
    with peer(loader, LARGE % (16 * MB)) as client:
        with pytest.raises(ConnectionResetError):
            while client.recv(1):
                time.sleep(0.005)  # Its pace: 200 bytes a second.
    wait_until(lambda: budget(loader, "max_output_bytes") == 0, "memory that is given back")


def test_idle_connections_give_way_to_new_ones(start, toolbox):
    loader = start(toolbox, config={"limits": {"max_connections": 20}})
    with ExitStack() as peers:
        for _ in range(20):
            peers.enter_context(peer(loader, b""))

        def served():
            answer = loader.web.exchange(b"GET /healthz HTTP/1.0\r\n\r\n")
            return answer.startswith(b"HTTP/1.1 200")

        wait_until(served, "room")
        for _ in range(30):
            assert loader.web.raw_mode(b"right").body == b"right"


def cpu_ticks(loader, thread=None):
    total = 0
    for task in Path(f"/proc/{loader.process.pid}/task").iterdir():
        name, _, rest = (task / "stat").read_text(encoding="ascii").rpartition(")")
        if thread is None or name.endswith("(" + thread):
            total += sum(map(int, rest.split()[11:13]))
    return total


def test_out_of_descriptors_the_loader_says_so_and_rests(start, toolbox):
    loader = start(toolbox, within=("prlimit", "--nofile=64:64"))
    loader.wait_log("Too many open files")
    kept = loader.web.connect()
    kept.request("GET", "/healthz")
    kept.getresponse().read()
    with ExitStack() as peers:
        for _ in range(80):
            peers.enter_context(peer(loader, b""))
        before = cpu_ticks(loader)
        wait_until(lambda: len(os.listdir(f"/proc/{loader.process.pid}/fd")) > 40, "connections")
        answer = loader.web.request("GET", "/healthz", connection=kept)
        assert answer.body == b"ok\n"
        assert cpu_ticks(loader) - before < 100
    assert loader.web.raw_mode(b"right").body == b"right"
    kept.close()


def test_large_json_is_the_work_of_codec_threads(start, toolbox):
    """Else one answer of 48 MB would hold up every other client of the hub, or of the lane."""
    loader = start(toolbox)
    data = base64.b64encode(b"x" * (30 * MB)).decode()
    envelope = {"payload": {"input": {"image": data}}}
    hub, lane = cpu_ticks(loader, "hub"), cpu_ticks(loader, "front-lane")
    for _ in range(2):
        answer = loader.web.envelope(envelope)
        assert json.loads(answer.body)["payload"]["input"]["image"] == data
    codec = cpu_ticks(loader, "codec")
    assert codec > cpu_ticks(loader, "hub") - hub
    assert codec > 0
    assert cpu_ticks(loader, "front-lane") >= lane
