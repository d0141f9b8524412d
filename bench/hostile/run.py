# SPDX-License-Identifier: Apache-2.0
"""What hostile peers do to everybody else: one loader under a steady load of right calls over all
protocols, each peer in its turn.

    .venv/bin/python bench/hostile/run.py --bin build/bin [--short] [--only NAME,..]

Prints one table: of the steady load the calls, those refused with a limit's name, wrong and
unanswered ones, p99 against calm; resident memory of the loader before, at its peak, and after the
peer left. Writes build/bench/hostile.json. Ends with 1 when a call was wrong or unanswered, or the
loader did not end in order; other targets that are missed are marked. Peers:
{peers}
"""

import argparse
import json
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

BENCH = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(BENCH))

from peers import PEERS  # noqa: E402
from processes import BenchError, Loader, die_with_parent  # noqa: E402

MEGABYTE = 1 << 20
# What the loader is allowed, and so what its memory may grow by while a peer is there: the queue's
# bytes once for what waits and once for answers, and what resources may take.
QUEUE_BYTES = 256 * MEGABYTE
BUDGET_MB = 1024
SETTLED_MB = 10
SETTLE_S, SHORT_SETTLE_S = 10, 1
SECTIONS = {"fc": {"max": 4096}, "queue": {"max_bytes": QUEUE_BYTES, "default_timeout_ms": 8000}}
INSTANCES = {
    "idempotent": True,
    "hang_kill_ms": 1000,
    "max_rss_mb": 500,
    "drain_ms": 5000,
    "lame_duck_ms": 0,
}


def say(text):
    print(text, file=sys.stderr, flush=True)


class Steady:
    """The load, as a process of its own; its records are there when it has ended."""

    def __init__(self, loader, folder):
        self.out = Path(folder) / "steady.json"
        command = [sys.executable, BENCH / "hostile" / "steady.py", "--out", self.out]
        command += ["--grpc", loader.grpc, "--http", loader.http]
        self.process = subprocess.Popen(
            [str(part) for part in command],
            stdout=subprocess.PIPE,
            text=True,
            preexec_fn=die_with_parent,
        )
        if self.process.stdout.readline().strip() != "steady":
            raise BenchError("the steady load did not start; its error stands above")

    def end(self):
        self.process.terminate()
        self.process.wait(60)
        return json.loads(self.out.read_text(encoding="utf-8"))

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


class Memory:
    """Samples the loader's resident memory until it is stopped."""

    def __init__(self, loader):
        self.loader, self.peak, self._stop = loader, loader.memory_mb()[0], threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)
        self._thread.start()

    def _sample(self):
        while not self._stop.wait(0.05):
            try:
                self.peak = max(self.peak, self.loader.memory_mb()[0])
            except (OSError, TypeError):
                return  # It has gone; whoever waits for it says so.

    def end(self):
        self._stop.set()
        self._thread.join()
        return self.peak


def settled(loader, before, seconds):
    """Resident memory as soon as it is near what it was, or after so long."""
    until = time.monotonic() + seconds
    while True:
        after = loader.memory_mb()[0]
        if after <= before + SETTLED_MB or time.monotonic() >= until:
            return after
        time.sleep(0.2)


def disturbed(loader, name, seconds, settle_s):
    """One peer: (begin, end) of its time, memory before, peak and after."""
    command = [sys.executable, BENCH / "hostile" / "peers.py", name, "--grpc", loader.grpc]
    command += ["--http", loader.http, "--loader", loader.process.pid, "--seconds", seconds]
    before, memory, begin = loader.memory_mb()[0], Memory(loader), time.monotonic()
    peer = subprocess.Popen([str(part) for part in command], preexec_fn=die_with_parent)
    try:
        peer.wait(seconds + 60)
    finally:
        if peer.poll() is None:
            peer.kill()
            peer.wait()
    end = time.monotonic()
    peak = memory.end()
    if loader.process.poll() is not None:
        raise loader.failure(f"ended while {name} was there")
    return (begin, end), before, peak, settled(loader, before, settle_s)


def percentile(values, share):
    values = sorted(values)
    return values[min(len(values) - 1, int(len(values) * share))] if values else 0.0


def told(name, records, span, calm_p99, memory):
    """The row of a peer: what of the steady load was sent in its time."""
    mine = [record for record in records if span[0] <= record[1] <= span[1]]
    count = {v: sum(r[3] == v for r in mine) for v in ("right", "refused", "wrong", "unanswered")}
    p99 = percentile([record[2] for record in mine if record[3] == "right"], 0.99) * 1000
    faults = [record for record in mine if record[3] in ("wrong", "unanswered")]
    row = {"peer": name, "calls": len(mine), **count, "p99_ms": round(p99, 1)}
    row["faults"] = [f"{record[0]}: {record[4]}" for record in faults[:5]]
    if memory:
        before, peak, after = memory
        row.update(before_mb=round(before, 1), peak_mb=round(peak, 1), after_mb=round(after, 1))
    missed = []
    if calm_p99 is not None and p99 > max(3 * calm_p99, calm_p99 + 10):
        missed.append("p99")
    if memory and memory[1] > memory[0] + BUDGET_MB:
        missed.append("peak")
    if memory and memory[2] > memory[0] + SETTLED_MB:
        missed.append("after")
    row["missed"] = missed
    return row


COLUMNS = ["peer", "calls", "refused", "wrong", "unanswered", "p99_ms", "before_mb", "peak_mb"]
COLUMNS += ["after_mb", "missed"]


def table(rows):
    lines = ["| " + " | ".join(COLUMNS) + " |", "|---" * len(COLUMNS) + "|"]
    for row in rows:
        cells = [", ".join(c) if isinstance(c := row.get(k, ""), list) else str(c) for k in COLUMNS]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def measure(arguments, names):
    seconds, calm_s = (2, 3) if arguments.short else (10, 10)
    settle_s = SHORT_SETTLE_S if arguments.short else SETTLE_S
    spans = []
    options = {"count": 2, "sections": SECTIONS, "instances": INSTANCES}
    with (
        tempfile.TemporaryDirectory(prefix="aiges-hostile-") as folder,
        Loader(arguments.bin.resolve(), BENCH / "hostile" / "engine", **options) as loader,
    ):
        steady = Steady(loader, folder)
        try:
            time.sleep(1)  # Connections are open, code and data are warm.
            say(f"calm for {calm_s} s")
            begin = time.monotonic()
            time.sleep(calm_s)
            spans.append(("calm", (begin, time.monotonic()), None))
            for name in names:
                say(f"{name}: {PEERS[name].__doc__.splitlines()[0]}")
                span, *memory = disturbed(loader, name, seconds, settle_s)
                spans.append((name, span, memory))
            records = steady.end()
        finally:
            steady.kill()
    rows, calm_p99 = [], None
    for name, span, memory in spans:
        rows.append(told(name, records, span, calm_p99, memory))
        calm_p99 = rows[0]["p99_ms"]
    return rows


def names_of(text):
    names = text.split(",")
    if unknown := [name for name in names if name not in PEERS]:
        raise argparse.ArgumentTypeError(f"expected some of {', '.join(PEERS)}; got {unknown[0]}")
    return names


def main():
    peers = "\n".join(f"  {name:17} {function.__doc__}" for name, function in PEERS.items())
    parser = argparse.ArgumentParser(
        description=__doc__.format(peers=peers),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    build = BENCH.parent / "build"
    parser.add_argument("--bin", type=Path, default=build / "bin", help="folder with AIService")
    parser.add_argument("--out", type=Path, default=build / "bench", help="folder for the figures")
    parser.add_argument("--short", action="store_true", help="2 s a peer: a check, not a figure")
    parser.add_argument("--only", type=names_of, default=list(PEERS), metavar="NAME,..")
    arguments = parser.parse_args()
    try:
        rows = measure(arguments, arguments.only)
    except BenchError as error:
        print(f"hostile: {error}", file=sys.stderr)
        return 1
    arguments.out.mkdir(parents=True, exist_ok=True)
    (arguments.out / "hostile.json").write_text(json.dumps(rows, indent=1), encoding="utf-8")
    print(table(rows))
    for row in rows:
        for fault in row["faults"]:
            print(f"{row['peer']}: {fault}")
    return int(any(row["wrong"] or row["unanswered"] for row in rows))


if __name__ == "__main__":
    sys.exit(main())
