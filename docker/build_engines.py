# SPDX-License-Identifier: Apache-2.0
"""The commands of docker, docker buildx, buildah and podman that build and push one image."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

ENGINES = ("docker", "buildx", "buildah", "podman")
# buildah and podman keep HEALTHCHECK and SHELL only in images of docker's format.
_PROGRAMS = {
    "docker": ["docker", "build"],
    "buildx": ["docker", "buildx", "build"],
    "buildah": ["buildah", "build", "--format", "docker", "--layers"],
    "podman": ["podman", "build", "--format", "docker", "--layers"],
}


@dataclass(frozen=True)
class Build:
    """One image to be built."""

    file: Path  # The Dockerfile.
    context: Path
    base: str
    tags: list[str]
    arguments: list[str]  # NAME=VALUE, for --build-arg.
    base_is_ours: bool
    cache: str = ""  # A repository for the layers between the steps; empty: those of this machine.
    fresh: bool = False  # Without what was built before.
    push: bool = False


def build_command(engine: str, build: Build, id_file: Path, digest_file: Path) -> list[str]:
    """Builds, and writes the image's ID to id_file; buildx pushes, too."""
    command = [*_PROGRAMS[engine], "--build-arg", f"BASE_IMAGE={build.base}"]
    for each in build.arguments:
        command += ["--build-arg", each]
    for tag in build.tags:
        command += ["--tag", tag]
    command += ["--file", str(build.file), "--iidfile", str(id_file)]
    if engine in ("buildah", "podman"):
        ignored = build.file.with_name(f"{build.file.name}.dockerignore")
        command += ["--ignorefile", str(ignored)] if ignored.is_file() else []
        # A registry would be asked for a name that only this machine knows.
        command += ["--pull-never"] if build.base_is_ours and engine == "buildah" else []
        command += ["--pull=never"] if build.base_is_ours and engine == "podman" else []
    command += ["--no-cache"] if build.fresh else []
    command += _cache(engine, build.cache) if build.cache else []
    if engine == "buildx":
        command += ["--metadata-file", str(digest_file)] if build.push else []
        command.append("--push" if build.push else "--load")
    return [*command, str(build.context)]


def _cache(engine: str, place: str) -> list[str]:
    if engine == "docker":  # Reads it out of an image that was pushed with it inside.
        return ["--cache-from", place, "--build-arg", "BUILDKIT_INLINE_CACHE=1"]
    if engine == "buildx":
        at = f"type=registry,ref={place}"
        return ["--cache-from", at, "--cache-to", f"{at},mode=max"]
    return ["--cache-from", place, "--cache-to", place]


def push_commands(engine: str, tags: list[str], digest_file: Path) -> list[list[str]]:
    """Pushes each tag; the engines that can write its digest to digest_file. None for buildx."""
    if engine == "buildx":
        return []
    if engine == "docker":
        return [["docker", "push", tag] for tag in tags]
    return [[engine, "push", "--digestfile", str(digest_file), tag] for tag in tags]


def runner(engine: str) -> str:
    """The program that runs what the engine has built. buildah's images are podman's."""
    return {"buildx": "docker", "buildah": "podman"}.get(engine, engine)
