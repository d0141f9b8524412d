#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Builds the images of docker/matrix.txt, by CUDA, Python and system.

Without ROW: the plan, that is all rows, their tags, and what cannot be built and why. A row brings
the rows that it stands on. Each image has two tags: VERSION-ROW, and <cuda>-<python>-<os>.

  docker/build.py                                      the plan
  docker/build.py cuda12.6-ubuntu24.04 --dry-run       the commands
  docker/build.py debian12 --engine buildah --test     build, then try it
  docker/build.py all --repo registry.example/ai --push --digests digests.txt
"""

from __future__ import annotations

import argparse
import json
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import build_check
import build_engines
import build_matrix
from build_matrix import Mistake, Row

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
VERSION = "0.1.0"
_REPO = re.compile(r"[a-z0-9.-]+(:\d+)?(/[a-z0-9]+([._-]+[a-z0-9]+)*)*")
_VERSION = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}")


def arguments() -> argparse.ArgumentParser:
    head, _, examples = (__doc__ or "").partition("\n")
    parser = argparse.ArgumentParser(
        prog="docker/build.py",
        description=head,
        epilog=examples.strip("\n"),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("rows", nargs="*", metavar="ROW", help="rows of matrix.txt, by name or tag; all: every one")
    add("--engine", choices=build_engines.ENGINES, default="docker", help="what builds (docker)")
    add("--dry-run", action="store_true", help="print the commands, run none")
    add("--repo", default="", metavar="PREFIX", help="registry and path before the image's name")
    add("--version", default=VERSION, help=f"first part of the first tag ({VERSION})")
    add(
        "--build-arg", action="append", default=[], metavar="NAME=VALUE", help="for the Dockerfiles"
    )
    add(
        "--base",
        metavar="IMAGE",
        help="another base image, for one row that stands on none of ours",
    )
    add("--reuse", action="store_true", help="take images of ours that a row stands on as they are")
    add("--cache", action="store_true", help="keep the layers in --repo, for other machines")
    add("--no-cache", action="store_true", help="build every step anew")
    add(
        "--test",
        action="store_true",
        help="start each image, call it, stop it; before it is pushed",
    )
    add("--push", action="store_true", help="push all tags to --repo")
    add(
        "--digests",
        type=Path,
        metavar="FILE",
        help="write a line `digest tag` for each image to FILE",
    )
    add("--matrix", type=Path, default=HERE / "matrix.txt", metavar="FILE", help="other rows")
    return parser


def checked(asked: argparse.Namespace) -> None:
    """Raises Mistake for options that do not go together."""
    if asked.repo and not _REPO.fullmatch(asked.repo):
        raise Mistake(
            "--repo: expected a registry and path as registry.example/ai, in small letters, "
            f"without https:// and without a / at the end, got {asked.repo}"
        )
    if not _VERSION.fullmatch(asked.version):
        raise Mistake(f"--version: expected letters, digits and ._-, got {asked.version!r}")
    for option in ("push", "cache"):
        if getattr(asked, option) and not asked.repo:
            raise Mistake(f"--{option} needs --repo: where to?")
    if asked.cache and asked.no_cache:
        raise Mistake("--cache and --no-cache exclude each other")
    if asked.push and asked.test and asked.engine == "buildx":
        raise Mistake(
            "--engine buildx pushes while it builds: build with --test first, then --push"
        )
    for each in asked.build_arg:
        if not re.match(r"\w+=", each):
            raise Mistake(f"--build-arg: expected NAME=VALUE, got {each}")


def plan(rows: dict[str, Row], unsupported: dict[str, str], asked: argparse.Namespace) -> str:
    """What can be built, and what cannot."""
    lines = [f"{'row':22}{'from':48}tags"]
    for row in rows.values():
        lines.append(f"{row.name:22}{row.base:48}{'  '.join(row.tags(asked.repo, asked.version))}")
    lines += ["", "cannot be built:"]
    lines += [f"  {pattern:20}{why}" for pattern, why in unsupported.items()]
    return "\n".join(lines)


class Builder:
    """Builds rows one after the other with one engine."""

    def __init__(self, rows: dict[str, Row], asked: argparse.Namespace) -> None:
        self._rows, self._asked = rows, asked

    def build_of(self, row: Row) -> build_engines.Build:
        asked, ours = self._asked, row.base in self._rows
        tags = row.tags(asked.repo, asked.version)
        base = self._rows[row.base].tags(asked.repo, asked.version)[0] if ours else row.base
        return build_engines.Build(
            file=HERE / row.folder / "Dockerfile",
            # Those that stand on ours need their own folder, the others all of the repository.
            context=HERE / row.folder if ours else ROOT,
            base=base if ours else asked.base or base,
            tags=tags,
            arguments=asked.build_arg,
            base_is_ours=ours,
            cache=f"{asked.repo}/{row.image}-cache" if asked.cache else "",
            fresh=asked.no_cache,
            push=asked.push,
        )

    def commands(self, row: Row, folder: Path) -> list[list[str]]:
        """All that is run for a row, as --dry-run shows it."""
        engine, build = self._asked.engine, self.build_of(row)
        commands = [build_engines.build_command(engine, build, folder / "id", folder / "digest")]
        if self._asked.test:
            runner = build_engines.runner(engine)
            commands += build_check.check_commands(runner, build.tags[0], "aiges-check")
        if self._asked.push:
            commands += build_engines.push_commands(engine, build.tags, folder / "digest")
        return commands

    def make(self, row: Row) -> str:
        """Builds, tries and pushes one row; its digest, or its ID where it was not pushed."""
        engine, build, begin = self._asked.engine, self.build_of(row), time.monotonic()
        with tempfile.TemporaryDirectory() as folder:
            ids, digests = Path(folder) / "id", Path(folder) / "digest"
            self._run(build_engines.build_command(engine, build, ids, digests), row)
            seconds = time.monotonic() - begin
            if self._asked.test:
                build_check.check(build_engines.runner(engine), build.tags[0])
            if self._asked.push:
                for command in build_engines.push_commands(engine, build.tags, digests):
                    self._run(command, row)
            digest = self._digest(build, ids, digests)
        tried = ", tried" if self._asked.test else ""
        print(f"build.py: {build.tags[0]} ({digest}){tried}: {seconds:.0f} s", flush=True)
        return digest

    def _digest(self, build: build_engines.Build, ids: Path, digests: Path) -> str:
        if not self._asked.push:
            said = ids.read_text().strip()
            return said if said.startswith("sha256:") else f"sha256:{said}"
        if self._asked.engine == "buildx":
            return str(json.loads(digests.read_text())["containerimage.digest"])
        if self._asked.engine == "docker":
            asks = ["docker", "image", "inspect", "--format", "{{index .RepoDigests 0}}"]
            done = subprocess.run(
                [*asks, build.tags[0]], capture_output=True, text=True, check=True
            )
            return done.stdout.strip().rsplit("@", 1)[-1]
        return digests.read_text().strip()

    def _run(self, command: list[str], row: Row) -> None:
        print(f"build.py: {shlex.join(command)}", flush=True)
        code = subprocess.run(command, check=False).returncode
        if code != 0:
            raise Mistake(
                f"{row.name}: {' '.join(command[:2])} ended with {code}; its output is above"
            )


def run(asked: argparse.Namespace) -> int:
    checked(asked)
    rows = build_matrix.read_matrix(asked.matrix)
    unsupported = build_matrix.read_unsupported(HERE / "unsupported.txt")
    if not asked.rows:
        print(plan(rows, unsupported, asked))
        return 0
    chosen = build_matrix.chosen(asked.rows, rows, unsupported, alone=asked.reuse)
    if asked.base and (len(chosen) != 1 or chosen[0].base in rows):
        raise Mistake(
            "--base: expected one row that stands on none of ours (debian12, cpu-debian12, ..), "
            f"got {', '.join(row.name for row in chosen)}"
        )
    builder = Builder(rows, asked)
    if asked.dry_run:
        for row in chosen:
            for command in builder.commands(row, Path("/tmp/build")):
                print(shlex.join(command))
        return 0
    needed = {asked.engine, build_engines.runner(asked.engine) if asked.test else asked.engine}
    for program in sorted(needed):
        program = "docker" if program == "buildx" else program
        if shutil.which(program) is None:
            raise Mistake(
                f"--engine {asked.engine}: {program} is not on PATH; --dry-run needs none"
            )
    made = [(builder.make(row), row.tags(asked.repo, asked.version)) for row in chosen]
    if asked.digests:
        lines = [f"{digest} {tag}\n" for digest, tags in made for tag in tags]
        asked.digests.write_text("".join(lines), encoding="utf-8")
    return 0


def main() -> int:
    try:
        return run(arguments().parse_args())
    except Mistake as mistake:
        print(f"build.py: {mistake}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
