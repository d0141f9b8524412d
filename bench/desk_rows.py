# SPDX-License-Identifier: Apache-2.0
"""What Python users feel: calls/s of aiges.client, the first answer of a project, an import."""

import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from processes import BenchError, Loader, Server, die_with_parent
from report import Row

BENCH = Path(__file__).resolve().parent
IN_FLIGHT = 16
CALLS_RATIO, FIRST_ANSWER_S, IMPORT_MS = 0.9, 3.0, 50
IMPORTS = 30
LIMIT_S = 60


def client_rows(settings):
    """calls/s of the Python client, over plain grpcio with the same messages"""
    with Loader(settings.binaries, BENCH / "echo") as loader:
        for name, count in (("client_sync", 0), ("client_asyncio", IN_FLIGHT)):
            rates = {"plain": [], "client": []}
            for number in range(settings.runs):
                settings.say(f"{name}: run {number + 1} of {settings.runs}")
                got = in_turns(loader.grpc, settings.seconds, count)
                for side, runs in rates.items():
                    runs.extend(got[side])
            yield calls_row(name, count or 1, rates)


def in_turns(address, seconds, in_flight):
    """{"plain": calls/s of each turn, "client": ..}, in an interpreter of their own."""
    script = str(BENCH / "client_calls.py")
    text = run([sys.executable, script, address, str(seconds), str(in_flight)], seconds * 3 + 60)
    return json.loads(text)


def calls_row(name, in_flight, rates):
    # Neighbours are compared: what the machine does to one turn it mostly does to the next.
    ratio = statistics.median(ours / plain for plain, ours in zip(rates["plain"], rates["client"]))
    fields = {
        "in_flight": in_flight,
        "bytes": 256,
        "calls_per_s": round(statistics.median(rates["client"]), 1),
        "limit_calls_per_s": round(statistics.median(rates["plain"]), 1),
        "turns": len(rates["plain"]),
        "ratio": round(ratio, 4),
        "target_ratio": CALLS_RATIO,
    }
    return Row(
        name, f"{ratio:.1%} of grpcio", f">= {CALLS_RATIO:.0%}", ratio >= CALLS_RATIO, fields
    )


def desk_rows(settings):
    """from asectl create to the first answer, and what import aiges.sdk costs"""
    yield first_answer_row(settings)
    yield import_row(settings)


class Serve(Server):
    """``asectl serve`` in a project; ready when it says so."""

    def __init__(self, command, project, environment):
        super().__init__(*command)
        self.project, self.environment = project, environment

    def _start(self):
        with open(self._log_path(), "w", encoding="utf-8") as log:
            self.process = subprocess.Popen(
                self.command,
                cwd=self.project,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=die_with_parent,
            )

    def wait_ready(self):
        until = time.monotonic() + LIMIT_S
        pattern = r"ready after .*asectl call (\S+)"
        while (found := re.search(pattern, self._log_path().read_text())) is None:
            if self.process.poll() is not None or time.monotonic() > until:
                raise self.failure("did not become ready")
            time.sleep(0.005)
        self.address = found[1]


def first_answer_row(settings):
    asectl = shutil.which("asectl", path=str(Path(sys.executable).parent))
    if asectl is None:
        raise BenchError("expected asectl beside the interpreter; run `make setup`")
    path = f"{settings.binaries}{os.pathsep}{Path(asectl).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path}
    took = []
    for number in range(settings.starts + 1):  # The first one only fills caches.
        settings.say(f"desk: project {number} of {settings.starts}")
        with tempfile.TemporaryDirectory(prefix="aiges-bench-") as folder:
            took.append(first_answer_s(asectl, Path(folder), environment))
    seconds = statistics.median(took[1:])
    fields = {
        "seconds": round(seconds, 3),
        "cold_seconds": round(took[0], 3),
        "seconds_runs": [round(each, 3) for each in took[1:]],
        "target_seconds": FIRST_ANSWER_S,
    }
    met = seconds <= FIRST_ANSWER_S
    return Row("first_answer", f"{seconds:.2f} s", f"<= {FIRST_ANSWER_S:.0f} s", met, fields)


def first_answer_s(asectl, folder, environment):
    begin = time.monotonic()
    run([asectl, "create", "x"], LIMIT_S, cwd=folder, env=environment)
    # Any free port: the usual one may be in use here.
    command = [asectl, "serve", "--port", "0", "--http", "127.0.0.1:0"]
    with Serve(command, folder / "x", environment) as serve:
        call = [asectl, "call", serve.address, "text=hello"]
        text = run(call, LIMIT_S, cwd=folder / "x", env=environment)
        took = time.monotonic() - begin
    if "HELLO" not in text:
        raise BenchError(f"expected HELLO in the answer, got {text!r}")
    return took


def import_row(settings):
    bare, ours = [], []
    for number in range(IMPORTS):
        settings.say(f"desk: import {number + 1} of {IMPORTS}")
        bare.append(start_ms("pass"))
        ours.append(start_ms("import aiges.sdk"))

    ms = statistics.median(ours) - statistics.median(bare)
    fields = {
        "import_ms": round(ms, 1),
        "quickest_ms": round(min(ours) - min(bare), 1),
        "bare_ms": round(statistics.median(bare), 1),
        "target_ms": IMPORT_MS,
    }
    return Row("import_sdk", f"{ms:.0f} ms", f"<= {IMPORT_MS} ms", ms <= IMPORT_MS, fields)


def start_ms(statement):
    begin = time.perf_counter()
    run([sys.executable, "-c", statement], LIMIT_S)
    return (time.perf_counter() - begin) * 1000


def run(command, limit_s, cwd=None, env=None):
    """The output of a command; BenchError when it fails."""
    try:
        done = subprocess.run(
            command,
            cwd=cwd,
            env=env,
            capture_output=True,
            text=True,
            timeout=limit_s,
            preexec_fn=die_with_parent,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise BenchError(f"{' '.join(command)}: {error}") from error
    if done.returncode != 0:
        raise BenchError(f"{' '.join(command)}\nended with {done.returncode}: {done.stderr}")
    return done.stdout
