# SPDX-License-Identifier: Apache-2.0
"""What a call from model to model costs, beside a call from outside less its front.

    bench/nested.py [--bin build/bin] [--calls 2000] [--turns 5]

Both are calls of one Python echo, one after the other, in turns. From outside, less its front: what
the client measures, less what it measures for a POST of the same bytes that the front answers
itself (a refusal). Inside: queue, channel and engine as the loader says them of the same calls
(Server-Timing), which ends before the answer is back with the front. Nested: the time that
aiges.call takes in the calling hook, all of it: the answer is back with who has asked.
"""

import argparse
import http.client
import re
import statistics
import tempfile
import time
from pathlib import Path

from processes import Loader

BUILD = Path(__file__).resolve().parent.parent / "build"
TARGET = 1.5
ECHO = """
def wrapperInit(config):
    return 0

def wrapperOnceExec(usrTag, params, reqData, respData, psrIds, psrCnt):
    for item in reqData:
        respData.append({**item, "len": len(item["data"]), "status": 3})
    return 0
"""
CALLER = """
import statistics, time
import aiges

def wrapperInit(config):
    return 0

def wrapperOnceExec(usrTag, params, reqData, respData, psrIds, psrCnt):
    took = []
    for _ in range(int(params["calls"])):
        begin = time.perf_counter()
        aiges.call("echo", reqData)
        took.append(time.perf_counter() - begin)
    text = str(statistics.median(took) * 1e6)
    respData.append({"key": "us", "data": text, "len": len(text), "type": 0, "status": 3})
    return 0
"""


def post(connection, path, body, status=200):
    connection.request("POST", path, body, {"Content-Type": "application/octet-stream"})
    answer = connection.getresponse()
    text = answer.read()
    if answer.status != status:
        raise RuntimeError(f"expected {status}, got {answer.status}: {text!r}")
    return answer, text


def outside_us(connection, calls, body):
    """(of the client, of the front alone, inside)."""
    whole, front, inside = [], [], []
    for _ in range(calls):
        begin = time.perf_counter()
        answer, _ = post(connection, "/v1/raw/echo", body)
        whole.append(time.perf_counter() - begin)
        timing = answer.getheader("Server-Timing")
        inside.append(float(re.search(r"total;dur=([0-9.]+)", timing)[1]) * 1e3)
        begin = time.perf_counter()
        post(connection, "/v1/raw/echo?timeout_ms=none", body, status=400)
        front.append(time.perf_counter() - begin)
    return *(statistics.median(each) * 1e6 for each in (whole, front)), statistics.median(inside)


def nested_us(connection, calls, body):
    _, text = post(connection, f"/v1/raw/caller?p.calls={calls}", body)
    return float(text)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bin", type=Path, default=BUILD / "bin")
    parser.add_argument("--calls", type=int, default=2000)
    parser.add_argument("--turns", type=int, default=5)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for name, text in {"echo": ECHO, "caller": CALLER}.items():
            place = Path(folder, name, "1")
            place.mkdir(parents=True)
            (place / "wrapper.py").write_text(text, encoding="utf-8")
        sections = {"models": {"repository": folder}, "queue": {"default_timeout_ms": 60_000}}
        with Loader(arguments.bin, folder, sections=sections) as loader:
            measure(http.client.HTTPConnection(loader.http), arguments)


def measure(connection, arguments):
    print(f"{'bytes':>9}  {'outside':>7}  {'front':>7}  {'inside':>7}  {'nested us':>9}  ratio")
    for size in (64, 4096, 100_000, 1_000_000):
        body, calls = b"x" * size, max(arguments.calls // (1 + size // 50_000), 50)
        turns = [
            (*outside_us(connection, calls, body), nested_us(connection, calls, body))
            for _ in range(arguments.turns)
        ]
        outside, front, inside, nested = (statistics.median(each) for each in zip(*turns))
        ratio = nested / (outside - front)
        met = "" if size > 64 else f"  (<= {TARGET}: {'met' if ratio <= TARGET else 'missed'})"
        figures = "  ".join(f"{us:7.1f}" for us in (outside, front, inside))
        print(f"{size:>9}  {figures}  {nested:>9.1f}  {ratio:.2f}{met}")


if __name__ == "__main__":
    main()
