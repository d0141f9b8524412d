# SPDX-License-Identifier: Apache-2.0
"""What workers that die or are replaced cost: kills, how soon a death is told, reloads.

Every answer is looked at, and compared with what its call sent: one that is wrong ends the run.
"""

import http.client
import json
import os
import signal
import statistics
import threading
import time
from pathlib import Path

from processes import BenchError, Loader, load
from report import Row

BENCH = Path(__file__).resolve().parent
LOST = 10109  # The worker died with the call.
HELD = 8  # Calls in a worker that is killed.
SETTLED_S = 1.1  # A worker that was of use for so long is replaced at once.


def kill_rows(settings):
    """kill -9 of one of two workers every second, under 32 clients"""
    seconds = max(settings.seconds, 10)
    clients = settings.bench_binaries
    with Loader(settings.binaries, BENCH / "echo", count=2) as loader:
        settings.say("kills: nobody disturbs")
        calm = load(clients, "xsf", loader.grpc, 32, 256, seconds, options=("--allow-code", LOST))
        settings.say(f"kills: one every second for {seconds:.0f} s")
        options = ("--allow-code", LOST)
        kills, result = while_disturbed(settings, loader, seconds, kill_one, 1.0, options)
        codes = answers(loader)
    factor = result["p99_us"] / calm["p99_us"]
    # What the loader says it answered is what clients got.
    right = set(codes) <= {0, LOST} and codes.get(LOST, 0) == result["refusals"]
    fields = {"in_flight": 32, "bytes": 256, **result, "calm_p99_us": calm["p99_us"]}
    fields.update(kills=kills, codes=codes, calm_refusals=calm["refusals"])
    right = right and calm["refusals"] == 0
    shown = (
        f"{kills} kills, p99 {factor:.1f} x calm, {result['refusals']} of {LOST}, no other fault"
    )
    yield Row("kills", shown, "<= 3 x, all answered", right and factor <= 3, fields)


def death_rows(settings):
    """from kill -9 of a worker to the last 10109 of the calls that were in it"""
    deaths = max(3, int(settings.seconds * 10))
    took_ms = []
    with Loader(settings.binaries, BENCH / "hold", instances={"threads": HELD}) as loader:
        for number in range(deaths):
            settings.say(f"deaths: {number + 1} of {deaths}")
            wait_until(lambda: call(loader, b"x") == 200, "a worker that serves")
            time.sleep(SETTLED_S)
            took_ms.append(death_ms(loader))
    took_ms.sort()
    fields = {
        "deaths": deaths,
        "calls_each": HELD,
        "p50_ms": round(statistics.median(took_ms), 2),
        "p99_ms": round(took_ms[min(len(took_ms) - 1, int(len(took_ms) * 0.99))], 2),
        "most_ms": round(took_ms[-1], 2),
    }
    shown = f"p50 {fields['p50_ms']:.1f} ms, p99 {fields['p99_ms']:.1f} ms of {deaths} kills"
    yield Row("death_notice", shown, "<= 100 ms, all", took_ms[-1] <= 100, fields)


def death_ms(loader):
    """The time until all calls of a killed worker are answered, as their clients see it."""
    answered, faults = [], []

    def hold():
        status = call(loader, b"hold")
        answered.append(time.monotonic())
        if status != (503, LOST):
            faults.append(status)

    threads = [threading.Thread(target=hold) for _ in range(HELD)]
    for thread in threads:
        thread.start()
    wait_until(lambda: loader.metrics()["aiges_in_flight"] == HELD, "all calls in the worker")
    time.sleep(0.05)  # On the way to its threads.
    (worker,) = loader.workers()
    killed = time.monotonic()
    os.kill(worker, signal.SIGKILL)
    for thread in threads:
        thread.join()
    if faults:
        raise BenchError(f"expected 503 with {LOST} from calls of a killed worker, got {faults}")
    return (max(answered) - killed) * 1000


def call(loader, data):
    """200, or the status and the code of the error."""
    connection = http.client.HTTPConnection(loader.http, timeout=70)
    try:
        connection.request("POST", "/v1/raw/svcName?timeout_ms=60000", data)
        answer = connection.getresponse()
        body = answer.read()
    finally:
        connection.close()
    return 200 if answer.status == 200 else (answer.status, json.loads(body)["header"]["code"])


def reload_rows(settings):
    """calls that fail while workers are replaced all the time; 190 s are about 1 000 reloads"""
    seconds = max(settings.seconds, 10)
    with Loader(settings.binaries, BENCH / "echo", count=2) as loader:
        settings.say(f"reloads: for {seconds:.0f} s")
        reloads, result = while_disturbed(
            settings, loader, seconds, reload_all, 0.0, ("--check-all",)
        )
        failed = sum(count for code, count in answers(loader).items() if code != 0)
    fields = {"reloads": reloads, "failed": failed, "in_flight": 32, "bytes": 256, **result}
    shown = f"{reloads} reloads, {failed} failed of {result['calls']} calls"
    yield Row("reloads", shown, "0", failed == 0, fields)


def while_disturbed(settings, loader, seconds, disturb, pause_s, options):
    """Disturbs while the load runs; (how often, what the client measured)."""
    ending, count, faults = threading.Event(), [0], []

    def run():
        try:
            while not ending.wait(pause_s):
                disturb(loader)
                count[0] += 1
        except BenchError as fault:
            faults.append(fault)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        result = load(
            settings.bench_binaries, "xsf", loader.grpc, 32, 256, seconds, options=options
        )
    finally:
        ending.set()
        thread.join()
    if faults:
        raise faults[0]
    return count[0], result


def answers(loader):
    """{code: calls} so far."""
    prefix = 'aiges_requests_total{code="'
    found = ((name, n) for name, n in loader.metrics().items() if name.startswith(prefix))
    return {int(name[len(prefix) : -2]): int(count) for name, count in found}


def kill_one(loader):
    workers = wait_until(lambda: two_workers(loader), "two workers, one to kill")
    os.kill(workers[0], signal.SIGKILL)


def two_workers(loader):
    workers = loader.workers()
    return workers if len(workers) == 2 else None


def reload_all(loader):
    done = loader.log().count("reload: done")
    loader.process.send_signal(signal.SIGHUP)
    wait_until(lambda: loader.log().count("reload: done") > done, "the end of a reload")


def wait_until(condition, what, timeout_s=30):
    until = time.monotonic() + timeout_s
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > until:
            raise BenchError(f"expected within {timeout_s} s: {what}")
        time.sleep(0.01)
