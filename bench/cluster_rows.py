# SPDX-License-Identifier: Apache-2.0
"""Many hosts: registration, pushed configuration, choosing among hosts, the hop of a proxy."""

import contextlib
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from processes import BenchError, Loader, load
from report import Row
from rows import medians

BENCH = Path(__file__).resolve().parent
ROOT = BENCH.parent
# The real agent and the real proxy are started as the tests start them.
for folder in ("sdk", "scripts", "tests/e2e", "tests/cluster"):
    sys.path.insert(0, str(ROOT / folder))

LOADERS = 20
ENDPOINTS = 1000


@contextlib.contextmanager
def consul():
    from consul_agent import ConsulAgent

    with tempfile.TemporaryDirectory(prefix="aiges-bench-") as folder:
        try:
            with ConsulAgent(Path(folder) / "consul") as agent:
                yield agent
        except RuntimeError as error:
            raise BenchError(str(error)) from error


def percentile(values, percent):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]


def registry_rows(settings):
    """time from ready to found in Consul; from a push to what 20 loaders made of it"""
    with consul() as agent:
        yield registered_row(settings, agent)
        yield push_row(settings, agent)


def registered_row(settings, agent):
    took = []
    sections = {"registry": {"backend": "consul", "url": agent.http}}
    for number in range(settings.starts):
        settings.say(f"registration: start {number + 1} of {settings.starts}")
        with Loader(settings.binaries, BENCH / "echo", sections=sections):
            ready = time.monotonic()
            while not agent.ask("GET", "/v1/health/service/svcName?passing=true"):
                time.sleep(0.002)
            took.append((time.monotonic() - ready) * 1000)
    fields = {"p50_us": statistics.median(took) * 1000, "ms_runs": [round(ms, 1) for ms in took]}
    shown = f"{statistics.median(took):.0f} ms after ready"
    return Row("registered", shown, "<= 1 s", max(took) <= 1000, fields)


def push_row(settings, agent):
    """Every loader's verdict on every push is waited for; a push changes a hot key."""
    from aiges.registry import Registry, Scope

    scope, registry = Scope("svcName"), Registry(agent.http)
    took, told = [], {}
    with contextlib.ExitStack() as stack:
        mode = ("-m=1", f"-u={agent.http}")
        first = Loader(settings.binaries, BENCH / "echo", mode=mode)

        def push(licences):
            first.sections = {"fc": {"max": licences}}
            files = {"aiges.toml": first.configuration()}
            return registry.push(scope, files, message="bench", author="bench")

        push(100)
        for number in range(LOADERS):
            settings.say(f"push: starting loader {number + 1} of {LOADERS}")
            stack.enter_context(Loader(settings.binaries, BENCH / "echo", mode=mode))
        stopped = threading.Event()
        watcher = threading.Thread(target=watch_verdicts, args=(agent, scope, told, stopped))
        watcher.start()
        stack.callback(watcher.join)
        stack.callback(stopped.set)
        pushes = 3 if settings.runs == 1 else 20
        for number in range(pushes):
            settings.say(f"push: {number + 1} of {pushes}")
            begin = time.monotonic()
            revision = push(101 + number)
            wait_told(told, revision)
            took += [when - begin for when in told[revision].values()]
    fields = {
        "p50_us": statistics.median(took) * 1e6,
        "p99_us": percentile(took, 99) * 1e6,
        "loaders": LOADERS,
        "pushes": pushes,
    }
    p99 = percentile(took, 99)
    return Row(
        "config_push", f"p99 {p99 * 1000:.0f} ms, {LOADERS} loaders", "<= 1 s", p99 <= 1, fields
    )


def watch_verdicts(agent, scope, told, stopped):
    """{revision: {loader: when its verdict was seen}}, by looking every few milliseconds."""
    import json

    while not stopped.is_set():
        for key, data in agent.kv(f"aiges-status/{scope}/").items():
            verdict = json.loads(data)
            told.setdefault(verdict["revision"], {}).setdefault(key, time.monotonic())
        time.sleep(0.01)


def wait_told(told, revision):
    until = time.monotonic() + 20
    while len(told.get(revision, ())) < LOADERS:
        if time.monotonic() > until:
            raise BenchError(
                f"expected a verdict on {revision} of {LOADERS} loaders within 20 s, "
                f"got {len(told.get(revision, ()))}"
            )
        time.sleep(0.005)


def choice_rows(settings):
    """one choice among 1 000 hosts, in C++ and in Python"""
    settings.say("choice: C++")
    program = settings.bench_binaries / "pick"
    try:
        done = subprocess.run([str(program)], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise BenchError(f"{error}; build it with `make bench`") from error
    ns = float(done.stdout)
    fields = {"p50_us": ns / 1000, "endpoints": ENDPOINTS}
    yield Row("choice_cpp", f"{ns:.0f} ns", "<= 1 us", ns <= 1000, fields)
    settings.say("choice: Python")
    us = statistics.median(python_choice() for _ in range(5))
    fields = {"p50_us": us, "endpoints": ENDPOINTS}
    yield Row("choice_python", f"{us:.1f} us", "<= 20 us", us <= 20, fields)


def python_choice(calls=50_000):
    """Microseconds of a choice and of giving it back, with 64 calls in hand."""
    from collections import deque

    from aiges.balance import Endpoint, Listed, Outcome, Picker, Snapshot, Standing

    listed = [
        Listed(Endpoint(f"10.0.{n // 250}.{n % 250}:5090", weight=1 + n % 7), Standing.READY)
        for n in range(ENDPOINTS)
    ]
    picker, held = Picker(), deque()
    picker.update(Snapshot(tuple(listed)))
    begin = time.perf_counter()
    for _ in range(calls):
        held.append(picker.pick())
        if len(held) == 64:
            held.popleft().done(Outcome.OK)
    return (time.perf_counter() - begin) / calls * 1e6


def proxy_rows(settings):
    """what HAProxy adds to a call, and how many calls/s it passes on"""
    from haproxy_process import Haproxy

    with contextlib.ExitStack() as stack:
        agent = stack.enter_context(consul())
        sections = {"registry": {"backend": "consul", "url": agent.http}}
        loader = stack.enter_context(Loader(settings.binaries, BENCH / "echo", sections=sections))
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="aiges-bench-")))
        env = {"AIGES_RATE": "100000000"}
        proxy = stack.enter_context(Haproxy(folder / "proxy", agent.dns, env=env))
        proxy.wait_hosts([loader])
        for protocol, direct, through in (
            ("xsf", loader.grpc, proxy.grpc),
            ("raw", loader.http, proxy.http),
        ):
            for in_flight in (1, 32):
                runs = {direct: [], through: []}
                for number in range(settings.runs):
                    settings.say(f"proxy: {protocol} {in_flight}, run {number + 1}")
                    for address, results in runs.items():
                        arguments = (protocol, address, in_flight, 256, settings.seconds)
                        results.append(load(settings.bench_binaries, *arguments))
                yield proxy_row(protocol, in_flight, medians(runs[direct]), medians(runs[through]))


def proxy_row(protocol, in_flight, direct, through):
    ratio = through["calls_per_s"] / direct["calls_per_s"]
    fields = {
        "in_flight": in_flight,
        "bytes": 256,
        **through,
        "limit_calls_per_s": direct["calls_per_s"],
        "limit_p50_us": direct["p50_us"],
        "ratio": round(ratio, 4),
    }
    added = through["p50_us"] - direct["p50_us"]
    shown = f"{added:+.0f} us p50, {ratio:.0%} of direct"
    return Row(f"haproxy_{protocol}_{in_flight}", shown, None, None, fields)
