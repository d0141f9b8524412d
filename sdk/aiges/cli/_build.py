# SPDX-License-Identifier: Apache-2.0
"""Engines in Java, Go and Rust: what builds them, and building what is newer than its library."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from aiges.cli._errors import CliError

__all__ = ["TOOLCHAINS", "Toolchain", "freshen", "toolchain_of"]

NOT_OURS = frozenset(("target", "log", "result", "image"))
MADE = frozenset(("libwrapper.h", "aiges.toml", "xtest.toml"))  # By tools, or read by others.
LAST_LINES = 40
# What is saved during a build is built at once; what each build writes anew is not, for ever.
TURNS = 2
COLOURS = re.compile("\x1b\\[[0-9;]*m")  # Maven ends them also where it began none.


@dataclass(frozen=True)
class Toolchain:
    """How a project of one language is told from others, and built."""

    marker: str  # The file in its folder ..
    names: str  # .. and the dependency that it has.
    command: tuple[str, ...]
    library: str  # What it makes, from the folder.
    packages: str  # Of Debian, that bring the program.
    sources: tuple[str, ...]  # What an image by asectl does without.
    in_place: bool = False  # It writes into the library that is there.

    @property
    def said(self) -> str:
        """The command as a user types it."""
        return " ".join(self.command)


TOOLCHAINS = {
    "java": Toolchain(
        "pom.xml",
        "<artifactId>aiges-engine</artifactId>",
        ("mvn", "-q", "-B", "package"),
        "engine.jar",
        "openjdk-17-jdk-headless maven",
        (),  # Its own Dockerfile says it.
        in_place=True,
    ),
    "go": Toolchain(
        "go.mod",
        "aiges.ai/engine",
        ("go", "build", "-buildmode=c-shared", "-o", "libwrapper.so", "."),
        "libwrapper.so",
        "golang-go gcc libc6-dev",
        ("aiges", "*.go", "go.mod", "go.sum", "libwrapper.h", ".gitignore"),
    ),
    "rust": Toolchain(
        "Cargo.toml",
        "aiges-engine",
        ("cargo", "build", "--release"),
        "target/release/libwrapper.so",
        "cargo",
        ("aiges", "src", "target", "Cargo.toml", "Cargo.lock", "build.rs", ".gitignore"),
    ),
}


def toolchain_of(folder: Path) -> Toolchain | None:
    """Return what builds the engine in that folder; None: it is none in those languages."""
    for each in TOOLCHAINS.values():
        marker = folder / each.marker
        if marker.is_file() and each.names in marker.read_text(encoding="utf-8", errors="replace"):
            return each
    return None


def freshen(folder: Path, note: Callable[[str], None]) -> None:
    """Build the engine in that folder where a source is newer than its library."""
    tools = toolchain_of(folder) if folder.is_dir() else None
    if tools is None:
        return
    library = folder / tools.library
    if library.is_file() and library.stat().st_mtime_ns >= _newest(folder, tools.library):
        return
    if shutil.which(tools.command[0]) is None:
        lack = f"{tools.command[0]} is missing: apt install {tools.packages}"
        if library.is_file():
            return note(f"{library} is older than its source, and {lack}")
        raise CliError(
            f"expected {tools.library} in {folder}, found its source only, and {lack}; then "
            f"{tools.said}"
        )
    stamp = 0
    for _ in range(TURNS):
        newest = _newest(folder, tools.library)
        note(f"building: {tools.said}")
        _build(folder, tools)
        # It is as new as what it was made of, also where nothing had changed in it; and older than
        # what was saved meanwhile.
        stamp = time.time_ns()
        if _newest(folder, tools.library) == newest:
            break
        stamp = newest
    os.utime(library, ns=(stamp, stamp))


def _build(folder: Path, tools: Toolchain) -> None:
    library = folder / tools.library
    if tools.in_place and library.is_file():  # A worker may have it open.
        fresh = library.with_name(f".{library.name}.building")
        shutil.copy2(library, fresh)
        os.replace(fresh, library)
    environment = {key: value for key, value in os.environ.items() if key != "CARGO_TARGET_DIR"}
    done = subprocess.run(
        tools.command,
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
    )
    if done.returncode != 0:
        said = (COLOURS.sub("", each).strip() for each in (done.stderr, done.stdout))
        lines = next(filter(None, said), "").splitlines()[-LAST_LINES:]
        text = "\n".join(lines)
        raise CliError(f"{tools.said} failed in {folder}:\n{text}")
    if not library.is_file():
        raise CliError(
            f"expected {tools.said} to make {library}, got none: it is what a project by asectl "
            "create says; [instances] library of aiges.toml names a library elsewhere"
        )


def _newest(folder: Path, library: str) -> int:
    """When the newest file that may be a source was saved, in ns; what is embedded is one, too."""
    newest = 0
    for root, folders, files in os.walk(folder):
        folders[:] = [each for each in folders if each not in NOT_OURS and each[0] != "."]
        for name in files:
            if name[0] == "." or name in MADE or name == library:
                continue
            with contextlib.suppress(OSError):  # It has gone meanwhile.
                newest = max(newest, Path(root, name).stat().st_mtime_ns)
    return newest
