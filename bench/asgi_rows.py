# SPDX-License-Identifier: Apache-2.0
"""One ASGI application behind the loader and behind the servers that people have, with wrk."""

import contextlib
import re
import shutil
import socket
import statistics
import subprocess
import sys
import time
from pathlib import Path

from processes import BenchError, Loader, Server
from report import Row

BENCH = Path(__file__).resolve().parent
APP = BENCH / "asgi"
PEERS = BENCH.parent / "build" / "bench" / "peers"  # Their environment, made once.
PACKAGES = ("uvicorn==0.54.0", "httptools", "uvloop", "granian")
IN_FLIGHT = 32
UVICORN_RATIO, GRANIAN_RATIO = 2.5, 1.1


class Peer(Server):
    """A server of others with one worker; ready when it takes connections."""

    def __init__(self, *command):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        super().__init__(*command, "--port", self.port)

    def prepare(self):
        shutil.copy(APP / "app.py", self.folder.name)

    def wait_ready(self):
        for _ in range(200):
            with socket.socket() as client:
                if client.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.05)
        raise self.failure("did not take connections within 10 s")


def uvicorn(*options):
    quiet = ("--no-access-log", "--log-level", "warning", "--host", "127.0.0.1")
    return Peer(PEERS / "bin" / "uvicorn", "app:app", *quiet, *options)


def granian():
    quiet = ("--interface", "asgi", "--workers", "1", "--no-access-log", "--host", "127.0.0.1")
    return Peer(PEERS / "bin" / "granian", "app:app", *quiet)


def asgi_rows(settings):
    """requests/s of an ASGI echo of 1 KB, over uvicorn and Granian with one worker each"""
    if shutil.which("wrk") is None:
        raise BenchError("expected the program wrk: apt-get install wrk")
    if not (PEERS / "bin" / "granian").exists():
        settings.say("asgi: installing uvicorn and Granian into build/bench/peers")
        subprocess.run([sys.executable, "-m", "venv", PEERS], check=True)
        subprocess.run([PEERS / "bin" / "pip", "install", "--quiet", *PACKAGES], check=True)
    keys = {"contract": "asgi", "app": "app:app"}
    with contextlib.ExitStack() as servers:
        loader = servers.enter_context(Loader(settings.binaries, APP, sections={"aiges": keys}))
        plain = servers.enter_context(uvicorn("--loop", "asyncio", "--http", "h11"))
        tuned = servers.enter_context(uvicorn("--loop", "uvloop", "--http", "httptools"))
        rust = servers.enter_context(granian())
        ports = {
            "aiges": int(loader.http.rpartition(":")[2]),
            "uvicorn": plain.port,
            "uvicorn_tuned": tuned.port,
            "granian": rust.port,
        }
        rates = {name: [] for name in ports}
        for number in range(settings.runs):
            settings.say(f"asgi: run {number + 1} of {settings.runs}")
            for name, port in ports.items():
                rates[name].append(requests_per_s(port, settings.seconds))
    yield row("asgi_uvicorn", rates, "uvicorn", UVICORN_RATIO)
    yield row("asgi_uvicorn_tuned", rates, "uvicorn_tuned", None)
    yield row("asgi_granian", rates, "granian", GRANIAN_RATIO)


def requests_per_s(port, seconds):
    command = ["wrk", "-t1", f"-c{IN_FLIGHT}", f"-d{max(1, round(seconds))}s", "-s"]
    command += [str(APP / "post.lua"), f"http://127.0.0.1:{port}/"]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    rate = re.search(r"Requests/sec:\s+([\d.]+)", text)
    if rate is None or "Non-2xx" in text or "Socket errors" in text:
        raise BenchError(f"expected wrk to count only good answers, got:\n{text}")
    return float(rate[1])


def row(name, rates, peer, target):
    # Neighbours are compared, as what the machine does to one it mostly does to the next.
    ratio = statistics.median(ours / theirs for theirs, ours in zip(rates[peer], rates["aiges"]))
    fields = {
        "in_flight": IN_FLIGHT,
        "bytes": 1024,
        "calls_per_s": round(statistics.median(rates["aiges"]), 1),
        "peer_calls_per_s": round(statistics.median(rates[peer]), 1),
        "turns": len(rates[peer]),
        "ratio": round(ratio, 3),
        "target_ratio": target,
    }
    wanted = "-" if target is None else f">= {target:.0%}"
    return Row(name, f"{ratio:.0%} of {peer}", wanted, target is None or ratio >= target, fields)
