# SPDX-License-Identifier: Apache-2.0
"""What to plan a machine with (docs/sizing.md): memory of each part, CPU time of a call, disk."""

import socket
import statistics
import tempfile
import time
from pathlib import Path

from metrics_row import cpu_ns
from processes import Loader, load
from report import Row
from rows import BENCH

CONNECTIONS = 500
WORKERS = 4
CALLS = (("xsf", 256), ("raw", 256), ("json", 256), ("raw", 1 << 20))


def sizing_rows(settings):
    """memory of loader, worker and connection, CPU time of a call, disk of a usage record"""
    with Loader(settings.binaries, BENCH / "echo", count=WORKERS) as loader:
        settings.say("sizing: memory")
        own = [memory_kb(pid) for pid in loader.workers()]
        yield told("sizing_loader", memory_kb(loader.process.pid) / 1024, "MB")
        yield told("sizing_worker", statistics.median(own) / 1024, "MB")
        yield told("sizing_connection", connection_kb(loader), "KiB")
    with tempfile.TemporaryDirectory(prefix="aiges-sizing-") as folder:
        metering = {"metering": {"folder": folder, "on_full": "drop"}}
        with Loader(settings.binaries, BENCH / "echo", sections=metering) as loader:
            for protocol, length in CALLS:
                settings.say(f"sizing: {protocol}, {length} bytes")
                yield cpu_row(settings, loader, protocol, length)
            yield told("sizing_usage_record", record_bytes(Path(folder)), "bytes")


def cpu_row(settings, loader, protocol, length):
    address = loader.grpc if protocol == "xsf" else loader.http
    before = [cpu_ns(pid) for pid in (loader.process.pid, *loader.workers())]
    options = ("--warmup", 0)  # Its calls would cost, and not be counted.
    done = load(
        settings.bench_binaries, protocol, address, 32, length, settings.seconds, options=options
    )
    after = [cpu_ns(pid) for pid in (loader.process.pid, *loader.workers())]
    spent = [(b - a) / done["calls"] / 1000 for a, b in zip(before, after)]
    fields = {
        "in_flight": 32,
        "bytes": length,
        "calls_per_s": done["calls_per_s"],
        "loader_us": round(spent[0], 1),
        "worker_us": round(sum(spent[1:]), 1),
    }
    shown = f"{spent[0]:.0f} us of the loader, {sum(spent[1:]):.0f} us of the worker"
    return Row(f"sizing_{protocol}_{length}", shown, None, None, fields)


def told(name, value, unit):
    return Row(name, f"{value:.1f} {unit}", None, None, {"value": round(value, 2), "unit": unit})


def memory_kb(pid):
    """What a process has for itself, and its part of what it shares."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1])
    return 0


def connection_kb(loader):
    """Of an idle HTTP connection that has asked for something."""
    host, port = loader.http.rsplit(":", 1)
    before = loader.memory_mb()[1]
    open_ones = []
    for _ in range(CONNECTIONS):
        connection = socket.create_connection((host, int(port)))
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        connection.recv(4096)
        open_ones.append(connection)
    time.sleep(0.5)
    grown = loader.memory_mb()[1] - before
    for connection in open_ones:
        connection.close()
    return grown * 1024 / CONNECTIONS


def record_bytes(folder):
    time.sleep(2)  # The sink writes twice a second.
    (*_, newest) = sorted(folder.glob("usage-*.jsonl"))
    text = newest.read_bytes()
    return len(text) / max(1, text.count(b"\n"))
