# SPDX-License-Identifier: Apache-2.0
"""What must never bring the loader down, and what it must never keep."""

import json
import os
import random
import socket
from pathlib import Path

import pytest
from loader_process import children_of
from waiting import wait_until

LAST_CHANNEL_FD = 5  # loader/channel/frame.h: what a worker is born with.


def serves(loader):
    assert loader.xsf.do("echo", b"grpc", wait_ms=20000).data("data") == b"grpc"
    assert loader.web.raw_mode(b"http").body == b"http"


def test_10_mb_on_stdout_do_not_stop_the_call_or_the_loader(start, toolbox):
    loader = start(toolbox)
    answer = loader.xsf.do("flood", b"x", bytes=10_000_000, wait_ms=30000)
    assert answer.data("data") == b"x"
    assert "[worker0] flood flood" in loader.log()
    serves(loader)
    loader.stop()


def test_one_endless_line_on_stdout_does_no_harm(start, toolbox):
    loader = start(
        "import os\n"
        "def wrapperOnceExec(usrTag, params, reqData, respData, psrIds, psrCnt):\n"
        "    for _ in range(100): os.write(1, b'a' * 50000)\n"
        "    respData.append(dict(key='r', data='ok', len=2, status=3, type=0))\n"
        "    return 0\n"
    )
    assert loader.xsf.once(wait_ms=20000).data("r") == b"ok"
    assert loader.metric("aiges_instance_restarts_total") == 0


def sockets_beyond_the_channel(worker):
    found = []
    for fd in os.listdir(f"/proc/{worker}/fd"):
        target = os.readlink(f"/proc/{worker}/fd/{fd}")
        if int(fd) > LAST_CHANNEL_FD and target.startswith("socket:"):
            found.append((int(fd), target))
    return found


def test_worker_has_no_socket_of_the_loader(start, toolbox):
    """Neither the listening ones nor the clients': user code could read and write them."""
    loader = start(toolbox)
    assert sockets_beyond_the_channel(loader.workers()[0]) == []
    client = loader.web.connect()
    assert loader.web.request("GET", "/healthz", connection=client).status == 200
    assert loader.xsf.do("exit", wait_ms=20000).code == 10109
    assert loader.xsf.do("echo", wait_ms=20000).code == 0
    assert sockets_beyond_the_channel(loader.workers()[0]) == []
    client.close()


def test_garbage_on_every_descriptor_of_its_own_hurts_only_itself(start, toolbox):
    loader = start(toolbox)
    written = json.loads(loader.xsf.do("garbage", first=LAST_CHANNEL_FD + 1).text())
    assert all(fd > LAST_CHANNEL_FD for fd in written)
    serves(loader)
    assert loader.metric("aiges_instance_restarts_total") == 0


def test_garbage_on_the_channel_costs_the_worker_only(start, toolbox):
    loader = start(toolbox)
    answer = loader.xsf.do("garbage", first=3, wait_ms=20000)
    assert answer.code == 10109
    serves(loader)
    assert loader.metric("aiges_instance_restarts_total") == 1


def test_worker_that_closes_its_descriptors_costs_the_worker_only(start):
    loader = start(
        "import os\n"
        "def wrapperOnceExec(usrTag, params, reqData, respData, psrIds, psrCnt):\n"
        "    if params.get('do') == 'close': os.closerange(3, 64)\n"
        "    respData.append(dict(key='r', data='ok', len=2, status=3, type=0))\n"
        "    return 0\n"
    )
    assert loader.xsf.once(params={"do": "close"}, wait_ms=20000).code == 10109
    assert loader.xsf.once(wait_ms=20000).data("r") == b"ok"


def test_two_instances_are_both_used(start, toolbox):
    loader = start(toolbox, config={"instances": {"count": 2}})
    loader.wait_metric("aiges_instances", 2, state="ready")
    pids = {json.loads(loader.xsf.do("describe").text())["pid"] for _ in range(20)}
    assert pids == set(loader.workers())


def test_slow_call_delays_nobody_while_another_instance_is_free(start, toolbox, tmp_path):
    loader = start(toolbox, config={"instances": {"count": 2}})
    loader.wait_metric("aiges_instances", 2, state="ready")
    gate = tmp_path / "gate"
    slow = loader.xsf.begin_do("gate", gate=gate, wait_ms=20000)
    loader.wait_metric("aiges_in_flight", 1)
    for _ in range(200):
        assert loader.xsf.do("echo", b"x").code == 0
    gate.touch()
    assert loader.xsf.answer(slow).code == 0


def test_200_idle_connections_hinder_nobody(start, toolbox):
    loader = start(toolbox)
    host, _, port = loader.grpc.rpartition(":")
    idle = [loader.web.socket() for _ in range(100)]
    idle += [socket.create_connection((host, int(port)), timeout=10) for _ in range(100)]
    for _ in range(20):
        serves(loader)
    for connection in idle:
        connection.close()
    loader.stop()


@pytest.mark.parametrize("front", ["grpc", "http"])
def test_any_bytes_on_a_port_leave_it_serving(start, toolbox, front):
    loader = start(toolbox)
    dice = random.Random(2024)
    preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\x00\x00\x00\x04\x00\x00\x00\x00\x00"
    heads = [
        b"",
        preface,
        b"POST /v1/raw/svcName HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n",
        b"POST /v1/private/svcName HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"GET /",
    ]
    host, _, port = getattr(loader, front).rpartition(":")
    for _ in range(300):
        with socket.create_connection((host, int(port)), timeout=10) as connection:
            try:
                connection.sendall(dice.choice(heads) + dice.randbytes(dice.randrange(1, 600)))
                if dice.random() < 0.3:
                    connection.settimeout(0.02)
                    connection.recv(4096)
            except OSError:
                pass  # Closed in our face, or no answer: both are fine.
    serves(loader)
    loader.stop()


def test_broken_messages_by_the_thousand_leave_grpc_serving(start, toolbox):
    """Well-formed gRPC, ill-formed protobuf: a good request with bytes changed or cut."""
    loader = start(toolbox, config={"fc": {"ttl": 300}})
    xsf = loader.xsf
    good = xsf.request(xsf.input(xsf.payload("d", b"x" * 30), params={"a": "b"}))
    whole = good.SerializeToString()
    dice = random.Random(7)
    calls = []
    for _ in range(1000):
        broken = bytearray(whole[: dice.randrange(len(whole) + 1)])
        for _ in range(dice.randrange(4)):
            if broken:
                broken[dice.randrange(len(broken))] = dice.randrange(256)
        calls.append(xsf.raw.future(bytes(broken), timeout=20))
    for call in calls:
        call.exception(timeout=20)  # Either way: an answer.
    serves(loader)
    loader.wait_metric("aiges_in_flight", 0)  # Some have opened a session, and it expires.
    loader.stop()


def memory_kib(pid):
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    raise AssertionError(f"no VmRSS for {pid}")


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def crash_once(loader, count):
    assert loader.xsf.do("exit", wait_ms=20000).code == 10109
    loader.wait_metric("aiges_instance_restarts_total", count, timeout_s=20)
    wait_until(lambda: loader.metric("aiges_ready") == 1, "readiness after a crash", 20)


def test_memory_and_descriptors_do_not_grow(start, toolbox):
    """2000 calls of all kinds and 8 crashes; warmed up before, because caches fill once."""
    loader = start(toolbox, config={"instances": {"count": 4}})
    loader.wait_metric("aiges_instances", 4, state="ready")
    data = b"x" * 100_000

    def calls(count):
        for i in range(0, count, 4):
            batch = [
                loader.xsf.begin_do("echo", b"small"),
                loader.xsf.begin_do("echo", data),
                loader.xsf.begin_do("raise"),
            ]
            loader.web.raw_mode(data if i % 8 else b"small")
            assert [loader.xsf.answer(future).code for future in batch] == [0, 0, 10909]

    calls(1000)
    crash_once(loader, 1)
    pid = loader.process.pid
    loader.wait_metric("aiges_instances", 4, state="ready", timeout_s=30)
    fds, memory = descriptors(pid), memory_kib(pid)
    calls(2000)
    for i in range(8):
        crash_once(loader, i + 2)
    loader.wait_metric("aiges_instances", 4, state="ready", timeout_s=60)
    calls(200)
    wait_until(lambda: descriptors(pid) <= fds + 3, f"at most {fds} + 3 descriptors")
    assert memory_kib(pid) < memory + 16 * 1024
    assert len(children_of(pid)) == 4
    loader.stop()


def test_20_crashes_of_one_instance_leave_nothing_behind(start, toolbox):
    """In one go: each worker serves between two crashes, so the loader never runs out of hope."""
    loader = start(toolbox, config={"instances": {"count": 10}})
    loader.wait_metric("aiges_instances", 10, state="ready", timeout_s=60)
    pid = loader.process.pid
    fds = descriptors(pid)
    for i in range(20):
        crash_once(loader, i + 1)
    loader.wait_metric("aiges_instances", 10, state="ready", timeout_s=60)
    wait_until(lambda: descriptors(pid) <= fds + 3, f"at most {fds} + 3 descriptors")
    wait_until(lambda: len(children_of(pid)) == 10, "10 workers and no more")
    loader.stop()
