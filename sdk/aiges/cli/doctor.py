# SPDX-License-Identifier: Apache-2.0
"""``asectl doctor``: what serving needs here, looked at one by one."""

from __future__ import annotations

import json
import os
import platform
import re
import resource
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from aiges import __version__
from aiges._programs import native_program
from aiges.cli import _toml
from aiges.cli._interpreter import python_for
from aiges.cli._running import find_running
from aiges.cli._say import CliError, Out, entry

GOOD, NOTE, BAD = "ok", "note", "wrong"
COLOURS = {GOOD: "green", NOTE: "yellow", BAD: "red"}
PACKAGES = ("numpy", "grpcio", "protobuf", "pillow", "pydantic")
LEAST_FILES, LEAST_PROCESSES = 4096, 1024
LEAST_SHM = 64 << 20  # What Docker gives; libraries of models use it, AIGES does not.
MIB = 1 << 20
TIMEOUT_S = 20.0
OLDEST = (3, 9)


@dataclass(frozen=True)
class Finding:
    """``fix``: what to do, where something is wrong."""

    level: str
    what: str
    said: str
    fix: str = ""


@entry(name="doctor")
@click.argument("path", default=".", type=click.Path(path_type=Path, exists=True, file_okay=False))
def command(out: Out, path: Path) -> None:
    """Look at versions, ports, limits and GPU for the project at PATH (default: this folder).

    Ends with 1 when something is wrong; a note is nothing wrong.
    """
    folder = path.absolute()
    findings: list[Finding] = []
    looks: tuple[Callable[[Path], Iterator[Finding]], ...] = (
        _programs,
        _system,
        _python,
        _config,
        _ports,
        _limits,
        _gpu,
    )
    for look in looks:
        try:
            findings += look(folder)
        except (CliError, OSError, subprocess.SubprocessError) as error:
            findings.append(Finding(BAD, look.__name__.strip("_"), str(error), "mend that first"))
    bad = any(each.level == BAD for each in findings)
    out.result(
        {"ok": not bad, "findings": [each.__dict__ for each in findings]},
        "\n".join(_line(out, each) for each in findings),
    )
    if bad:
        sys.exit(1)


def _line(out: Out, each: Finding) -> str:
    head = f"{out.paint(f'{each.level:<6}', COLOURS[each.level])} {each.what:<12} {each.said}"
    return f"{head}\n{'':<20}{each.fix}" if each.fix else head


def _run(command: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=TIMEOUT_S,
    )


def _tables(folder: Path) -> dict[str, Any]:
    file = folder / "aiges.toml"
    return _toml.read(file) if file.is_file() else {}


def _programs(folder: Path) -> Iterator[Finding]:
    yield Finding(GOOD, "aiges", f"{__version__}, asectl in {sys.executable}")
    for name in ("AIService", "xtest"):
        program = native_program(name)
        if program is None:
            fix = "install AIGES (pip install), or set AIGES_BIN to the folder it was built in"
            yield Finding(BAD, name, "found nowhere", fix)
            continue
        done = _run([str(program), "-v"], folder)
        version = done.stdout.strip().rpartition(" ")[2]
        if done.returncode or not version:
            yield Finding(BAD, name, f"{program}: {done.stderr.strip()}", "install AIGES again")
        elif version != __version__:
            fix = f"expected {__version__}, as the package aiges is: install both from one build"
            yield Finding(BAD, name, f"{version} at {program}", fix)
        else:
            yield Finding(GOOD, name, f"{version} at {program}")


def _system(folder: Path) -> Iterator[Finding]:
    if sys.platform != "linux":
        yield Finding(BAD, "system", sys.platform, "AIGES serves on Linux only: use a container")
        return
    libc = os.confstr("CS_GNU_LIBC_VERSION") if "CS_GNU_LIBC_VERSION" in os.confstr_names else None
    yield Finding(
        GOOD,
        "system",
        f"Linux {platform.release()}, {platform.machine()}, {libc or 'no glibc'}, "
        f"{len(os.sched_getaffinity(0))} CPUs",
    )


def _python(folder: Path) -> Iterator[Finding]:
    """Look at the interpreter of engines, by the rule of serve, check, run and schema."""
    python = python_for(folder, _tables(folder))
    code = (
        "import importlib.metadata as m, json, sys\n"
        "def v(name):\n"
        "    try: return m.version(name)\n"
        "    except m.PackageNotFoundError: return ''\n"
        f"print(json.dumps([list(sys.version_info[:3]), {{n: v(n) for n in {PACKAGES!r}}}]))"
    )
    done = _run([python, "-c", code], folder)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no word"])[-1]
        yield Finding(BAD, "python", f"{python}: {last}", "name another: [instances] python")
        return
    version, packages = json.loads(done.stdout)
    shown = ".".join(map(str, version))
    wants = _built_for()
    if tuple(version[:2]) < OLDEST:
        yield Finding(BAD, "python", f"{shown} at {python}", "engines need Python 3.9 or later")
    elif wants and wants != f"{version[0]}.{version[1]}":
        yield Finding(
            BAD,
            "python",
            f"{shown} at {python}",
            f"AIService here was built for Python {wants}: set [instances] python, or activate a "
            f"virtual environment of {wants}",
        )
    else:
        yield Finding(GOOD, "python", f"{shown} at {python} (for engines)")
    there = [f"{name} {said}" for name, said in packages.items() if said]
    missing = [name for name, said in packages.items() if not said]
    yield Finding(GOOD, "packages", ", ".join(there) or "none of those that AIGES can use")
    if "grpcio" in missing:
        yield Finding(
            NOTE,
            "grpcio",
            "not there; serving needs none",
            "for aiges.client over gRPC: pip install 'aiges-host[client]'",
        )


def _built_for() -> str:
    """Return the version of Python that the shim is for; empty: it cannot be told."""
    program = native_program("AIService")
    for folder in () if program is None else (program.parent, program.parent.parent / "lib"):
        said, shim = folder / "libwrapper.so.python", folder / "libwrapper.so"
        if said.is_file():
            return said.read_text(encoding="utf-8").strip()
        if shim.is_file():
            found = re.search(rb"libpython(3\.\d+)\.so", shim.read_bytes())
            return found.group(1).decode() if found else ""
    return ""


def _config(folder: Path) -> Iterator[Finding]:
    file, program = folder / "aiges.toml", native_program("AIService")
    if not file.is_file():
        yield Finding(NOTE, "aiges.toml", f"none in {folder}; asectl serve needs none")
        return
    if program is None:
        return
    services = _toml.services_in(_tables(folder)) or ["svcName"]
    done = _run([str(program), "-show-config", f"-c={file}", f"-s={services[0]}"], folder)
    if done.returncode == 0:
        yield Finding(GOOD, "aiges.toml", f"in order, service {services[0]}")
        return
    mistakes = [line.strip() for line in done.stderr.splitlines() if line.startswith("  ")]
    for each in mistakes or [done.stderr.strip()]:
        yield Finding(BAD, "aiges.toml", each, "mend the line")


def _ports(folder: Path) -> Iterator[Finding]:
    """Try to listen where aiges.toml says."""
    tables, running = _tables(folder), find_running(folder)
    wanted = [
        (f"[{name}] port", str(tables[name].get("host", "")), tables[name].get("port", 0))
        for name in _toml.services_in(tables)
    ]
    for section, key in (("wrapper", "http_listen"), ("admin", "listen")):
        host, _, port = str(tables.get(section, {}).get(key, "")).rpartition(":")
        wanted.append((f"[{section}] {key}", host, port))
    own = running and {running.grpc.rpartition(":")[2], running.http.rpartition(":")[2]}
    for what, host, port in wanted:
        if not str(port).isdigit() or int(port) == 0:
            continue
        why = _taken(host.strip("[]"), int(port))
        if not why:
            yield Finding(GOOD, "port", f"{port} is free ({what})")
        elif own and str(port) in own:
            yield Finding(GOOD, "port", f"{port} is that of asectl serve here ({what})")
        else:
            fix = f"stop what listens there (ss -ltnp 'sport = :{port}'), or change {what}"
            yield Finding(BAD, "port", f"{port}: {why}", fix)


def _taken(host: str, port: int) -> str:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
            probe.listen()
        except OSError as error:
            return error.strerror or str(error)
    return ""


def _limits(folder: Path) -> Iterator[Finding]:
    for what, flag, kind, least in (
        ("files", "n", resource.RLIMIT_NOFILE, LEAST_FILES),
        ("processes", "u", resource.RLIMIT_NPROC, LEAST_PROCESSES),
    ):
        most = resource.getrlimit(kind)[1]  # AIService raises its own up to that.
        shown = "no limit" if most == resource.RLIM_INFINITY else f"at most {most}"
        if most != resource.RLIM_INFINITY and most < least:
            fix = f"raise it to {least} at least: ulimit -H{flag} {least}, or in the unit or image"
            yield Finding(BAD, what, f"{shown} (ulimit -H{flag})", fix)
        else:
            yield Finding(GOOD, what, f"{shown} (ulimit -H{flag})")
    with_shm = Path("/dev/shm")
    if with_shm.is_dir():
        found = os.statvfs(with_shm)
        size = found.f_frsize * found.f_blocks
        said = f"/dev/shm has {size // MIB} MiB; AIGES does not use it"
        if size <= LEAST_SHM:
            yield Finding(NOTE, "shm", said, "PyTorch's loaders may: docker run --shm-size=1g")
        else:
            yield Finding(GOOD, "shm", said)


def _gpu(folder: Path) -> Iterator[Finding]:
    program = shutil.which("nvidia-smi")
    if program is None:
        if any(Path("/dev").glob("nvidia[0-9]*")):
            fix = "install the driver's tools, or start the container with --gpus all"
            yield Finding(NOTE, "gpu", "there is a device, and no nvidia-smi", fix)
        else:
            yield Finding(NOTE, "gpu", "none: engines run on the CPU")
        return
    query = ["--query-gpu=name,driver_version,memory.total,memory.free", "--format=csv,noheader"]
    done = _run([program, *query], folder)
    lines = [line.strip() for line in done.stdout.splitlines() if line.strip()]
    if done.returncode or not lines:
        said = (done.stdout + done.stderr).strip() or f"nvidia-smi ended with {done.returncode}"
        yield Finding(BAD, "gpu", said.splitlines()[0], "the driver does not answer: reload it")
        return
    for line in lines:
        name, driver, total, free = [each.strip() for each in line.split(",")]
        yield Finding(GOOD, "gpu", f"{name}, driver {driver}, {free} of {total} free")
