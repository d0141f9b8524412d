# SPDX-License-Identifier: Apache-2.0
"""Streams, batches, open sessions, and what stays of a long mixed load."""

import statistics
import threading
import time
from pathlib import Path

import grpc
from processes import BenchError, LimitServer, Loader, load
from report import Row
from rows import alternate, medians

BENCH = Path(__file__).resolve().parent
EXAMPLES = BENCH.parent / "docs" / "examples"
SESSIONS = 5000
# ReqData{op: "AIIn", param: {"SeqNo": "1"}}: opens an XSF session without input.
OPEN_SESSION = b"\x0a\x04AIIn\x1a\x0a\x0a\x05SeqNo\x12\x011"


def stream_rows(settings):
    """items/s of a Python generator by gRPC, over a bare C++ gRPC stream; time to the first"""
    limit_runs, packed_runs, runs, first, once = [], [], [], [], []
    client, seconds = settings.bench_binaries, settings.seconds

    def bare_stream(limit, options):
        return load(client, "stream", limit.grpc, 1, 0, seconds, False, options)

    with LimitServer(client) as limit, Loader(settings.binaries, BENCH / "tokens") as loader:
        with Loader(settings.binaries, BENCH / "echo") as echo:
            for number in range(settings.runs):
                settings.say(f"stream: run {number + 1} of {settings.runs}")
                runs.append(load(client, "stream", loader.grpc, 1, 0, seconds))
                limit_runs.append(bare_stream(limit, ()))
                packed_runs.append(bare_stream(limit, packed_as(runs[-1])))
                once.append(load(client, "xsf", echo.grpc, 1, 1, seconds))
                first.append(load(client, "first", loader.grpc, 1, 0, seconds))
    bare, served, packed = medians(limit_runs), medians(runs), medians(packed_runs)
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
    alike = served["calls_per_s"] / packed["calls_per_s"]
    fields = {
        **fields,
        "limit_calls_per_s": packed["calls_per_s"],
        "ratio": round(alike, 4),
        "target_ratio": None,
        "items_per_message": statistics.median(map(items_of, runs)),
        "bytes_per_message": statistics.median(map(bytes_of, runs)),
    }
    shown = f"{alike:.0%} of a limit with {fields['items_per_message']} items a message, too"
    yield Row("stream_packed", shown, None, None, fields)
    fields = {"in_flight": 1, **medians(first), "once_p50_us": medians(once)["p50_us"]}
    added = fields["p50_us"] - fields["once_p50_us"]
    shown = f"once call {added:+.0f} us"
    yield Row("first_item", shown, "<= once call +20 us", added <= 20, fields)


def items_of(run):
    return max(1, round(run["calls"] / run["messages"]))


def bytes_of(run):
    return max(1, round(run["message_bytes"] / run["messages"]))


def packed_as(run):
    """The bare stream's messages as long as those of this run, with as many items."""
    return ("--items", items_of(run), "--message-bytes", bytes_of(run))


def batch_rows(settings):
    """64 clients of an engine of 5 ms + 0.2 ms an item, batched, over not batched"""
    results = []
    for size in (1, 64):
        sections = {"batch": {"max_size": size, "max_delay_us": 500}}
        one = {"threads": 1}  # Without it calls that wait run on more threads, at once.
        with Loader(settings.binaries, BENCH / "batch", sections=sections, instances=one) as loader:
            runs = []
            for number in range(settings.runs):
                settings.say(f"batch of {size}: run {number + 1} of {settings.runs}")
                runs.append(
                    load(settings.bench_binaries, "xsf", loader.grpc, 64, 64, settings.seconds)
                )
            results.append(medians(runs))
    plain, batched = results
    ratio = batched["calls_per_s"] / plain["calls_per_s"]
    fields = {
        "in_flight": 64,
        "bytes": 64,
        **batched,
        "unbatched_calls_per_s": plain["calls_per_s"],
        "ratio": round(ratio, 4),
        "target_ratio": 8,
    }
    yield Row("batching", f"{ratio:.1f} x no batching", ">= 8 x", ratio >= 8, fields)
    yield batch_alone_row(settings)


def batch_alone_row(settings):
    """One client of an engine that costs nothing, where its calls may wait for company: they do
    not. Both in turns; the noise is how far apart the runs without batching are."""
    with batching(settings, 1) as plain, batching(settings, 64) as batched:
        sides = (("xsf", plain.grpc), ("xsf", batched.grpc))
        more = settings._replace(runs=max(settings.runs, 3))
        first, second = alternate(more, sides, 1, 64, check_first=True)
    noise = max(first["p50_us_runs"]) - min(first["p50_us_runs"])
    added = second["p50_us"] - first["p50_us"]
    fields = {
        "in_flight": 1,
        "bytes": 64,
        **second,
        "unbatched_p50_us": first["p50_us"],
        "unbatched_p50_us_runs": first["p50_us_runs"],
        "added_p50_us": round(added, 1),
        "noise_us": round(noise, 1),
    }
    shown = f"{added:+.1f} us of {first['p50_us']:.0f} us, noise {noise:.1f} us"
    return Row("batch_alone", shown, "<= noise or 5 us", added <= max(noise, 5), fields)


def batching(settings, size):
    sections = {"batch": {"max_size": size, "max_delay_us": 500}}
    return Loader(settings.binaries, BENCH / "batch_echo", sections=sections)


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
