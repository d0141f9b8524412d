#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Ten million calls, while all that may change does: is each answered, and does the loader grow?

    .venv/bin/python bench/endurance.py [--bin build/bin] [--calls 10000000]

A loader with TLS, keys, usage records and traces of 1 % serves a Python echo. Meanwhile it is
reloaded, its workers are killed, its certificate and its keys are replaced. At the end: calls that
had no answer (0 are allowed), usage records against answers, and the loader's own memory in the
last third against the first (RssAnon; 2 MB more are allowed). Ends with 1 where one of these fails.
"""

import argparse
import hashlib
import http.client
import os
import random
import signal
import ssl
import statistics
import sys
import tempfile
import threading
import time
from pathlib import Path

from cost_rows import collector, traced
from processes import BenchError, Loader
from rows import BENCH
from together_rows import KEY, LENGTH, PATH, certificate, h2load

REPOSITORY = Path(__file__).resolve().parent.parent
MOST_GROWTH_MB = 2.0


class Disturber(threading.Thread):
    """Does one of the things that happen in production every second, and reads the memory."""

    def __init__(self, loader, work):
        super().__init__(daemon=True)
        self.loader, self.work = loader, work
        self.memory, self.done, self.lines, self.problem = [], {}, 0, None
        self.over = threading.Event()

    def run(self):
        acts = (self.reload, self.kill, self.certificate, self.keys, self.take_usage)
        turn = 0
        try:
            while not self.over.wait(1):
                self.memory.append(self.loader.memory_mb()[1])
                act = acts[turn % len(acts)]
                act()
                self.done[act.__name__] = self.done.get(act.__name__, 0) + 1
                turn += 1
        except Exception as error:  # Told by who waits for the end.
            self.problem = error

    def reload(self):
        trust_all = ssl._create_unverified_context()
        connection = http.client.HTTPSConnection(self.loader.http, timeout=60, context=trust_all)
        connection.request("POST", "/admin/reload", headers={"X-Api-Key": KEY})
        answer = connection.getresponse()
        if answer.status not in (200, 409):
            raise BenchError(f"a reload answered {answer.status}: {answer.read()[:500]!r}")
        connection.close()

    def kill(self):
        workers = self.loader.workers()
        if workers:
            os.kill(random.choice(workers), signal.SIGKILL)

    def certificate(self):
        with tempfile.TemporaryDirectory(dir=self.work) as folder:
            for path in certificate(Path(folder)).values():
                os.replace(path, self.work / Path(path).name)

    def keys(self):
        write_keys(self.work, extra=random.randrange(100))

    def take_usage(self):
        """What the sink has written and will not touch again, as one who bills would take it."""
        for file in sorted((self.work / "usage").glob("usage-*.jsonl"))[:-1]:
            self.lines += count_lines(file)
            file.unlink()


def write_keys(work, extra):
    lines = [f"bench sha256:{hashlib.sha256(KEY.encode()).hexdigest()} call,admin"]
    lines += [
        f"k{n} sha256:{hashlib.sha256(str(n).encode()).hexdigest()} call" for n in range(extra)
    ]
    made = work / "keys.new"
    made.write_text("\n".join(lines) + "\n", encoding="ascii")
    os.replace(made, work / "keys")


def count_lines(file):
    with open(file, "rb") as lines:
        return sum(part.count(b"\n") for part in iter(lambda: lines.read(1 << 20), b""))


def run(binaries, calls, say):
    with tempfile.TemporaryDirectory(prefix="aiges-endurance-") as folder, collector() as endpoint:
        work = Path(folder)
        (work / "body").write_bytes(bytes(LENGTH))
        write_keys(work, extra=0)
        sections = {
            "tls": certificate(work),
            "access": {"keys_file": str(work / "keys")},
            "metering": {"folder": str(work / "usage")},
            "otlp": traced(endpoint),
            "queue": {"default_timeout_ms": 20_000},
        }
        instances = {"idempotent": True, "lame_duck_ms": 0}
        with Loader(
            binaries, BENCH / "echo", count=2, sections=sections, instances=instances
        ) as loader:
            url, warm = f"https://{loader.http}{PATH}", min(100_000, calls // 10)
            h2load(url, work / "body", "-n", warm)
            disturber = Disturber(loader, work)
            disturber.start()
            begin = time.monotonic()
            _, answered = h2load(url, work / "body", "-n", calls)
            lost = calls - sum(answered)
            seconds = time.monotonic() - begin
            disturber.over.set()
            disturber.join()
            if disturber.problem is not None:
                raise disturber.problem
            say(f"{calls} calls in {seconds:.0f} s; then the last usage records")
            records = wait_records(disturber, work, warm + calls)
    memory = disturber.memory
    third = max(1, len(memory) // 3)
    first, last = statistics.median(memory[:third]), statistics.median(memory[-third:])
    print(f"calls            {calls}, {calls / seconds:,.0f} a second, {seconds:.0f} s")
    print(f"answered         {answered[0]} 2xx, {answered[2]} 4xx, {answered[3]} 5xx")
    print(f"without answer   {lost}")
    print(f"usage records    {records - warm}")
    print(f"memory           first third {first:.1f} MB, last {last:.1f} MB (RssAnon, medians)")
    print("meanwhile        " + ", ".join(f"{n} {name}" for name, n in disturber.done.items()))
    wrong = []
    if lost:
        wrong.append("calls without an answer")
    if records - warm != calls:
        wrong.append("usage records that are not the answers")
    if last - first > MOST_GROWTH_MB:
        wrong.append(f"the loader has grown by more than {MOST_GROWTH_MB} MB")
    print("verdict          " + ("; ".join(wrong) or "pass"))
    return 1 if wrong else 0


def wait_records(disturber, work, expected):
    """Lines that were taken, and those that still lie there, once no more come."""
    until, before = time.monotonic() + 120, -1
    while True:
        there = sum(count_lines(file) for file in (work / "usage").glob("usage-*.jsonl"))
        records = disturber.lines + there
        if records >= expected or time.monotonic() > until or records == before:
            return records
        before = records
        time.sleep(3)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--bin", type=Path, default=REPOSITORY / "build/bin")
    parser.add_argument("--calls", type=int, default=10_000_000)
    arguments = parser.parse_args()
    say = lambda text: print(f"endurance: {text}", file=sys.stderr, flush=True)  # noqa: E731
    try:
        return run(arguments.bin.resolve(), arguments.calls, say)
    except BenchError as error:
        print(f"endurance: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
