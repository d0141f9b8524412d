# SPDX-License-Identifier: Apache-2.0
"""asectl status, top and call against a real loader, and the arithmetic behind them."""

import contextlib
import json
import os
import pty
import re
import signal
import subprocess
import threading
import time
from pathlib import Path

import pytest
from aiges.cli._metrics import Snapshot, parse, quantile, report
from asectl_process import COMMAND, environment
from waiting import wait_until

ENGINE = """
import time

def wrapperInit(config):
    return 0

def wrapperOnceExec(usrTag, params, reqData, respData, psrIds, psrCnt):
    time.sleep(float(params.get("sleep", "0")))
    if params.get("fail"):
        return 9
    for item in reqData:
        back = {"key": item["key"], "data": item["data"], "len": 0, "status": 3}
        respData.append({**back, "type": item["type"]})
    return 0

def wrapperError(code):
    return "no luck"
"""
PICTURE = b"\x89PNG\r\n\x1a\n\xff\x00rest"


@pytest.fixture
def loader(start):
    return start(ENGINE, config={"instances": {"threads": 4}})


# call


def test_text_files_and_stdin_go_in_and_come_back(asectl, loader, tmp_path):
    (tmp_path / "a.png").write_bytes(PICTURE)
    (tmp_path / "b.txt").write_text("from a file")
    said = asectl(
        "call", loader.grpc, "a=text = and more", "img=@a.png", "b=@b.txt", "c=@-",
        "--out", "results", "--json", stdin="from stdin",
    ).json  # fmt: skip
    by_key = {each["key"]: each for each in said["outputs"]}
    assert by_key["a"]["text"] == "text = and more"
    assert by_key["b"]["text"] == "from a file"
    assert by_key["c"]["text"] == "from stdin"
    assert by_key["img"]["type"] == "image"
    assert (tmp_path / by_key["img"]["file"]).read_bytes() == PICTURE
    assert by_key["img"]["file"] == "results/img.png"
    assert said["host"] == loader.grpc and said["took_ms"] > 0


def test_a_picture_is_shown_as_a_file(asectl, loader, tmp_path):
    (tmp_path / "a.png").write_bytes(PICTURE)
    said = asectl("call", loader.grpc, "img=@a.png", "word=hello")
    assert "word: hello" in said.out
    assert f"img: image, {len(PICTURE)} bytes -> result/img.png" in said.out
    assert (tmp_path / "result/img.png").read_bytes() == PICTURE


def test_no_output_leaves_its_folder(asectl, loader, tmp_path):
    said = asectl("call", loader.grpc, "../../x=a", "--out", "in/side", "--json").json
    assert Path(said["outputs"][0]["file"]).parent == Path("in/side")
    assert [f.parent.name for f in tmp_path.rglob("*x.txt")] == ["side"]


def test_errors_of_the_service_have_their_code(asectl, loader):
    said = asectl("call", loader.grpc, "a=b", "-p", "fail=1", "--json", code=1).json
    assert said["kind"] == "EngineError" and said["code"] > 0 and "no luck" in said["error"]
    said = asectl("call", loader.grpc, "a=b", "-p", "sleep=5", "--timeout", "0.3", code=1)
    assert "DeadlineExceeded" in said.err


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["127.0.0.1:1", "a=b"], "Unavailable"),
        (["nonsense", "a=b"], "expected"),
        (["127.0.0.1:1", "a"], "expected KEY=VALUE"),
        (["127.0.0.1:1", "a=@none.txt"], "none.txt"),
        (["127.0.0.1:1", "a=b", "--type", "a=smell"], "expected one of text"),
        (["127.0.0.1:1"], "at least one payload"),
    ],
)
def test_what_cannot_be_called_is_said(asectl, arguments, text):
    assert text in asectl("call", *arguments, "--json", "--timeout", 2, code=1).json["error"]


# status, top


def test_status(asectl, loader):
    for _ in range(3):
        asectl("call", loader.grpc, "a=b")
    asectl("call", loader.grpc, "a=b", "-p", "fail=1", code=1)
    made = asectl("status", loader.http, "--json").json
    assert made["ready"] and made["instances"]["ready"] == 1
    assert made["requests"]["0"] == 3 and sum(made["requests"].values()) == 4
    assert made["licences"] == 1024 and made["queue"] == {"depth": 0, "bytes": 0}
    assert 0 < made["latency"]["total"]["p50_ms"] <= made["latency"]["total"]["p99_ms"]
    text = asectl("status", f"http://{loader.http}/").out
    assert "ready" in text and "3 x 0" in text and "p99" in text


def test_status_finds_the_address_in_aiges_toml(asectl, loader, tmp_path):
    (tmp_path / "aiges.toml").write_text(f'[wrapper]\nhttp_listen = "{loader.http}"\n')
    assert asectl("status", "--json").json["address"] == f"http://{loader.http}"


def test_status_of_what_is_not_ready_or_not_there(asectl, start, loader):
    assert "Is it running?" in asectl("status", "127.0.0.1:1", "--json", code=1).json["error"]
    starting = start(
        ENGINE.replace("return 0", "import time; time.sleep(3); return 0", 1), ready=False
    )
    made = asectl("status", starting.http, "--json", code=1).json
    assert not made["ready"] and made["instances"]["starting"] == 1
    assert asectl("status", loader.grpc, "--json").json["ready"]  # Every port speaks HTTP.


def test_top_as_lines_has_the_rate_of_each_interval(asectl, loader):
    over = threading.Event()

    def load():
        from aiges.client import Client

        with Client(loader.grpc) as client:
            while not over.is_set():
                client.once("x")
                time.sleep(0.01)

    thread = threading.Thread(target=load)
    thread.start()
    try:
        wait_until(lambda: loader.metric("aiges_requests_total", code="0"), "calls")
        said = asectl("top", loader.http, "--json", "--count", 2, "--interval", 0.5)
    finally:
        over.set()
        thread.join()
    looks = [json.loads(line) for line in said.out.splitlines()]
    assert len(looks) == 2
    for look in looks:
        assert look["rate_per_s"] > 5 and look["errors_per_s"] == 0
        assert 0.4 < look["over_s"] < 5
        assert look["latency"]["total"]["p99_ms"] > 0


def worker_of(loader):
    return loader.web.get("/status.json").json["instances"][0]


def test_top_has_the_instances_one_by_one(asectl, start):
    loader = start(ENGINE, config={"instances": {"count": 2}})
    for _ in range(3):
        asectl("call", loader.grpc, "a=b")
    [look] = [json.loads(asectl("top", loader.http, "--json", "--count", 1).out)]
    workers = look["workers"]
    assert [each["index"] for each in workers] == [0, 1]
    assert [(each["state"], each["restarts"]) for each in workers] == [("ready", 0)] * 2
    assert sum(each["calls"] for each in workers) == 3
    assert all(each["pid"] > 0 and each["outstanding"] == 0 for each in workers)
    assert set(workers[0]) == {"index", "state", "pid", "restarts", "calls", "outstanding"}


@contextlib.contextmanager
def top_in_a_terminal(loader, binaries, folder):
    """The process and what it has drawn so far."""
    main, side = pty.openpty()
    process = subprocess.Popen(
        [*COMMAND, "top", loader.http, "--interval", "0.2"],
        stdin=side, stdout=side, stderr=side, cwd=folder,
        env=environment(binaries.loader.parent, TERM="xterm"),
    )  # fmt: skip
    os.close(side)
    seen = bytearray()

    def read():
        try:
            while True:
                seen.extend(os.read(main, 4096))
        except OSError:
            pass

    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    try:
        yield process, seen
    finally:
        process.kill()
        process.wait()
        thread.join(5)
        os.close(main)
    assert b"Traceback" not in seen


def test_top_in_a_terminal_is_drawn_and_ends_by_ctrl_c(loader, binaries, tmp_path):
    with top_in_a_terminal(loader, binaries, tmp_path) as (process, seen):
        wait_until(lambda: seen.count(b"licences") >= 2, "two pictures of top", 20)
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 0


def test_top_in_a_terminal_follows_a_worker_that_is_replaced(loader, binaries, tmp_path):
    def shown(each):
        cells = rb"0\s+ready\s+%d\s+%d\s" % (each["pid"], each["restarts"])
        return re.search(cells, bytes(seen))

    with top_in_a_terminal(loader, binaries, tmp_path) as (_, seen):
        first = worker_of(loader)
        wait_until(lambda: shown(first), "the row of the worker", 20)
        assert all(name in seen for name in (b"index", b"state", b"restarts", b"outstanding"))
        os.kill(first["pid"], signal.SIGKILL)
        wait_until(lambda: worker_of(loader)["restarts"] == 1, "a restart", 20)
        second = wait_until(
            lambda: (now := worker_of(loader))["state"] == "ready" and now, "a new worker", 20
        )
        assert second["pid"] != first["pid"]
        wait_until(lambda: shown(second), "the row of the new worker", 20)


def test_quantiles_lie_between_the_bounds_of_their_bucket():
    inf = float("inf")
    assert quantile([], 0.5) is None
    assert quantile([(1.0, 0.0), (inf, 0.0)], 0.5) is None
    assert quantile([(1.0, 10.0), (2.0, 10.0), (inf, 10.0)], 0.5) == 0.5
    assert quantile([(1.0, 0.0), (2.0, 10.0), (inf, 10.0)], 0.5) == 1.5
    assert quantile([(1.0, 50.0), (2.0, 100.0), (inf, 100.0)], 0.99) == pytest.approx(1.98)
    assert quantile([(1.0, 1.0), (2.0, 1.0), (inf, 9.0)], 0.99) == 2.0


def test_a_report_is_of_what_lies_between_two_looks():
    def page(count, low, failed):
        return parse(
            f'aiges_requests_total{{code="0"}} {count}\n'
            f'aiges_requests_total{{code="10109"}} {failed}\n'
            f'aiges_latency_seconds_bucket{{stage="total",le="0.001"}} {low}\n'
            f'aiges_latency_seconds_bucket{{stage="total",le="0.1"}} {count}\n'
            f'aiges_latency_seconds_bucket{{stage="total",le="+Inf"}} {count}\n'
        )

    old = Snapshot(10.0, True, "ready", page(100, 100, 0))
    new = Snapshot(12.0, True, "ready", page(200, 100, 4))
    made = report(new, old)
    assert made["rate_per_s"] == 52.0 and made["errors_per_s"] == 2.0
    assert made["latency"]["total"]["p50_ms"] == pytest.approx(50.5)
    assert report(new)["latency"]["total"]["p50_ms"] == 1.0
    # A restart sets the counters back: no rate below nothing.
    after = report(Snapshot(14.0, True, "", page(1, 1, 0)), new)
    assert after["rate_per_s"] == 0 and after["latency"]["total"]["p50_ms"] is None
