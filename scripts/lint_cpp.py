# SPDX-License-Identifier: Apache-2.0
"""Checks C++ with clang's tools:  lint_cpp.py format | threads | tidy [--all]

format   clang-format changes nothing.
threads  clang's thread-safety analysis, of every source that locks (loader/base/mutex.h).
tidy     .clang-tidy, on the sources that changed since LINT_BASE: by default since this branch left
         main, or else by the last commit. --all: on all.

threads and tidy read build/compile_commands.json, and the headers that the build generates.
"""

import json
import os
import re
import shlex
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BUILD = ROOT / "build"
VENV = ROOT / ".venv" / "bin"
CLANG = "clang++-14"
LOCKS = re.compile(r"\b(Mutex|MutexLock|GUARDED_BY)\b")
TIDIED = {"loader", "wrapper", "xtest", "include"}


def git(*arguments):
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True)
    return done.stdout.split() if done.returncode == 0 else []


def sources():
    """File -> its entry of compile_commands.json: sources of ours, each once."""
    with open(BUILD / "compile_commands.json", encoding="utf-8") as file:
        entries = {Path(entry["file"]): entry for entry in json.load(file)}
    return {
        path.relative_to(ROOT): entry
        for path, entry in entries.items()
        if path.is_relative_to(ROOT) and not path.is_relative_to(BUILD)
    }


def run_all(commands, folder):
    """Runs them on all cores; what failed is printed. Returns 1 if something did."""

    def run(command):
        return subprocess.run(
            command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )

    failed = 0
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for done in pool.map(run, commands):
            if done.returncode != 0:
                print(done.stdout, end="")
                failed = 1
    return failed


def check_format():
    files = git("ls-files", "*.cc", "*.h", "*.c")
    return run_all([[str(VENV / "clang-format"), "--dry-run", "-Werror", *files]], ROOT)


def locks(path):
    texts = [ROOT / path, (ROOT / path).with_suffix(".h")]
    return any(LOCKS.search(text.read_text()) for text in texts if text.is_file())


def compile_options(entry):
    """The options of a compile command that say what is compiled, without the compiler."""
    words = iter(shlex.split(entry["command"]))
    options = []
    for word in words:
        if word in ("-o", "-MF", "-MT"):
            next(words)
        elif word == "-include":  # A precompiled header of gcc is nothing to clang.
            header = next(words)
            options += [] if "cmake_pch" in header else [word, header]
        elif (
            word.startswith(("-D", "-I", "-std", "-f"))
            and word != "-fno-sanitize-recover=undefined"
        ):
            options.append(word)
        elif word == "-isystem":
            options += [word, next(words)]
    return [*options, entry["file"]]


def check_threads():
    analysis = [CLANG, "-fsyntax-only", "-Wno-everything", "-Wthread-safety", "-Werror"]
    return run_all(
        [[*analysis, *compile_options(e)] for path, e in sources().items() if locks(path)], BUILD
    )


def changed():
    base = os.environ.get("LINT_BASE")
    if not base:
        forks = git("merge-base", "HEAD", "origin/main") or git("merge-base", "HEAD", "main")
        base = forks[0] if forks and forks != git("rev-parse", "HEAD") else "HEAD~1"
    return {Path(name) for name in git("diff", "--name-only", base)}


def check_tidy(everything):
    known = sources()
    wanted = set(known) if everything else changed()
    # A header is checked with the source of its name.
    wanted |= {path.with_suffix(".cc") for path in wanted if path.suffix == ".h"}
    files = sorted(path for path in wanted if path in known and path.parts[0] in TIDIED)
    tidy = [str(VENV / "clang-tidy"), "-p", str(BUILD), "--quiet"]
    # Options of gcc in the compile command, which clang does not know.
    tidy += [
        "--extra-arg=-Wno-unknown-warning-option",
        "--extra-arg=-Wno-ignored-optimization-argument",
    ]
    return run_all([[*tidy, str(path)] for path in files], ROOT)


CHECKS = {
    "format": check_format,
    "threads": check_threads,
    "tidy": lambda: check_tidy("--all" in sys.argv),
}

if __name__ == "__main__":
    if sys.argv[1:2] == [] or sys.argv[1] not in CHECKS:
        sys.exit(__doc__)
    sys.exit(CHECKS[sys.argv[1]]())
