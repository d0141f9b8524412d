# SPDX-License-Identifier: Apache-2.0
"""xtest against real loaders: every protocol, open and closed loop, sessions, dead servers."""

import contextlib
import hashlib
import signal
import socket
import subprocess
import threading
import time

import pytest
from free_ports import free_ports
from http_client import HttpClient
from waiting import wait_until
from xtest_tool import Xtest, text_of

ONE = {"one.txt": b"hello"}
NO_ANSWER = "-1"


@pytest.fixture
def xtest(binaries, tmp_path):
    def make(files=ONE, **config):
        return Xtest(binaries, tmp_path / "xtest", files, config)

    return make


@pytest.fixture(scope="module")
def toolbox_loader(shared):
    return shared


@pytest.fixture
def free_port():
    return free_ports(1)[0]


@pytest.fixture
def engine(start, binaries):
    return start(config={"instances": {"library": str(binaries.engine)}})


def target(loader, protocol="xsf"):
    address = loader.grpc if protocol in ("xsf", "stream") else loader.http
    return f"-target={address}", f"-protocol={protocol}"


def results(tool):
    """The contents of the files that a run with output = 1 wrote."""
    return sorted(file.read_bytes() for file in (tool.folder / "results").iterdir())


KEEP = {"output": 1, "outputDst": "results"}


@pytest.mark.parametrize("protocol", ["xsf", "stream", "json", "raw", "ws", "sse"])
def test_once_closed_loop(toolbox_loader, xtest, protocol):
    tool = xtest({"a.txt": b"first", "b.txt": b"second"}, downstream=KEEP)
    (step,) = tool.run(*target(toolbox_loader, protocol))
    assert (step["sent"], step["done"], step["failed"]) == (100, 100, 0), step["codes"]
    assert step["latency"]["count"] == 100
    assert 0 < step["latency"]["p50_ns"] <= step["latency"]["max_ns"] < 5e9
    assert step["items"] == 100
    assert step["peak_in_flight"] <= 4
    # loopIndex chooses the file: each one the same number of times.
    assert results(tool) == [b"first"] * 50 + [b"second"] * 50


@pytest.mark.parametrize("protocol", ["xsf", "json"])
def test_server_says_where_the_time_went(toolbox_loader, xtest, protocol):
    tool = xtest(parameter={"do": "sleep", "ms": 20})
    (step,) = tool.run(*target(toolbox_loader, protocol), "-count=32", "-concurrency=1")
    stages = step["stages"]
    assert stages["calls"] == 2  # One of 16.
    assert 0 < stages["engine_ms"] <= stages["total_ms"] <= step["latency"]["max_ns"] * 1e-6


@pytest.mark.parametrize(
    ("protocol", "metrics", "known"),
    [
        ("xsf", "", False),  # Nobody knows its HTTP port.
        ("xsf", "-metrics=http://{}/metrics", True),
        ("json", "", True),
        ("ws", "", True),
        ("raw", "-metrics=off", False),
    ],
)
def test_figures_of_the_server_itself(toolbox_loader, xtest, protocol, metrics, known):
    """Without -metrics they come from the HTTP servers that the calls go to."""
    more = [metrics.format(toolbox_loader.http)] if metrics else []
    tool = xtest(parameter={"do": "sleep", "ms": 5})
    tool.run(*target(toolbox_loader, protocol), *more)
    server = tool.result["server"]
    assert (server["known"], server["problem"]) == (known, "")
    assert ("server (/metrics)" in tool.out) == known
    if known:
        once = protocol != "ws"
        counts = server["requests"], server["sessions"], server["failed"]
        assert counts == ((100, 0, 0) if once else (0, 100, 0))
        assert not once or 4 < server["engine_ms"] <= server["total_ms"]


def test_metrics_of_another_program_are_a_problem_and_no_failure(toolbox_loader, xtest):
    tool = xtest()
    tool.run(*target(toolbox_loader), f"-metrics=http://{toolbox_loader.http}/nowhere")
    assert "expected HTTP status 200, got 404" in tool.result["server"]["problem"]
    assert "server metrics: cannot read" in tool.out


@pytest.mark.parametrize("protocol", ["xsf", "stream", "json", "raw", "ws", "sse"])
def test_a_key_goes_with_every_call(start, toolbox, xtest, tmp_path, protocol):
    digest = hashlib.sha256(b"k-load").hexdigest()
    (tmp_path / "keys").write_text(f"load sha256:{digest} call\n")
    loader = start(toolbox, config={"access": {"keys_file": str(tmp_path / "keys")}})
    tool = xtest(parameter={"do": "echo"})
    metrics = f"-metrics=http://{loader.http}/metrics"
    (step,) = tool.run(*target(loader, protocol), metrics, "-count=20", "-api-key=k-load")
    assert (step["done"], step["failed"]) == (20, 0), step["codes"]
    assert tool.result["server"]["problem"] == ""
    (step,) = tool.run(*target(loader, protocol), "-count=20", code=3)
    assert step["failed"] == 20


@pytest.mark.parametrize("protocol", ["xsf", "stream", "json", "raw", "ws", "sse"])
def test_error_of_the_engine_has_its_code_and_text(toolbox_loader, xtest, protocol):
    tool = xtest(parameter={"do": "code", "code": 77})
    (step,) = tool.run(*target(toolbox_loader, protocol), "-count=5", code=3)
    assert (step["done"], step["failed"]) == (5, 5)
    (code,) = step["codes"]
    assert int(code) > 0
    assert "toolbox error 77" in text_of(step, code)
    assert step["codes"][code]["handle"]


@pytest.mark.parametrize("arrival", ["", "poisson:"])
@pytest.mark.parametrize("protocol", ["xsf", "raw"])
def test_open_loop_sends_as_planned(toolbox_loader, xtest, protocol, arrival):
    tool = xtest()
    (step,) = tool.run(
        *target(toolbox_loader, protocol), f"-rate={arrival}200", "-count=0", "-duration=2s"
    )
    assert step["done"] == step["sent"]
    assert step["failed"] == 0
    if arrival:
        assert 300 < step["sent"] < 500  # 400, five deviations to either side.
    else:
        assert step["sent"] == 400
    assert step["client_lag"]["count"] == step["sent"]
    assert len(step["timeline"]) >= 2


def test_sweep_is_a_step_for_each_rate(toolbox_loader, xtest):
    steps = xtest().run(*target(toolbox_loader), "-rate=50:150:50", "-count=0", "-duration=1s")
    assert [step["rate"] for step in steps] == [50, 100, 150]
    assert [step["sent"] for step in steps] == [50, 100, 150]


def test_warmup_is_sent_and_not_counted(toolbox_loader, xtest):
    before = toolbox_loader.metric("aiges_requests_total", code="0")
    (step,) = xtest().run(
        *target(toolbox_loader), "-rate=100", "-count=0", "-duration=1s", "-warmup=1s"
    )
    assert step["sent"] == step["latency"]["count"] == 100
    assert toolbox_loader.metric("aiges_requests_total", code="0") - before == 200


def test_threads_share_the_load(toolbox_loader, xtest):
    tool = xtest({"a.txt": b"first", "b.txt": b"second"}, downstream=KEEP)
    (step,) = tool.run(*target(toolbox_loader), "-threads=3", "-concurrency=7")
    assert (step["sent"], step["done"]) == (100, 100)
    assert step["peak_in_flight"] <= 7
    assert results(tool) == [b"first"] * 50 + [b"second"] * 50


def test_slo_decides_the_exit_code(toolbox_loader, xtest):
    tool = xtest()
    tool.run(*target(toolbox_loader), "-slo=p99=4s,errors=0")
    tool.run(*target(toolbox_loader), "-slo=p50=1us", code=1)


@pytest.mark.parametrize("protocol", ["xsf", "stream", "ws"])
@pytest.mark.parametrize(
    ("mode", "files", "answer"),
    [
        (1, {"a": b"abcdefghij"}, b"ABCDEFGHIJ"),
        (2, {"a": b"one\ntwo\nthree\n"}, b"ONETWOTHREE"),
        (3, {"1": b"first", "2": b"second"}, b"FIRSTSECOND"),
    ],
)
def test_session_modes(engine, xtest, protocol, mode, files, answer):
    tool = xtest(
        files,
        svcMode={"sessMode": mode, "loopCnt": 6, "multiThr": 2, "file_sorted": 1},
        input={"sliceOn": 1, "sliceSize": 3, "interval": 20},
        output={"name": "out"},
        downstream=KEEP,
    )
    (step,) = tool.run(*target(engine, protocol))
    assert (step["done"], step["failed"]) == (6, 0), step["codes"]
    assert results(tool) == [answer] * 6
    packets = {1: 4, 2: 3, 3: 2}[mode]
    assert step["items"] == 6 * packets
    # Paced by the interval: the end comes after the last packet, the first result much sooner.
    assert step["latency"]["min_ns"] >= 20e6 * (packets - 1)
    assert step["first_result"]["count"] == 6
    assert step["first_result"]["min_ns"] < step["latency"]["min_ns"]
    engine.wait_metric("aiges_in_flight", 0)


def test_several_hosts_share_the_calls(start, toolbox, xtest):
    loaders = [start(toolbox) for _ in range(2)]
    hosts = ",".join(loader.grpc for loader in loaders)
    tool = xtest()
    for balance, least in (("round_robin", 50), ("least", 5)):
        (step,) = tool.run(f"-target={hosts}", f"-balance={balance}")
        counts = [step["hosts"][loader.grpc]["calls"] for loader in loaders]
        assert sum(counts) == 100
        assert min(counts) >= least


def test_weights_share_out_the_calls(start, toolbox, xtest):
    heavy, light = (start(toolbox).grpc for _ in range(2))
    where = f"-target={heavy}*4,{light}"
    (step,) = xtest().run(where, "-balance=round_robin", "-concurrency=1")
    assert [step["hosts"][host]["calls"] for host in (heavy, light)] == [80, 20]


@pytest.mark.parametrize("protocol", ["xsf", "json"])
def test_hosts_of_a_file(toolbox_loader, xtest, protocol):
    tool = xtest()
    peer = f'address = "{toolbox_loader.grpc}"\nhttp_address = "{toolbox_loader.http}"\n'
    (tool.folder / "peers.toml").write_text(f"[[peer]]\n{peer}", encoding="utf-8")
    (step,) = tool.run("-target=file:peers.toml", f"-protocol={protocol}")
    assert (step["done"], step["failed"]) == (100, 0)
    assert tool.result["server"]["requests"] == 100  # Their /metrics are known.


def test_compare_can_fail_a_script(start, toolbox, xtest):
    tool = xtest()
    loader = start(toolbox)
    for name, sleep in (("fast", 1), ("slow", 30)):
        config = (tool.folder / "xtest.toml").read_text(encoding="utf-8")
        config = config.partition("[parameter]")[0]
        config += f'[parameter]\ndo = "sleep"\nms = {sleep}\n'
        (tool.folder / "xtest.toml").write_text(config, encoding="utf-8")
        tool.run(*target(loader), "-rate=30", "-count=0", "-duration=6s")
        (tool.folder / "result.json").rename(tool.folder / f"{name}.json")
    for flags, pair, code in (
        ([], "fast slow", 0),
        (["--fail-on-worse"], "fast slow", 1),
        (["--fail-on-worse"], "slow fast", 0),
    ):
        files = [f"{name}.json" for name in pair.split()]
        done = subprocess.run(
            [tool.binary, "compare", *flags, *files],
            cwd=tool.folder,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == code, done.stdout + done.stderr


def test_where_nobody_is_there_one_sentence_says_so(xtest):
    tool = xtest()
    tool.start("-target=127.0.0.1:1,[::1]:1", "-count=20")
    tool.wait(code=3)
    assert tool.out == ""
    assert tool.err.splitlines()[-1] == (
        "xtest: expected a server at 127.0.0.1:1 (Connection refused), [::1]:1 (Connection "
        "refused), found none: nothing was sent"
    )
    assert not (tool.folder / "log").exists()


@pytest.mark.parametrize("protocol", ["xsf", "stream", "json", "ws", "sse"])
def test_dead_server_is_said_and_not_hammered(xtest, protocol):
    tool = xtest()
    begin = time.monotonic()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        dying = threading.Thread(target=lambda: listening.accept()[0].close() or listening.close())
        dying.start()  # It is there when xtest looks, and then it is not.
        (step,) = tool.run(
            f"-target=127.0.0.1:{port}", f"-protocol={protocol}", "-count=20", code=3
        )
        dying.join()
    assert (step["done"], step["failed"]) == (20, 20)
    assert f"no answer from 127.0.0.1:{port}" in text_of(step, NO_ANSWER)
    # Four at a time, a tenth of a second between: 20 calls take at least 0.4 s.
    assert 0.4 < time.monotonic() - begin < 20


@pytest.mark.parametrize("protocol", ["xsf", "json"])
def test_answer_that_never_comes_ends_by_its_deadline(start, toolbox, xtest, protocol):
    loader = start(toolbox)
    tool = xtest(svcMode={"timeout": 400, "timeLoss": 100, "loopCnt": 4})
    loader.process.send_signal(signal.SIGSTOP)
    try:
        begin = time.monotonic()
        (step,) = tool.run(*target(loader, protocol), code=3)
        assert time.monotonic() - begin < 8
    finally:
        loader.process.send_signal(signal.SIGCONT)
    assert step["failed"] == 4
    assert "within 500 ms" in text_of(step, NO_ANSWER)


@pytest.mark.parametrize("protocol", ["xsf", "json"])
def test_server_that_dies_and_comes_back(start, toolbox, xtest, protocol, free_port):
    port = free_port
    ports = {"svcName": {"port": port}}
    if protocol == "json":
        ports = {"wrapper": {"http_listen": f"127.0.0.1:{port}"}}
    loader = start(toolbox, config=ports)
    tool = xtest(svcMode={"timeout": 1000})
    tool.start(*target(loader, protocol), "-rate=100", "-count=0", "-duration=7s")
    time.sleep(1.5)
    loader.kill()
    time.sleep(0.5)
    start(toolbox, config=ports)
    (step,) = tool.finish()
    assert step["sent"] == step["done"] == 700
    assert 20 < step["failed"] < 600
    assert set(step["codes"]) >= {"0", NO_ANSWER}
    assert step["timeline"][0]["failed"] == 0
    assert step["timeline"][6]["failed"] == 0  # It has recovered.


@pytest.mark.parametrize("protocol", ["xsf", "json", "ws"])
def test_interrupt_gives_a_full_report(toolbox_loader, xtest, protocol):
    tool = xtest()
    tool.start(*target(toolbox_loader, protocol), "-count=0", "-duration=60s")
    time.sleep(1.5)
    tool.interrupt()
    (step,) = tool.finish(timeout_s=10)
    assert tool.result["interrupted"] is True
    assert step["done"] > 10
    assert step["sent"] == step["done"] + step["unanswered"]
    assert "interrupted" in tool.out.lower() or "interrupted" in tool.err.lower()


@pytest.mark.parametrize("protocol", ["xsf", "stream", "ws"])
def test_interrupt_releases_the_sessions(engine, xtest, protocol):
    tool = xtest(
        {"a": b"x" * 1000},
        svcMode={"sessMode": 1},
        input={"sliceSize": 1, "interval": 100},
        output={"name": "out"},
    )
    tool.start(*target(engine, protocol))
    engine.wait_metric("aiges_in_flight", 4)
    tool.interrupt()
    (step,) = tool.finish(code=3, timeout_s=10)
    assert (step["done"], step["unanswered"]) == (0, 4)
    engine.wait_metric("aiges_in_flight", 0)


def test_prometheus_reads_the_figures_of_now(toolbox_loader, xtest, free_port):
    tool = xtest(svcMode={"prometheus_switch": True, "prometheus_port": free_port})
    tool.start(*target(toolbox_loader), "-rate=50", "-count=0", "-duration=2s")

    def page_of_xtest():
        with contextlib.suppress(ConnectionError):  # It listens only once it has started.
            return HttpClient(f"127.0.0.1:{free_port}").get("/metrics")

    page = wait_until(page_of_xtest, "the page of xtest")
    assert page.status == 200
    assert b"Xtest_CPU_Percent" in page.body
    tool.finish()


def test_session_is_wrong_over_json(toolbox_loader, xtest):
    tool = xtest(svcMode={"sessMode": 1}, input={"sliceSize": 3})
    tool.start(*target(toolbox_loader, "json"))
    _, error = tool.process.communicate(timeout=10)
    assert tool.process.returncode == 2
    assert "sessMode" in error
