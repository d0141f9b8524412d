# SPDX-License-Identifier: Apache-2.0
"""SIGTERM: readiness off, what was admitted is finished, exit code 0."""

import os
import signal
import threading
import time

import grpc
import pytest
from http_client import read_to_end
from waiting import wait_until

# CANCELLED: what gRPC's core says to a call that meets its server's GOAWAY on the way.
REFUSED_AT_THE_DOOR = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED)


def test_admitted_calls_are_finished_and_exit_is_0(start, toolbox, tmp_path):
    loader = start(toolbox)
    gate = tmp_path / "gate"
    held = [loader.xsf.begin_do("gate", b"%d" % i, gate=gate, wait_ms=20000) for i in range(5)]
    loader.wait_metric("aiges_in_flight", 5)
    loader.terminate()
    loader.wait_log("draining")
    gate.touch()
    answers = [loader.xsf.answer(future).data("data") for future in held]
    assert answers == [b"%d" % i for i in range(5)]
    assert loader.wait_exit() == 0


def test_admitted_http_call_is_finished(start, toolbox, tmp_path):
    loader = start(toolbox)
    gate = tmp_path / "gate"
    answers = []
    path = f"?p.do=gate&p.gate={gate}"
    caller = threading.Thread(target=lambda: answers.append(loader.web.raw_mode(b"x", path)))
    caller.start()
    loader.wait_metric("aiges_in_flight", 1)
    loader.terminate()
    loader.wait_log("draining")
    gate.touch()
    caller.join(20)
    assert [(answer.status, answer.body) for answer in answers] == [(200, b"x")]
    assert loader.wait_exit() == 0


def test_readiness_is_off_and_calls_are_taken_in_the_lame_duck_time(start, toolbox, tmp_path):
    loader = start(toolbox, config={"instances": {"lame_duck_ms": 3000}})
    loader.terminate()
    loader.wait_readyz(503, timeout_s=2)
    assert loader.web.get("/healthz").status == 200
    assert loader.xsf.do("echo", b"late").data("data") == b"late"
    assert loader.web.raw_mode(b"late").body == b"late"
    assert loader.wait_exit() == 0


def test_sigterm_under_load_loses_no_admitted_call(start, toolbox, tmp_path):
    loader = start(toolbox, config={"instances": {"lame_duck_ms": 200}})
    loader.xsf.wait_for_ready = False
    notes = tmp_path / "notes"  # What was executed, whoever got the answer.
    lock, good, bad = threading.Lock(), [], []

    def call():
        while True:
            try:
                code = loader.xsf.do("echo", b"x", wait_ms=20000, notes=notes).code
            except grpc.RpcError as refused:
                # Refused at the door of a server that goes: not admitted, as the notes must show.
                if refused.code() in REFUSED_AT_THE_DOOR:
                    return
                code = refused.code()
            with lock:
                (good if code == 0 else bad).append(code)

    threads = [threading.Thread(target=call) for _ in range(16)]
    for thread in threads:
        thread.start()
    wait_until(lambda: len(good) > 200, "calls served before SIGTERM", 20)
    loader.terminate()
    code = loader.wait_exit()
    for thread in threads:
        thread.join(40)
        assert not thread.is_alive(), "a call was never answered"
    assert (code, bad) == (0, [])
    assert notes.read_text().count("begin") == len(good)


def test_idle_connections_do_not_hold_the_exit(start, toolbox):
    loader = start(toolbox)
    assert loader.xsf.do("echo").code == 0
    sockets = [loader.web.socket() for _ in range(5)]
    connection = loader.web.connect()
    assert loader.web.request("GET", "/healthz", connection=connection).status == 200
    loader.terminate()
    assert loader.wait_exit(10) == 0
    for other in [*sockets, connection]:
        other.close()


def test_call_that_never_ends_is_answered_when_drain_ms_passes(start, toolbox):
    loader = start(toolbox, config={"instances": {"drain_ms": 700}})
    held = loader.xsf.begin_do("hang", wait_ms=20000)
    loader.wait_metric("aiges_in_flight", 1)
    loader.terminate()
    assert loader.wait_exit(10) == 0
    answer = loader.xsf.answer(held)
    assert (answer.code, answer.error) == (
        10109,
        "the service stops; drain_ms passed before the answer",
    )


def test_http_call_that_never_ends_is_answered_before_the_exit(start, toolbox):
    """Every admitted call is answered, also when the loader drains."""
    loader = start(toolbox, config={"instances": {"drain_ms": 700}})
    with loader.web.socket() as client:
        head = b"POST /v1/raw/svcName?p.do=hang HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nx"
        client.sendall(head)
        loader.wait_metric("aiges_in_flight", 1)
        loader.terminate()
        assert loader.wait_exit(10) == 0
        assert read_to_end(client).split(b"\r\n")[0] == b"HTTP/1.1 503 Service Unavailable"


HANGING_LOAD = """
import time
def wrapperLoadRes(reqData, patch_id, resId):
    print("loading", flush=True)
    time.sleep(1000)
def wrapperOnceExec(usrTag, params, reqData, respData, psrIds, psrCnt):
    return 0
"""


def ask(answers, function, *arguments):
    """Calls it on a thread of its own, which is returned."""
    thread = threading.Thread(target=lambda: answers.append(function(*arguments)), daemon=True)
    thread.start()
    return thread


def test_resource_that_never_loads_does_not_hold_the_exit(start):
    """Bug: the load had no end, and the drain waited for its call."""
    loader = start(HANGING_LOAD, config={"instances": {"drain_ms": 500, "hang_kill_ms": 0}})
    answers = []
    path = "/v1/resources/svcName?patch_id=voice"
    caller = ask(answers, loader.web.request, "POST", path, b"x")
    loader.wait_log("loading")  # Nothing else has arrived for certain.
    inner = loader.xsf.input(loader.xsf.payload("voice", b"x"))
    held = loader.xsf.send(loader.xsf.request(inner, op="AILoad"))
    loader.xsf.send(loader.xsf.request(inner, op="ping")).result(20)  # Behind it.
    begin = time.monotonic()
    loader.terminate()
    assert loader.wait_exit(20) == 0
    assert time.monotonic() - begin < 0.5 + 3 + 2  # drain_ms + 3 s, and a machine that is busy.
    caller.join(10)
    assert [answer.status for answer in answers] == [503]
    assert "the service stops" in loader.xsf.answer(held).error


def test_second_sigterm_answers_what_is_open_and_ends(start, toolbox):
    loader = start(toolbox, config={"instances": {"drain_ms": 60000}})
    held = loader.xsf.begin_do("hang", wait_ms=100000)
    loader.wait_metric("aiges_in_flight", 1)
    loader.terminate()
    loader.wait_log("draining")
    assert loader.process.poll() is None
    loader.terminate()
    assert loader.wait_exit(20) == 0
    assert loader.xsf.answer(held).code == 10109


def test_stderr_that_nobody_reads_does_not_hold_the_exit(start, toolbox, tmp_path):
    """Bug: the log's thread was joined while it was in write."""
    os.mkfifo(tmp_path / "stuck")
    stuck = os.open(tmp_path / "stuck", os.O_RDWR)  # Keeps it open, and never reads.
    try:
        within = ("sh", "-c", f'exec "$@" 2> {tmp_path / "stuck"}', "sh")
        loader = start(toolbox, within=within, config={"instances": {"drain_ms": 500}})
        assert loader.xsf.do("flood", bytes=1_000_000, wait_ms=20000).code == 0
        loader.stop()
    finally:
        os.close(stuck)


def test_http_is_closed_with_grpc(start, toolbox, tmp_path):
    """Bug: HTTP took new calls until the last gRPC call was done."""
    loader = start(toolbox)
    gate = tmp_path / "gate"
    held = loader.xsf.begin_do("gate", b"x", gate=gate, wait_ms=20000)
    loader.wait_metric("aiges_in_flight", 1)
    loader.terminate()
    wait_until(lambda: refuses(loader), "HTTP that takes nobody", 10)
    gate.touch()
    assert loader.xsf.answer(held).data("data") == b"x"
    assert loader.wait_exit() == 0


def refuses(loader):
    try:
        loader.web.socket().close()
    except ConnectionRefusedError:
        return True
    except ConnectionResetError:  # Closed at that very moment.
        return False
    return False


def test_sigint_drains_like_sigterm(start, toolbox):
    loader = start(toolbox)
    loader.process.send_signal(signal.SIGINT)
    assert loader.wait_exit(10) == 0


@pytest.mark.parametrize("when", ["while it starts", "in the pause of a crash loop"])
def test_sigterm_without_a_ready_instance_ends_it(start, tmp_path, when):
    """Bug: SIGTERM while an instance was still starting waited for ever."""
    body = "def wrapperOnceExec(usrTag, params, reqData, respData, psrIds, psrCnt): return 0\n"
    if when == "while it starts":
        head = "import time\ndef wrapperInit(config):\n    time.sleep(600)\n"
        loader = start(head + body, ready=False, config={"instances": {"drain_ms": 1000}})
        wait_until(loader.workers, "a worker that starts")
        assert loader.metric("aiges_instances", state="starting") == 1
    else:
        mark = tmp_path / "broken"
        head = f"import os\nif os.path.exists({str(mark)!r}): os._exit(9)\n"
        exits = body.replace("return 0", "os._exit(3)")
        loader = start(head + exits, config={"instances": {"drain_ms": 1000}})
        mark.touch()
        assert loader.xsf.once(wait_ms=20000).code == 10109
        loader.wait_log("next start in 800 ms", timeout_s=20)
        loader.wait_metric("aiges_instances", 1, state="backoff")
    loader.terminate()
    assert loader.wait_exit(10) == 0


def test_ports_are_free_after_the_end(start, toolbox):
    first = start(toolbox)
    host, grpc_port = first.grpc.split(":")
    http = first.http
    first.stop()
    config = {"svcName": {"port": int(grpc_port)}, "wrapper": {"http_listen": http}}
    second = start(toolbox, config=config)
    assert (second.grpc, second.http) == (f"{host}:{grpc_port}", http)
    assert second.xsf.do("echo", b"x").data("data") == b"x"
