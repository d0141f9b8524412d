# SPDX-License-Identifier: Apache-2.0
"""Builds engines in Go and Rust for tests and bench, into build/engines.

A build that is under way is waited for (a lock per language), and what is newer than its sources is
taken as it is.
"""

import fcntl
import functools
import os
import re
import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BUILT = ROOT / "build" / "engines"
# The SDKs are for these and all that are newer: those of Debian 12.
OLDEST = {"go": (1, 19), "rust": (1, 63)}
PACKAGES = {"go": "golang-go", "rust": "cargo"}
PROGRAMS = {"go": ("go", "version"), "rust": ("rustc", "--version")}
SOURCES = {".go", ".mod", ".sum", ".c", ".h", ".rs", ".toml", ".lock"}


class NotBuilt(Exception):
    """What is missing, or what the compiler says."""


@functools.lru_cache(None)
def found_version(language):
    """(major, minor) of the language's compiler here; None: there is none."""
    if shutil.which(PROGRAMS[language][0]) is None:
        return None
    said = subprocess.run(PROGRAMS[language], capture_output=True, text=True, check=True).stdout
    major, minor = re.search(r"(\d+)\.(\d+)", said).groups()
    return int(major), int(minor)


def shortfall(language, oldest=None):
    """What is missing to build that language here; empty: nothing."""
    oldest = oldest or OLDEST[language]
    found = found_version(language)
    if found is not None and found >= oldest:
        return ""
    wanted = ".".join(map(str, oldest))
    got = "none" if found is None else ".".join(map(str, found))
    return f"{language}: expected {wanted} or newer, found {got}; apt install {PACKAGES[language]}"


def newest(*places):
    """When the newest source was written, of those that a compiler has not made itself."""
    files = (path for place in places for path in place.rglob("*") if path.suffix in SOURCES)
    return max(path.stat().st_mtime for path in files if "target" not in path.parts)


def run(command, folder):
    environment = {
        **os.environ,
        "CARGO_TARGET_DIR": str(BUILT / "rust"),
        "GOCACHE": str(BUILT / "go-cache"),
        "GOTOOLCHAIN": "local",
    }
    environment.setdefault("CARGO_PROFILE_DEV_DEBUG", "0")  # Half of the time.
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    if done.returncode != 0:
        raise NotBuilt(f"{' '.join(command)} in {folder}:\n{done.stdout}{done.stderr}")


def build_go(folder, library, _):
    command = ["go", "build", "-buildvcs=false", "-buildmode=c-shared", "-o", str(library)]
    run([*command, "."], folder)


def build_rust(folder, library, quick):
    """Its own name is "wrapper_<folder>", as all are built into one place."""
    run(["cargo", "build", *([] if quick else ["--release"]), "--quiet", "--locked"], folder)
    library.parent.mkdir(parents=True, exist_ok=True)
    fresh = library.with_suffix(".new")
    made = BUILT / "rust" / ("debug" if quick else "release")
    shutil.copy(made / f"libwrapper_{folder.name}.so", fresh)
    fresh.replace(library)  # Another process may have the old one open.


def library_of(language, folder, quick=False):
    """The libwrapper.so of a folder with an engine in that language.

    `quick`: of Rust, not optimised, which takes a third of the time.
    """
    missing = shortfall(language)
    if missing:
        raise NotBuilt(missing)
    place = folder.relative_to(ROOT)
    library = BUILT / place / "libwrapper.so"
    BUILT.mkdir(parents=True, exist_ok=True)
    with open(BUILT / f"{language}.lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        sources = newest(folder, ROOT / "sdk" / language, ROOT / "include")
        if not library.is_file() or library.stat().st_mtime < sources:
            {"go": build_go, "rust": build_rust}[language](folder, library, quick)
    return library
