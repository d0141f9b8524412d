# SPDX-License-Identifier: Apache-2.0
"""Engines in Go and Rust over one in C++: an echo of each, served by the same loader in turns."""

import statistics
import sys
from contextlib import ExitStack
from pathlib import Path

from processes import BenchError, Loader, load
from report import Row
from rows import LOAD_FIELDS, MB

BENCH = Path(__file__).resolve().parent
sys.path.append(str(BENCH.parent / "scripts"))

import engine_builds  # noqa: E402 (scripts is no package)

LANGUAGES = ("go", "rust")
TARGET = 0.9


def libraries(settings):
    """{language: its echo}; C++ first."""
    found = {"cpp": settings.bench_binaries / "libecho_engine.so"}
    for language in LANGUAGES:
        settings.say(f"engines: building the echo in {language}")
        try:
            folder = BENCH / "engines" / language / "echo"
            found[language] = engine_builds.library_of(language, folder)
        except engine_builds.NotBuilt as error:
            raise BenchError(str(error)) from error
    return found


def engine_rows(settings):
    """calls/s and memory of an echo in Go and in Rust, over one in C++"""
    with ExitStack() as loaders:
        served = {
            language: loaders.enter_context(
                Loader(settings.binaries, BENCH, instances={"library": str(library)})
            )
            for language, library in libraries(settings).items()
        }
        for name, in_flight, length in (("256b_32", 32, 256), ("1mb_8", 8, MB)):
            results = {language: [] for language in served}
            for number in range(settings.runs):
                settings.say(f"engines, {name}: run {number + 1} of {settings.runs}")
                for language, loader in served.items():
                    results[language].append(
                        load(
                            settings.bench_binaries,
                            "xsf",
                            loader.grpc,
                            in_flight,
                            length,
                            settings.seconds,
                        )
                    )
            for language in LANGUAGES:
                yield ratio_row(f"{language}_{name}", results[language], results["cpp"])
        memory = {language: worker_mb(loader) for language, loader in served.items()}
        for language in LANGUAGES:
            fields = {"worker_mb": memory[language], "cpp_worker_mb": memory["cpp"]}
            more = memory[language] - memory["cpp"]
            shown = f"{memory[language]:.1f} MB, C++ {more:+.1f} MB"
            yield Row(f"{language}_memory", shown, None, None, fields)


def ratio_row(name, own, cpp):
    ratios = [mine["calls_per_s"] / theirs["calls_per_s"] for mine, theirs in zip(own, cpp)]
    ratio = statistics.median(ratios)
    fields = {field: statistics.median(run[field] for run in own) for field in LOAD_FIELDS}
    fields["cpp_calls_per_s"] = statistics.median(run["calls_per_s"] for run in cpp)
    fields.update(ratio=round(ratio, 4), ratio_runs=[round(each, 4) for each in ratios])
    fields["target_ratio"] = TARGET
    return Row(name, f"{ratio:.1%} of C++", f">= {TARGET:.0%}", ratio >= TARGET, fields)


def worker_mb(loader):
    """Resident memory of the worker that is the engine's, after the load."""
    sizes = []
    for pid in loader.workers():
        status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
        kb = next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS"))
        sizes.append(int(kb) / 1024)
    return round(max(sizes), 1)
