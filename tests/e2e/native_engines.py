# SPDX-License-Identifier: Apache-2.0
"""Engines in Go and Rust, built once for all tests of a machine, into build/engines.

A build that is under way is waited for (a lock per language), and what is newer than its sources is
taken as it is. Without the language's programs, or with ones that are too old, tests are skipped.
"""

import fcntl
import functools
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BUILT = ROOT / "build" / "engines"
LANGUAGES = ("go", "rust")
# The SDKs are for these and all that are newer: those of Debian 12.
OLDEST = {"go": (1, 19), "rust": (1, 63)}
PROGRAMS = {"go": ("go", "version"), "rust": ("cargo", "--version")}
PACKAGES = {"go": "golang-go", "rust": "cargo"}
IN_PLACE = {".go", ".mod", ".sum", ".c", ".h", ".rs", ".toml", ".lock"}


@functools.lru_cache(None)
def found_version(language):
    """(major, minor) of the language's compiler here; None: there is none."""
    program, argument = PROGRAMS[language]
    if shutil.which(program) is None:
        return None
    said = subprocess.run([program, argument], capture_output=True, text=True, check=True).stdout
    major, minor = re.search(r"(\d+)\.(\d+)", said).groups()
    if program == "cargo" and int(major) == 0:  # Debian numbers cargo otherwise than rustc.
        said = subprocess.run(["rustc", "--version"], capture_output=True, text=True).stdout
        major, minor = re.search(r"(\d+)\.(\d+)", said).groups()
    return int(major), int(minor)


def need(language, oldest=None):
    """Skips the test that asks where the language cannot be built here."""
    oldest = oldest or OLDEST[language]
    found = found_version(language)
    if found is None or found < oldest:
        wanted = ".".join(map(str, oldest))
        got = "none" if found is None else ".".join(map(str, found))
        pytest.skip(
            f"{language}: expected {wanted} or newer, found {got}; apt install {PACKAGES[language]}"
        )


def newest(*places):
    files = [path for place in places for path in place.rglob("*") if path.suffix in IN_PLACE]
    return max(path.stat().st_mtime for path in files)


def environment(language):
    """Of a compiler whose caches are in build, too."""
    env = {**os.environ, "CARGO_TARGET_DIR": str(BUILT / "rust")}
    if language == "go":
        env.update(GOTOOLCHAIN="local", GOFLAGS="-buildvcs=false", CGO_ENABLED="1")
    return env


def run(command, folder, language):
    done = subprocess.run(
        command, cwd=folder, env=environment(language), capture_output=True, text=True
    )
    assert done.returncode == 0, f"{command} in {folder}:\n{done.stdout}{done.stderr}"


def build_go(folder, library):
    command = ["go", "build", "-buildmode=c-shared"]
    run([*command, "-o", str(library), f"./{folder.name}"], folder.parent, "go")


def build_rust(folder, library):
    run(["cargo", "build", "--release", "--quiet", "--locked"], folder.parent, "rust")
    library.parent.mkdir(parents=True, exist_ok=True)
    made = BUILT / "rust" / "release" / f"libwrapper_{folder.name}.so"
    shutil.copy2(made, library)
    os.utime(library)


def library_of(language, name):
    """The libwrapper.so of tests/engine/<language>/<name>."""
    need(language)
    folder = ROOT / "tests" / "engine" / language / name
    library = BUILT / language / name / "libwrapper.so"
    BUILT.mkdir(parents=True, exist_ok=True)
    with open(BUILT / f"{language}.lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        sources = newest(folder.parent, ROOT / "sdk" / language, ROOT / "include")
        if not library.is_file() or library.stat().st_mtime < sources:
            {"go": build_go, "rust": build_rust}[language](folder, library)
    return library
