# SPDX-License-Identifier: Apache-2.0
"""Replacing, ending and lasting: reload, drain, memory. AIGES_LONG=1: as make check."""

import os
import signal
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from client_load import Load
from java_builds import build_jar
from waiting import wait_until

LONG = os.environ.get("AIGES_LONG") == "1"
RELOADS = 1000 if LONG else 10
CALLS = 1_000_000 if LONG else 6_000

VERSIONED = """
package tests;
import ai.aiges.*;
import java.util.List;
public final class Versioned implements Engine {
  public List<Payload> exec(Context c, Params p, List<Payload> i) {
    return List.of(Payload.of("v", "VERSION"));
  }
}
"""


@pytest.fixture
def build(own_jar, tmp_path):
    folder = tmp_path / "model"
    folder.mkdir()

    def build(version):
        source = {"Versioned.java": VERSIONED.replace("VERSION", version)}
        manifest = ("Aiges-Engine: tests.Versioned",)
        return build_jar(own_jar, folder / "engine.jar", source, manifest=manifest).parent

    return build


def hup(loader):
    loader.process.send_signal(signal.SIGHUP)


def version_of(loader):
    return loader.xsf.once(wait_ms=20000).text("v")


def test_reload_takes_the_new_jar_and_a_broken_one_leaves_the_old(start, build):
    loader = start(build("one"))
    assert version_of(loader) == "one"
    build("two")
    hup(loader)
    loader.wait_log("reload: done")
    assert version_of(loader) == "two"
    (build("three") / "engine.jar").write_bytes(b"no zip")
    hup(loader)
    loader.wait_log("reload: the new worker 0 did not start, the old one goes on: ")
    assert "is no jar that can be read" in loader.log()
    assert version_of(loader) == "two"


def test_watch_sees_a_new_jar(start, build, tmp_path):
    folder = build("one")
    config = {"instances": {"watch": True, "pythonpath": str(folder)}}
    loader = start(folder, config=config)
    build("two")
    loader.wait_log("reload: done", timeout_s=30)
    assert version_of(loader) == "two"


def test_many_reloads_lose_no_call_and_leave_nothing(start, jar):
    loader = start(jar.parent)
    load = Load(loader, threads=2)
    for number in range(1, RELOADS + 1):
        hup(loader)
        loader.wait_log("reload: done", number, timeout_s=120)
    assert set(load.end()) == {0}, (load.codes, load.faults)
    wait_until(lambda: len(loader.workers()) == 1, "one worker alone", 30)


def test_end_waits_for_calls_and_runs_close_and_the_hooks_of_the_jvm(start, jar, tmp_path):
    file = tmp_path / "end"
    config = {"wrapper": {"close_file": str(file), "hook_file": str(file)}}
    loader = start(jar.parent, config=config)
    held = loader.xsf.begin_do("sleep", b"kept", wait_ms=20000, ms=700)
    loader.wait_metric("aiges_in_flight", 1)
    loader.terminate()
    assert loader.xsf.answer(held).data("data") == b"kept"
    assert loader.wait_exit() == 0
    assert file.read_text() == "close\nhook\n"


def resident_kib(pid):
    with open(f"/proc/{pid}/status", encoding="utf-8") as status:
        (line,) = (line for line in status if line.startswith("VmRSS:"))
    return int(line.split()[1])


def threads_of(pid):
    return len(os.listdir(f"/proc/{pid}/task"))


def test_memory_stays_flat(start, jar):
    """A heap that is full at the start: what grows then is ours."""
    # And a compiler that is done early.
    options = ["-Xms64m", "-XX:+AlwaysPreTouch", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]
    config = {"instances": {"java_heap_mb": 64, "java_options": options}}
    loader = start(jar.parent, config=config)
    (worker,) = loader.workers()
    errors = []

    def calls(count):
        def some(index):
            for number in range(count // 4):
                action = ("echo", "copy", "describe", "bad", "throw")[number % 5]
                size = 70_000 if number % 100 == 0 else 256
                answer = loader.xsf.do(action, b"x" * size, wait_ms=60000)
                if answer.code not in (0, 10909):
                    errors.append(answer.error)

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(some, range(4)))

    calls(max(CALLS // 10, 4000))
    memory, threads = resident_kib(worker), threads_of(worker)
    calls(CALLS)
    assert errors == []
    assert threads_of(worker) <= threads + 4
    grown = resident_kib(worker) - memory
    assert grown < 32 * 1024, f"{grown} KiB more after {CALLS} calls"


def test_sessions_leave_nothing_behind(start, jar):
    from session_fronts import NativeStream

    loader = start(jar.parent)
    (worker,) = loader.workers()

    def some(_):
        for number in range(100 if not LONG else 2500):
            session = NativeStream(loader, by=("emitter", "read")[number % 2], items="3")
            session.write(b"x", 2)
            assert [item.text for item in session] == ["X", "1", "2", "3"]

    some(0)
    before = threads_of(worker)
    workers = [threading.Thread(target=some, args=(i,)) for i in range(4)]
    for each in workers:
        each.start()
    for each in workers:
        each.join()
    assert threads_of(worker) <= before + 8
    assert loader.metric("aiges_instance_restarts_total") in (0, None)
