# SPDX-License-Identifier: Apache-2.0
"""Workers with a JVM that die: each reason is told, and another worker takes over."""

import os
import signal

import pytest
from waiting import wait_until

OUT_OF_MEMORY = "exit status 86 (the engine's memory is used up)"


def test_each_death_is_told_with_its_reason(start, jar):
    config = {"instances": {"java_heap_mb": 64}}
    loader = start(jar.parent, config=config)
    deaths = [
        ("crash", "killed by signal 11 (Segmentation fault)", "SIGSEGV (0xb) at pc="),
        ("abort", "killed by signal 6 (Aborted)", "double free detected"),
        ("memory", OUT_OF_MEMORY, "Java is out of memory (Java heap space)"),
        ("direct_memory", OUT_OF_MEMORY, "Cannot reserve direct buffer memory"),
        ("exit", "exit status 3", ""),
        ("halt", "exit status 4", ""),
    ]
    for number, (action, why, said) in enumerate(deaths, 1):
        answer = loader.xsf.do(action, wait_ms=30000)
        assert (answer.code, answer.error) == (10109, f"worker 0 died with the call: {why}")
        loader.wait_readyz()
        assert loader.xsf.do("echo", b"back", wait_ms=30000).data("data") == b"back"
        assert loader.metric("aiges_instance_restarts_total") == number
        assert said in loader.log()


def test_crash_in_a_session_is_told_to_its_client(start, jar):
    from session_fronts import NativeStream

    loader = start(jar.parent)
    session = NativeStream(loader, write="crash")
    session.write(b"x", 2)
    (answer,) = list(session.call)
    why = "killed by signal 11 (Segmentation fault)"
    assert (answer.code, answer.err) == (10109, f"worker 0 died with the session: {why}")


def test_worker_that_hangs_is_killed(start, jar):
    loader = start(jar.parent, config={"instances": {"hang_kill_ms": 700, "threads": 1}})
    answer = loader.xsf.do("hang", wait_ms=30000)
    assert answer.code == 10109
    assert "no progress within hang_kill_ms=700, killed" in answer.error
    assert loader.xsf.do("echo", b"back", wait_ms=30000).data("data") == b"back"


def test_worker_that_is_killed_is_replaced(start, jar):
    loader = start(jar.parent)
    (worker,) = loader.workers()
    os.kill(worker, signal.SIGKILL)
    loader.wait_log("worker 0 died: killed by signal 9 (Killed)")
    loader.wait_readyz()
    assert loader.xsf.do("echo", b"back", wait_ms=30000).data("data") == b"back"
    assert loader.workers() != [worker]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_signals_that_end_a_process_end_a_worker(start, jar, number):
    loader = start(jar.parent)
    (worker,) = loader.workers()
    os.kill(worker, number)
    wait_until(lambda: worker not in loader.workers(), "the worker's end")
    loader.wait_log(f"worker 0 died: killed by signal {int(number)}")


def test_sigquit_prints_all_stacks_and_ends_nothing(start, jar):
    loader = start(jar.parent)
    (worker,) = loader.workers()
    os.kill(worker, signal.SIGQUIT)
    loader.wait_log("Full thread dump OpenJDK")
    assert loader.xsf.do("echo", b"on").data("data") == b"on"
    assert loader.workers() == [worker]
