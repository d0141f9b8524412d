# SPDX-License-Identifier: Apache-2.0
"""What production costs: TLS, a key, usage records and traces together, over TLS and over none."""

import collections
import hashlib
import re
import statistics
import subprocess
import tempfile
from pathlib import Path

from cost_rows import collector, traced
from processes import BenchError, Loader
from report import Row
from rows import BENCH
from turns import each_turn

CONNECTIONS, STREAMS, LENGTH = 8, 4, 256  # 32 in flight.
TURN_SECONDS = 1  # The least that h2load takes; turns.py says why they are short.
OF_TLS, OF_BARE = 0.85, 0.70
KEY = "a key of the benchmark"
PATH = "/v1/raw/svcName"


def together_rows(settings):
    """calls/s by HTTP/2 with TLS, key, usage records and 1 % of traces, over TLS and over none"""
    with tempfile.TemporaryDirectory(prefix="aiges-together-") as folder, collector() as endpoint:
        work = Path(folder)
        tls = {"tls": certificate(work)}
        (work / "body").write_bytes(bytes(LENGTH))
        rights = f"bench sha256:{hashlib.sha256(KEY.encode()).hexdigest()} call,admin\n"
        (work / "keys").write_text(rights, encoding="ascii")
        everything = {
            **tls,
            "access": {"keys_file": str(work / "keys")},
            "metering": {"folder": str(work / "usage"), "on_full": "drop"},
            "otlp": traced(endpoint),
        }
        sides = {"bare": {}, "tls": tls, "all": everything}
        loaders = {
            name: Loader(settings.binaries, BENCH / "echo", sections=sections)
            for name, sections in sides.items()
        }
        with loaders["bare"], loaders["tls"], loaders["all"]:
            runs = collections.defaultdict(list)
            for name in each_turn(settings, "together", loaders, TURN_SECONDS):
                scheme = "http" if name == "bare" else "https"
                url = f"{scheme}://{loaders[name].http}{PATH}"
                runs[name].append(calls_per_s(url, work / "body"))
    rates = {name: statistics.mean(values) for name, values in runs.items()}
    for over, target in (("tls", OF_TLS), ("bare", OF_BARE)):
        ratio = rates["all"] / rates[over]
        fields = {
            "in_flight": CONNECTIONS * STREAMS,
            "bytes": LENGTH,
            "calls_per_s": rates["all"],
            "limit_calls_per_s": rates[over],
            "ratio": round(ratio, 4),
            "target_ratio": target,
            "runs": runs,
        }
        shown = f"{ratio:.1%} of {over}"
        yield Row(f"together_{over}", shown, f">= {target:.0%}", ratio >= target, fields)


def certificate(folder):
    """[tls] with a certificate of its own."""
    cert, key = folder / "cert.pem", folder / "key.pem"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    command += ["-nodes", "-subj", "/CN=localhost", "-keyout", str(key), "-out", str(cert)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise BenchError(f"openssl made no certificate: {done.stderr}")
    return {"cert": str(cert), "key": str(key)}


def h2load(url, body, *options):
    """Requests a second, and how many were answered with 2xx, 3xx, 4xx and 5xx.

    `options` say how long it goes on (-n or -D).
    """
    command = ["h2load", "-t", 1, "-c", CONNECTIONS, "-m", STREAMS, *options]
    command += ["-d", body, "-H", f"X-Api-Key: {KEY}", url]
    try:
        done = subprocess.run(
            [str(part) for part in command], capture_output=True, text=True, check=False
        )
    except OSError as error:
        raise BenchError(f"{error}; it comes with nghttp2-client") from error
    rate = re.search(r"finished in \S+, ([0-9.]+) req/s", done.stdout)
    codes = re.search(r"status codes: (\d+) 2xx, (\d+) 3xx, (\d+) 4xx, (\d+) 5xx", done.stdout)
    if rate is None or codes is None:
        raise BenchError(f"h2load said no totals:\n{done.stdout[-1500:]}{done.stderr[-500:]}")
    return float(rate[1]), [int(n) for n in codes.groups()]


def calls_per_s(url, body):
    """All must have been answered with 200."""
    rate, answered = h2load(url, body, "-D", TURN_SECONDS, "--warm-up-time", 1)
    if any(answered[1:]):
        raise BenchError(f"h2load {url}: not every answer was a success: {answered} by class")
    return rate
