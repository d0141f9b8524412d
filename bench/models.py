# SPDX-License-Identifier: Apache-2.0
"""Many models in one loader: what a bad neighbour costs, and what a model that is not loaded costs.

    bench/models.py [--bin build/bin] [--turns 3] [--seconds 4] [--cycles 100] [--known 1000]

    beside a crash loop   p99 of a steady model while another ends with each of its calls, by the
                          p99 without that; target <= 1.5
    beside a flood        calls/s of a model in a closed loop while another is asked ten times as
                          much, by half of the calls/s that it has alone; target >= 0.45
    known                 ports and listing of that many models, of which 20 are loaded: <= 1 s,
                          <= 10 ms; loader memory for each that is not loaded: <= 20 KB
    first call            to an unloaded echo: <= 150 ms
    cycles                loads and unloads under load: calls lost, growth of the loader

Needs xtest and nothing else.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

from processes import BenchError, Server

ROOT = Path(__file__).resolve().parents[1]
ECHO = """
import os
def wrapperOnceExec(usrTag, params, reqData, respData, psrIds, psrCnt):
    if reqData[0]["data"] == b"exit":
        os._exit(3)
    data = reqData[0]["data"]
    respData.append({"key": "data", "data": data, "len": len(data), "type": 0, "status": 3})
    return 0
"""


class Loader(Server):
    def __init__(self, binaries, repository, **models):
        super().__init__(binaries / "AIService", "-s=svc")
        self.models = {"repository": str(repository), **models}

    def prepare(self):
        config = {
            "svc": {"host": "127.0.0.1", "port": 0},
            "wrapper": {"http_listen": "127.0.0.1:0"},
            # A python3 on PATH may be a script that looks for one.
            "instances": {"lame_duck_ms": 0, "python": sys.executable},
            "log": {"level": "error"},
            "models": self.models,
        }
        lines = []
        for section, keys in config.items():
            lines += [f"[{section}]", *(f"{key} = {json.dumps(v)}" for key, v in keys.items())]
        (Path(self.folder.name) / "aiges.toml").write_text("\n".join(lines), encoding="utf-8")

    def wait_ready(self):
        self.http = self.wait_line(r"AIService listening grpc=\S+ http=(\S+)")[1]
        self.listening_s = time.monotonic() - self.started

    def call(self, model, data=b"x", timeout_s=30):
        url = f"http://{self.http}/v1/raw/{model}"
        with urllib.request.urlopen(urllib.request.Request(url, data), timeout=timeout_s) as got:
            return got.read()

    def wait_back(self, model, timeout_s=60):
        """Until a model whose workers have died again and again answers."""
        until = time.monotonic() + timeout_s
        while True:
            try:
                return self.call(model)
            except urllib.error.HTTPError:
                if time.monotonic() > until:
                    raise
                time.sleep(0.1)

    def change(self, model, what):
        url = f"http://{self.http}/v2/repository/models/{model}/{what}"
        with urllib.request.urlopen(urllib.request.Request(url, b"{}"), timeout=60) as got:
            got.read()

    def listing(self):
        url = f"http://{self.http}/v2/repository/index"
        with urllib.request.urlopen(urllib.request.Request(url, b""), timeout=60) as got:
            return json.load(got)

    def rss_kb(self):
        for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1])
        raise BenchError("expected VmRSS in /proc/<pid>/status, found none")


def write_models(folder, names):
    for name in names:
        place = folder / name / "1"
        place.mkdir(parents=True)
        (place / "wrapper.py").write_text(ECHO, encoding="utf-8")


def xtest(binaries, loader, model, seconds, *more):
    with tempfile.TemporaryDirectory() as folder:
        body, result = Path(folder) / "body", Path(folder) / "result.json"
        body.write_bytes(b"x" * 256)
        command = [binaries / "xtest", "-protocol=http", f"-target={loader.http}"]
        command += [f"-path=/v1/raw/{model}", f"-body={body}", f"-duration={seconds}s", "-quiet"]
        command += ["-warmup=500ms", "-metrics=off", f"-json={result}", f"-out={folder}/run", *more]
        done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
        if not result.exists():
            raise BenchError(f"xtest wrote no result: {done.stdout[-500:]}{done.stderr[-500:]}")
        return json.loads(result.read_text(encoding="utf-8"))


class Beside:
    """Sends something again and again, on a thread, while the block runs."""

    def __init__(self, ask, pause_s=0.0, threads=1):
        self.ask, self.pause_s, self.ended = ask, pause_s, threading.Event()
        self.threads = [threading.Thread(target=self._run) for _ in range(threads)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()

    def __exit__(self, *_):
        self.ended.set()
        for thread in self.threads:
            thread.join()

    def _run(self):
        while not self.ended.is_set():
            try:
                self.ask()
            except (OSError, ValueError):
                pass
            time.sleep(self.pause_s)


def neighbours(arguments, folder):
    write_models(folder, ["steady", "other"])
    calm, crash, alone, flood = [], [], [], []
    with Loader(arguments.bin, folder) as loader:
        for name in ("steady", "other"):
            loader.call(name)
        steady = ("-rate=300", "-concurrency=64")
        for _ in range(arguments.turns):
            calm.append(xtest(arguments.bin, loader, "steady", arguments.seconds, *steady))
            with Beside(lambda: loader.call("other", b"exit"), 0.02):
                crash.append(xtest(arguments.bin, loader, "steady", arguments.seconds, *steady))
            loader.wait_back("other")
            busy = ("-concurrency=8",)
            alone.append(xtest(arguments.bin, loader, "steady", arguments.seconds, *busy))
            other = threading.Thread(
                target=xtest,
                args=(arguments.bin, loader, "other", arguments.seconds + 1, "-concurrency=80"),
            )
            other.start()
            flood.append(xtest(arguments.bin, loader, "steady", arguments.seconds, *busy))
            other.join()
    p99 = [statistics.median(figure(run, "p99") for run in runs) for runs in (calm, crash)]
    rates = [statistics.median(figure(run, "rate") for run in runs) for runs in (alone, flood)]
    row("beside a crash loop, p99", p99[1] / p99[0], "<= 1.5", f"{p99[0]:.2f} -> {p99[1]:.2f} ms")
    row("beside a flood, calls/s", rates[1] / (rates[0] / 2), ">= 0.45", f"{rates[0]:.0f} alone")


def figure(run, name):
    (step,) = run["steps"]
    return step["throughput"] if name == "rate" else step["latency"]["p99_ns"] / 1e6


def known(arguments, folder):
    names = [f"m{i:05}" for i in range(arguments.known)]
    write_models(folder, names)
    rss = []
    for load in ([], names[:20]):
        with Loader(arguments.bin, folder, load=load) as loader:
            if not load:
                rss.append(loader.rss_kb())
                continue
            row(f"{arguments.known} known, ports", loader.listening_s * 1e3, "<= 1000 ms")
            times = []
            for _ in range(5):
                begin = time.monotonic()
                loader.listing()
                times.append((time.monotonic() - begin) * 1e3)
            row("listing", statistics.median(times), "<= 10 ms")
    few = folder.parent / "few"
    write_models(few, names[:1])
    with Loader(arguments.bin, few, load=[]) as loader:
        rss.append(loader.rss_kb())
    row("memory for each", (rss[0] - rss[1]) / (arguments.known - 1), "<= 20 KB")


def first_call(arguments, folder):
    write_models(folder, ["echo"])
    times = []
    with Loader(arguments.bin, folder, load=[], idle_unload_s=1) as loader:
        for _ in range(7):
            wait_unloaded(loader)
            begin = time.monotonic()
            loader.call("echo")
            times.append((time.monotonic() - begin) * 1e3)
    row("first call", statistics.median(times), "<= 150 ms", f"of 7, most {max(times):.0f}")


def wait_unloaded(loader):
    until = time.monotonic() + 30
    while time.monotonic() < until:
        with urllib.request.urlopen(f"http://{loader.http}/status.json", timeout=5) as got:
            if all(model["state"] == "unloaded" for model in json.load(got)["models"]):
                return
        time.sleep(0.05)
    raise BenchError("the model was not unloaded within 30 s")


def cycles(arguments, folder):
    write_models(folder, ["steady", "echo"])
    counts = {"right": 0, "unloaded": 0, "lost": 0}

    def ask(model):
        try:
            counts["right" if loader.call(model) == b"x" else "lost"] += 1
        except urllib.error.HTTPError as error:
            counts["unloaded" if error.code in (404, 503) and model == "echo" else "lost"] += 1
        except OSError:
            counts["lost"] += 1

    with Loader(arguments.bin, folder) as loader:
        with Beside(lambda: ask("steady")), Beside(lambda: ask("echo"), threads=2):
            for i in range(arguments.cycles):
                loader.change("echo", "unload")
                loader.change("echo", "load")
                if i == arguments.cycles // 10:
                    before = loader.rss_kb()
        grown = loader.rss_kb() - before
    row(f"{arguments.cycles} cycles, lost", counts["lost"], "0", f"{counts['right']} right")
    row("growth of the loader", grown / 1024, "flat (MB)")


def row(name, value, target, note=""):
    print(f"{name:<32}{value:>10.2f}   {target:<12}{note}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bin", type=Path, default=ROOT / "build" / "bin")
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=4)
    parser.add_argument("--cycles", type=int, default=100)
    parser.add_argument("--known", type=int, default=1000)
    parser.add_argument("--only", choices=["neighbours", "known", "first_call", "cycles"])
    arguments = parser.parse_args()
    for part in (neighbours, known, first_call, cycles):
        if arguments.only in (None, part.__name__):
            with tempfile.TemporaryDirectory(prefix="aiges-bench-models-") as folder:
                part(arguments, Path(folder) / "models")


if __name__ == "__main__":
    main()
