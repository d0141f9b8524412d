"""Streams, batches, open sessions, and what kills and reloads cost."""

import os
import signal
import statistics
import threading
import time
from pathlib import Path

import grpc
from processes import BenchError, LimitServer, Loader, load
from report import Row
from rows import medians

BENCH = Path(__file__).resolve().parent
EXAMPLES = BENCH.parent / "docs" / "examples"
SESSIONS = 5000
# ReqData{op: "AIIn", param: {"SeqNo": "1"}}: opens an XSF session without input.
OPEN_SESSION = b"\x0a\x04AIIn\x1a\x0a\x0a\x05SeqNo\x12\x011"


def stream_rows(settings):
    """items/s of a Python generator by gRPC, over a bare C++ gRPC stream; time to the first"""
    limit_runs, runs, first, once = [], [], [], []
    client, seconds = settings.bench_binaries, settings.seconds
    with LimitServer(client) as limit, Loader(settings.binaries, BENCH / "tokens") as loader:
        with Loader(settings.binaries, BENCH / "echo") as echo:
            for number in range(settings.runs):
                settings.say(f"stream: run {number + 1} of {settings.runs}")
                limit_runs.append(load(client, "stream", limit.grpc, 1, 0, seconds, check=False))
                runs.append(load(client, "stream", loader.grpc, 1, 0, seconds))
                once.append(load(client, "xsf", echo.grpc, 1, 1, seconds))
                first.append(load(client, "first", loader.grpc, 1, 0, seconds))
    bare, served = medians(limit_runs), medians(runs)
    ratio = served["calls_per_s"] / bare["calls_per_s"]
    fields = {
        "in_flight": 1,
        "calls_per_s": served["calls_per_s"],
        "calls_per_s_runs": served["calls_per_s_runs"],
        "limit_calls_per_s": bare["calls_per_s"],
        "ratio": round(ratio, 4),
        "target_ratio": 0.5,
    }
    met = ratio >= 0.5 and served["calls_per_s"] >= 100_000
    yield Row("stream_items", f"{ratio:.0%} of the limit", ">= 50 %, 100 k/s", met, fields)
    fields = {"in_flight": 1, **medians(first), "once_p50_us": medians(once)["p50_us"]}
    added = fields["p50_us"] - fields["once_p50_us"]
    shown = f"once call {added:+.0f} us"
    yield Row("first_item", shown, "<= once call +20 us", added <= 20, fields)


def batch_rows(settings):
    """64 clients of an engine of 5 ms + 0.2 ms an item, batched, over not batched"""
    results = []
    for size in (1, 64):
        sections = {"batch": {"max_size": size, "max_delay_us": 500}}
        with Loader(settings.binaries, BENCH / "batch", sections=sections) as loader:
            runs = []
            for number in range(settings.runs):
                settings.say(f"batch of {size}: run {number + 1} of {settings.runs}")
                runs.append(
                    load(settings.bench_binaries, "xsf", loader.grpc, 64, 64, settings.seconds)
                )
            alone = load(settings.bench_binaries, "xsf", loader.grpc, 1, 64, settings.seconds)
            results.append((medians(runs), alone))
    (plain, plain_alone), (batched, batched_alone) = results
    ratio = batched["calls_per_s"] / plain["calls_per_s"]
    fields = {
        "in_flight": 64,
        "bytes": 64,
        **batched,
        "unbatched_calls_per_s": plain["calls_per_s"],
        "alone_p50_us": batched_alone["p50_us"],
        "unbatched_alone_p50_us": plain_alone["p50_us"],
        "ratio": round(ratio, 4),
        "target_ratio": 8,
    }
    yield Row("batching", f"{ratio:.1f} x no batching", ">= 8 x", ratio >= 8, fields)
    added = batched_alone["p50_us"] - plain_alone["p50_us"]
    shown = f"{added:+.0f} us of {plain_alone['p50_us']:.0f} us"
    met = added <= 0.02 * plain_alone["p50_us"]
    yield Row("batch_alone", shown, "no delay (2 %)", met, {"in_flight": 1, **batched_alone})


def sessions_rows(settings):
    """memory of the loader for 5 000 open sessions"""
    sections = {"fc": {"max": SESSIONS + 100, "ttl": 600_000}}
    with Loader(settings.binaries, EXAMPLES / "session", sections=sections) as loader:
        with grpc.insecure_channel(loader.grpc) as channel:
            call = channel.unary_unary("/utils.XsfCall/call")
            for future in [call.future(OPEN_SESSION) for _ in range(200)]:
                future.result(30)
            before = loader.memory_mb()[0]
            settings.say(f"sessions: opening {SESSIONS}")
            for _ in range((SESSIONS - 200) // 200):
                for future in [call.future(OPEN_SESSION) for _ in range(200)]:
                    future.result(30)
            opened = int(loader.metrics()["aiges_sessions_open"])
            if opened != SESSIONS:
                raise BenchError(f"expected {SESSIONS} open sessions, got {opened}")
            each_kb = (loader.memory_mb()[0] - before) * 1024 / (SESSIONS - 200)
    fields = {"sessions": SESSIONS, "kb_each": round(each_kb, 2)}
    yield Row("open_sessions", f"{each_kb:.1f} KB each", "<= 20 KB", each_kb <= 20, fields)


def answers(loader):
    """{code: calls} so far."""
    prefix = 'aiges_requests_total{code="'
    found = {k[len(prefix) :].rstrip('"}'): v for k, v in loader.metrics().items() if prefix in k}
    return {int(code): int(count) for code, count in found.items()}


def kill_rows(settings):
    """kill -9 of one of two workers every second, under 32 clients"""
    seconds = max(settings.seconds, 10)
    with Loader(settings.binaries, BENCH / "echo", count=2) as loader:
        settings.say("kills: nobody disturbs")
        calm = load(settings.bench_binaries, "xsf", loader.grpc, 32, 256, seconds)
        settings.say(f"kills: one every second for {seconds:.0f} s")
        kills, result = while_disturbed(settings, loader, seconds, kill_one, 1.0)
        codes = answers(loader)
    factor = result["p99_us"] / calm["p99_us"]
    right = set(codes) <= {0, 10109}
    fields = {"in_flight": 32, "bytes": 256, **result, "calm_p99_us": calm["p99_us"]}
    fields.update(kills=kills, codes=codes)
    shown = f"{kills} kills, p99 {factor:.1f} x calm, {codes.get(10109, 0)} of 10109"
    yield Row("kills", shown, "<= 3 x, all answered", right and factor <= 3, fields)


def reload_rows(settings):
    """calls that fail while workers are replaced all the time; 190 s are about 1 000 reloads"""
    seconds = max(settings.seconds, 10)
    with Loader(settings.binaries, BENCH / "echo", count=2) as loader:
        settings.say(f"reloads: for {seconds:.0f} s")
        reloads, _ = while_disturbed(settings, loader, seconds, reload_all, 0.0)
        failed = sum(count for code, count in answers(loader).items() if code != 0)
    fields = {"reloads": reloads, "failed": failed}
    yield Row("reloads", f"{reloads} reloads, {failed} failed calls", "0", failed == 0, fields)


def while_disturbed(settings, loader, seconds, disturb, pause_s):
    """Disturbs while the load runs; (how often, what the client measured)."""
    ending, count = threading.Event(), [0]

    def run():
        while not ending.wait(pause_s):
            disturb(loader)
            count[0] += 1

    thread = threading.Thread(target=run)
    thread.start()
    try:
        # Without looking into answers: those of killed workers are errors, and are counted above.
        result = load(settings.bench_binaries, "xsf", loader.grpc, 32, 256, seconds, check=False)
    finally:
        ending.set()
        thread.join()
    return count[0], result


def kill_one(loader):
    workers = loader.workers()
    if len(workers) != 2:
        raise BenchError(f"expected two workers, one to kill, got {len(workers)}")
    os.kill(workers[0], signal.SIGKILL)


def reload_all(loader):
    done = loader.log().count("reload: done")
    loader.process.send_signal(signal.SIGHUP)
    until = time.monotonic() + 30
    while loader.log().count("reload: done") == done:
        if time.monotonic() > until:
            raise BenchError("a reload did not end within 30 s")
        time.sleep(0.02)


def soak_rows(settings):
    """memory of the loader under mixed load; give it time: --only soak --seconds 600"""
    seconds = max(settings.seconds, 20)
    clients = settings.bench_binaries
    with Loader(settings.binaries, BENCH / "tokens") as loader:
        with Loader(settings.binaries, BENCH / "echo") as echo:
            plans = [("first", loader.grpc, 8, 0), ("stream", loader.grpc, 2, 0)]
            plans += [("xsf", echo.grpc, 16, 256), ("raw", echo.http, 4, 200_000)]
            plans += [("json", echo.http, 8, 4096)]
            for server in (loader, echo):
                server.seen = []
            threads = [
                threading.Thread(target=load, args=(clients, *plan, seconds)) for plan in plans
            ]
            begin = time.monotonic()
            for thread in threads:
                thread.start()
            while any(thread.is_alive() for thread in threads):
                for server in (loader, echo):
                    server.seen.append((time.monotonic() - begin, server.memory_mb()[0]))
                time.sleep(1)
            slopes = [slope_mb(server.seen, begin=seconds / 4) for server in (loader, echo)]
    worst = max(slopes)
    fields = {"seconds": seconds, "growth_mb": [round(slope, 2) for slope in slopes]}
    shown = f"{worst:+.2f} MB in {seconds:.0f} s"
    yield Row("soak", shown, "<= 1 MB in 600 s", worst * 600 / seconds <= 1, fields)


def slope_mb(seen, begin):
    """What a straight line through the samples after the warm-up grows by over the whole run."""
    points = [(at, mb) for at, mb in seen if at >= begin]
    at_mean = statistics.fmean(at for at, _ in points)
    mb_mean = statistics.fmean(mb for _, mb in points)
    up = sum((at - at_mean) * (mb - mb_mean) for at, mb in points)
    across = sum((at - at_mean) ** 2 for at, _ in points)
    return up / across * (seen[-1][0] if seen else 0)
