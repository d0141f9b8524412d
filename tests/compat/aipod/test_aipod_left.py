# SPDX-License-Identifier: Apache-2.0
"""Calls whose client has left before a thread had them are not run, and are counted until then."""

import queue
import threading

import grpc
import pytest
from aipod_host import AipodCommand
from aipod_models import TOOLBOX
from waiting import wait_until

from aipod_cases import message_of  # isort: skip

CONFIG = "[http]\napp_concurrency = 4\n[queue]\nmax_requests = 3\n"


@pytest.fixture(scope="module")
def narrow(binaries, tmp_path_factory):
    """One thread: one call runs, three wait in the instance, three in the queue."""
    folder = tmp_path_factory.mktemp("narrow")
    with AipodCommand(
        binaries, folder, TOOLBOX, config=CONFIG, AIPOD_RPC_MAX_WORKERS="1"
    ) as command:
        yield command


def whole(command, timeout):
    """A predict that comes whole."""
    return command.start("predict", timeout=timeout).future


def in_pieces(command, timeout):
    """One whose client does not say that this is all."""
    given = queue.Queue()
    given.put(message_of(("", "predict", "v1", "{}", b"")))
    call = command.channel.stream_unary("/ai.AI/predict")
    future = call.future(iter(given.get, None), timeout=timeout)
    future.add_done_callback(lambda _: given.put(None))
    return future


def code_of(future):
    """Its status, when it has one."""
    there = threading.Event()
    future.add_done_callback(lambda _: there.set())
    assert there.wait(30)
    return future.code().name


@pytest.mark.parametrize("ask", [whole, in_pieces])
@pytest.mark.parametrize("how", ["deadline", "cancel"])
def test_abandoned_calls_do_not_run_and_keep_their_places(narrow, ask, how):
    before = narrow.call("predict")
    file = f"{ask.__name__}-{how}-go"
    lines = len(events(narrow))
    running = narrow.start("predict", do="wait", file=file)
    wait_until(lambda: "waits v1" in events(narrow)[lines:], "the thread to be taken")
    abandoned = [ask(narrow, 1.5 if how == "deadline" else 30) for _ in range(3)]
    wait_until(lambda: counts(narrow)["in_flight"] == 4, "all of them to lie in the instance")
    for call in abandoned if how == "cancel" else ():
        call.cancel()
    assert len({code_of(call) for call in abandoned} & {"DEADLINE_EXCEEDED", "CANCELLED"}) == 1
    waiting = [ask(narrow, 30) for _ in range(4)]
    (refused,) = wait_until(lambda: [call for call in waiting if call.done()], "the refusal", 20)
    assert refused.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
    (narrow.folder / file).touch()
    assert running.result() is False
    assert sorted(code_of(call) for call in waiting) == ["OK"] * 3 + ["RESOURCE_EXHAUSTED"]
    assert narrow.call("predict") == before + 1 + 3 + 1


def test_abandoned_requests_of_http_do_not_run(narrow):
    before = narrow.call("predict")
    lines = len(events(narrow))
    running = narrow.start("predict", do="wait", file="http-go")
    wait_until(lambda: "waits v1" in events(narrow)[lines:], "the thread to be taken")
    sockets = [narrow.web.socket() for _ in range(3)]
    for each in sockets:
        each.sendall(b"POST /predict?version=v1 HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}")
    wait_until(lambda: counts(narrow)["in_flight"] == 4, "all of them to lie in the instance")
    ports = {each.getsockname()[1] for each in sockets}
    for each in sockets:
        each.close()
    wait_until(lambda: not ports & connected(narrow), "the host to know of it")
    waiting = [whole(narrow, 30) for _ in range(4)]
    (refused,) = wait_until(lambda: [call for call in waiting if call.done()], "the refusal", 20)
    assert refused.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
    (narrow.folder / "http-go").touch()
    assert running.result() is False
    assert sorted(code_of(call) for call in waiting) == ["OK"] * 3 + ["RESOURCE_EXHAUSTED"]
    assert narrow.call("predict") == before + 1 + 3 + 1


def events(command):
    path = command.folder / "events"
    return path.read_text().splitlines() if path.exists() else []


def counts(command):
    """What the host says of its queue."""
    return command.web.get("/-/status.json").json["queue"]


def connected(command):
    """The clients' ports of the connections that the host has not closed."""
    found = set()
    for table in ("tcp", "tcp6"):
        with open(f"/proc/net/{table}") as lines:
            for words in map(str.split, lines):
                if words[1].endswith(f":{command.port:04X}") and words[3] in ("01", "08"):
                    found.add(int(words[2].rpartition(":")[2], 16))
    return found
