# SPDX-License-Identifier: Apache-2.0
"""xtest measures truthfully: a server with known stalls against the arithmetic of its stalls."""

import signal
import time

import pytest
from xtest_tool import Xtest

# One instance. Call `first`, and from then on each `every`-th, holds all others up for `stall_s`.
STALLS = """
import time
calls = 0
def wrapperInit(config): return 0
def wrapperOnceExec(usrTag, params, reqData, respData, psrIds, psrCnt):
    global calls
    calls += 1
    if calls >= {first} and (calls - {first}) % {every} == 0: time.sleep({stall_s})
    respData.append({{"key": "out", "data": b"x", "len": 1, "status": 3, "type": 0}})
    return 0
def wrapperError(code): return ""
"""


@pytest.fixture
def stalling(start, binaries, tmp_path):
    def make(stall_s, first, every, **mode):
        # What comes during a stall waits for its end only where there is one thread.
        one = {"instances": {"threads": 1}}
        loader = start(STALLS.format(stall_s=stall_s, first=first, every=every), config=one)
        config = {"output": {"name": "out"}, "svcMode": mode}
        return loader, Xtest(binaries, tmp_path / "xtest", {"a.txt": b"x"}, config)

    return make


def slower_than(histogram, ns):
    buckets = histogram["buckets"]
    return sum(n for upper, n in zip(buckets[::2], buckets[1::2]) if upper > ns)


def percentile(histogram, percent):
    """The value at an exact rank; buckets are half a thousandth wide."""
    buckets, seen = histogram["buckets"], 0
    for upper, n in zip(buckets[::2], buckets[1::2]):
        seen += n
        if seen >= histogram["count"] * percent / 100:
            return upper
    raise AssertionError(percent)


def breaches(latency, stall_s, period_s):
    """Where a histogram leaves the linear law, by more than 15 % of a stall: the backlog is worked
    off while calls go on to come, and the machine has other work."""
    sent, found = latency["count"], []
    for part in (0.2, 0.35, 0.5, 0.65, 0.8):
        x = part * stall_s
        expected = sent * (stall_s - x) / period_s
        slower = slower_than(latency, x * 1e9)
        if abs(slower - expected) > 0.15 * sent * stall_s / period_s:
            found.append(f"slower than {x} s: expected {expected}, got {slower}")
    for percent in (90, 95, 99):
        if 1 - percent / 100 > 0.8 * stall_s / period_s:
            continue  # p90 of 10 % of stalls is where they begin.
        expected = (stall_s - (1 - percent / 100) * period_s) * 1e9
        if abs(percentile(latency, percent) - expected) > 0.15 * stall_s * 1e9:
            found.append(f"p{percent}: expected {expected}, got {percentile(latency, percent)}")
    # A closed loop of one would have sent one call into each stall, and seen it in p99.9 only.
    if not stall_s * 1e9 <= latency["max_ns"] < stall_s * 1e9 + 0.3e9:
        found.append(f"the longest: expected {stall_s} s, got {latency['max_ns']} ns")
    return found


@pytest.mark.parametrize("stall_s", [0.2, 0.4])
def test_periodic_stalls_show_as_the_linear_law(stalling, stall_s):
    """A stall of S every P seconds, ten times quicker than 1 s (or 2 s) every 10 s.

    At a constant rate a call that is planned t after the begin of a stall waits for S - t, so a
    share (S - x) / P of all calls takes longer than x. A machine that is busy otherwise adds
    stalls of its own: the law holds in one of three runs, and in none if the tool is wrong.
    """
    rate, period_s, stalls = 100, 2, 6
    every, sent = rate * period_s, rate * period_s * stalls
    loader, tool = stalling(stall_s, first=every // 2, every=every)
    duration = f"-duration={period_s * stalls}s"
    found = []
    for _ in range(3):
        (step,) = tool.run(f"-target={loader.grpc}", f"-rate={rate}", "-count=0", duration)
        latency = step["latency"]
        assert (step["sent"], step["failed"], latency["count"]) == (sent, 0, sent), step["codes"]
        assert latency["p99_ns"] == pytest.approx(percentile(latency, 99), rel=1e-3)
        found.append(breaches(latency, stall_s, period_s))
        if not found[-1]:
            return
    raise AssertionError(found)


STOP_S, TIMEOUT_S, RATE, RUN_S = 1.5, 0.3, 100, 4


@pytest.fixture
def run_with_stop(shared, binaries, tmp_path):
    """A run in which the loader stands still for longer than the timeout, as a machine would."""

    def run(*arguments, code):
        timeout = {"timeout": 250, "timeLoss": 50}
        tool = Xtest(binaries, tmp_path / "xtest", {"a.txt": b"x"}, {"svcMode": timeout})
        load = f"-target={shared.grpc}", f"-rate={RATE}", "-count=0", f"-duration={RUN_S}s"
        tool.start(*load, *arguments)
        time.sleep(1)
        shared.process.send_signal(signal.SIGSTOP)
        try:
            time.sleep(STOP_S)
        finally:
            shared.process.send_signal(signal.SIGCONT)
        (step,) = tool.finish(code)
        return tool, step

    return run


def test_a_stall_beyond_the_timeout_is_in_the_percentiles(run_with_stop):
    """Timed-out calls were in no percentile, no second and no SLO: a stall longer than the timeout
    made p99 better than a shorter one."""
    tool, step = run_with_stop("-slo=p90=250ms", code=1)
    # Those planned in the first 1.2 s of the stall have no answer when their time is up.
    silent = RATE * (STOP_S - TIMEOUT_S)
    assert 0.85 * silent <= step["no_answer"] <= 1.2 * silent, step["codes"]
    latency, answered = step["latency"], step["answered"]
    assert latency["count"] == step["done"] == RATE * RUN_S
    assert latency["p50_ns"] < 0.2e9
    assert latency["p90_ns"] >= TIMEOUT_S * 1e9
    assert answered["count"] == RATE * RUN_S - step["no_answer"]
    assert answered["p90_ns"] < latency["p90_ns"]
    assert max(second["latency"]["p50_ns"] for second in step["timeline"]) > 0.29e9  # To 1 %.
    assert "answered only" in tool.out
    assert "-slo has no limit on errors" in tool.out


def test_no_slo_is_kept_by_giving_up_sooner(run_with_stop):
    """A limit beyond the timeout: what came after it, nobody knows."""
    tool, _ = run_with_stop("-slo=p90=2s,p50=2s", code=1)
    assert "SLO at 100/s: p90 no answer (to " in tool.out
    assert tool.out.count(": kept") == 1
