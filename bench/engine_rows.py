# SPDX-License-Identifier: Apache-2.0
"""Engines in Java, Go and Rust over one in C++: an echo of each, served by one loader in turns."""

import statistics
import sys
from contextlib import ExitStack
from pathlib import Path

from processes import BenchError, Loader, load
from report import Row
from rows import LOAD_FIELDS, MB
from turns import in_turns, ratio_of

BENCH = Path(__file__).resolve().parent
sys.path.append(str(BENCH.parent / "scripts"))

import engine_builds  # noqa: E402 (scripts is no package)
import java_builds  # noqa: E402

LANGUAGES = ("java", "go", "rust")
TARGET = 0.9
JAVA_READY_MS = 500
# Of the JVM, which compiles what is called often; the others need none.
WARM_UP_S = 5


def instances(settings):
    """{language: (folder of its echo, [instances])}; C++ first."""
    found = {"cpp": settings.bench_binaries / "libecho_engine.so"}
    java = java_folder(settings)
    for language in LANGUAGES[1:]:
        settings.say(f"engines: building the echo in {language}")
        try:
            folder = BENCH / "engines" / language / "echo"
            found[language] = engine_builds.library_of(language, folder)
        except engine_builds.NotBuilt as error:
            raise BenchError(str(error)) from error
    named = {name: (BENCH, {"library": str(library)}) for name, library in found.items()}
    return {**named, "java": (java, {})}


def java_folder(settings):
    """A folder with the jar of the echo."""
    settings.say("engines: building the echo in java")
    folder = settings.bench_binaries.absolute() / "java_echo"
    folder.mkdir(exist_ok=True)
    own = settings.binaries / "aiges-engine.jar"
    source = BENCH / "engines" / "java" / "Echo.java"
    manifest = ("Aiges-Engine: bench.Echo",)
    java_builds.build_jar(own, folder / "echo.jar", source, manifest=manifest)
    return folder


def engine_rows(settings):
    """calls/s and memory of an echo in Java, Go and Rust, over one in C++; when Java is ready"""
    with ExitStack() as loaders:
        served = {
            language: loaders.enter_context(Loader(settings.binaries, folder, instances=keys))
            for language, (folder, keys) in instances(settings).items()
        }
        yield ready_row(served["java"])
        for length in (256, MB):
            address = served["java"].grpc
            load(settings.bench_binaries, "xsf", address, 32, length, WARM_UP_S)
        for name, in_flight, length in (("256b_32", 32, 256), ("1mb_8", 8, MB)):
            sides = {language: ("xsf", loader.grpc) for language, loader in served.items()}
            results = in_turns(settings, f"engines, {name}", sides, in_flight, length)
            for language in LANGUAGES:
                yield ratio_row(f"{language}_{name}", results[language], results["cpp"])
            if length < MB:  # Later it is that of the results.
                memory = {language: worker_mb(loader) for language, loader in served.items()}
        for language in LANGUAGES:
            fields = {"worker_mb": memory[language], "cpp_worker_mb": memory["cpp"]}
            more = memory[language] - memory["cpp"]
            shown = f"{memory[language]:.1f} MB, C++ {more:+.1f} MB"
            yield Row(f"{language}_memory", shown, None, None, fields)


def ready_row(loader):
    fields = {"ready_ms": round(loader.ready_ms, 1), "target_ready_ms": JAVA_READY_MS}
    met = loader.ready_ms <= JAVA_READY_MS
    return Row("java_ready", f"{loader.ready_ms:.0f} ms", f"<= {JAVA_READY_MS} ms", met, fields)


def ratio_row(name, own, cpp):
    ratio = ratio_of(own, cpp)
    fields = {field: statistics.median(run[field] for run in own) for field in LOAD_FIELDS}
    fields["cpp_calls_per_s"] = statistics.median(run["calls_per_s"] for run in cpp)
    fields.update(ratio=ratio, target_ratio=TARGET)
    return Row(name, f"{ratio:.1%} of C++", f">= {TARGET:.0%}", ratio >= TARGET, fields)


def worker_mb(loader):
    """Memory of the worker that is its own, without program files and what it shares."""
    sizes = [0.0]
    for pid in loader.workers():
        status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
        # One that has just ended has none.
        kb = [line.split()[1] for line in status.splitlines() if line.startswith("RssAnon")]
        sizes += [int(each) / 1024 for each in kb]
    return round(max(sizes), 1)
