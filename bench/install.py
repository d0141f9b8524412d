#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""From `pip install` of a wheel to the first answer, where a newcomer may try it.

    bench/install.py [--runs 3] [--only TEXT] [--json FILE] [FOLDER]

FOLDER has the wheels (build/release, else build/wheels). The wheel lies on disk, what it depends on
comes from the index, without pip's cache. The places are a Debian 12 and a Debian 13 that have
Python and nothing else, and each CPython from 3.9 to 3.13 that is on this machine: one that is not
found, or has no wheel, is a row that says so. The virtual environment is made before that.
"""

import argparse
import json
import os
import platform
import resource
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / folder) for folder in ("tests/package", "tests/e2e", "scripts", "sdk")]

import debian_root  # noqa: E402
from environment import Loader, run  # noqa: E402
from pythons import find_python  # noqa: E402

TARGET_S = 10
VERSIONS = tuple(f"3.{minor}" for minor in range(9, 14))
DEBIANS = (("Debian 12", "bookworm", "3.11"), ("Debian 13", "trixie", "3.13"))
WRAPPER = """
def predict(text: str) -> str:
    return text.upper()
"""
PIP = ("-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-cache-dir")
HOME = "srv/install"  # In a root.


class Programs:
    """What an Environment is for a Loader: the variables of its processes."""

    def __init__(self, env):
        self.env = env


def wheel_for(folder, version):
    tag = f"cp{version.replace('.', '')}"
    found = sorted(folder.glob(f"aiges_host-*-{tag}-{tag}-*.whl"), key=lambda f: f.stat().st_mtime)
    return found[-1] if found else None


def timed(install, loader):
    """Seconds of the installation, from AIService's start to its first answer, and of pip's CPU.

    On a busy machine the last says what an idle one would need, but for the index.
    """
    begin, before = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
    install()
    installed, after = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    with loader:
        answer = loader.web.request("POST", "/predict", b"hello")
        end = time.monotonic()
        if (answer.status, answer.body) != (200, b"HELLO"):
            raise RuntimeError(f"expected 200 HELLO, got {answer.status} {answer.body[:200]!r}")
        loader.stop()
    return installed - begin, end - installed, cpu


def here(python, wheel):
    """One run in a virtual environment of an interpreter of this machine."""
    with tempfile.TemporaryDirectory(prefix="aiges-install-") as folder:
        venv = Path(folder, "venv")
        run([python, "-m", "venv", venv])
        dropped = ("AIGES_", "PYTHON", "LD_LIBRARY_PATH", "VIRTUAL_ENV", "PIP_FIND_LINKS")
        env = {k: v for k, v in os.environ.items() if not k.startswith(dropped)}
        env["PATH"] = f"{venv}/bin{os.pathsep}{os.environ['PATH']}"
        loader = Loader(Programs(env), Path(folder, "service"), WRAPPER)
        return timed(lambda: run([venv / "bin/python", *PIP, wheel], env=env), loader)


def in_root(root, wheel):
    """One run in a root that has Python and nothing else."""
    shutil.rmtree(root / HOME, ignore_errors=True)
    (root / HOME / "service").mkdir(parents=True)
    shutil.copy(wheel, root / HOME)
    path = f"/{HOME}/venv/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    env = {"PATH": path, "LANG": "C.UTF-8", **debian_root.open_to_the_index(root)}
    inside = debian_root.within(root, f"/{HOME}")
    run([*inside, "python3", "-m", "venv", "venv"], env=env)
    service = debian_root.within(root, f"/{HOME}/service")
    loader = Loader(Programs(env), root / HOME / "service", WRAPPER, within=service)
    try:
        return timed(lambda: run([*inside, "venv/bin/python", *PIP, wheel.name], env=env), loader)
    finally:
        shutil.rmtree(root / HOME, ignore_errors=True)


def places(folder):
    """(name, wheel, one run) of each place, or (name, None, why not)."""
    for name, suite, version in DEBIANS:
        name, wheel = f"{name}, CPython {version}", wheel_for(folder, version)
        why = debian_root.why_not(suite) or ("" if wheel else f"no wheel for {version} in {folder}")
        if why:
            yield name, None, why
            continue
        root = debian_root.RootBuild(suite).root()
        yield name, wheel, lambda root=root, wheel=wheel: in_root(root, wheel)
    for version in VERSIONS:
        name, python = f"here, CPython {version}", find_python(version)
        wheel = wheel_for(folder, version)
        if python is None or wheel is None:
            found = "no such interpreter" if python is None else f"no wheel for it in {folder}"
            yield name, None, found
            continue
        yield name, wheel, lambda python=python, wheel=wheel: here(python, wheel)


def measure(runs, one):
    """The medians of several runs: installation, first answer, both, pip's CPU."""
    done = [one() for _ in range(runs)]
    installed, answered, cpu = zip(*done)
    together = [pip_s + answer_s for pip_s, answer_s, _ in done]
    return [statistics.median(values) for values in (installed, answered, together, cpu)]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--only", default="", help="of the places those with this text in the name")
    parser.add_argument("--json", type=Path, help="write the rows here, too")
    asked = parser.parse_args()
    release, wheels = ROOT / "build/release", ROOT / "build/wheels"
    folder = asked.folder or (release if list(release.glob("*.whl")) else wheels)
    rows, missed = [], []
    print(f"{platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; ", end="")
    print(f"median of {asked.runs}; target {TARGET_S} s")
    names = ("wheel MB", "pip s", "answer s", "together", "pip CPU s")
    print(f"{'place':26}", *(f"{name:>9}" for name in names))
    for name, wheel, one in places(folder):
        if asked.only not in name:
            continue
        if wheel is None:
            print(f"{name:26} not measured: {one}")
            rows.append({"place": name, "why_not": one})
            continue
        pip_s, answer_s, both_s, cpu_s = measure(asked.runs, one)
        size = wheel.stat().st_size / 1e6
        verdict = "" if both_s <= TARGET_S else " MISS"
        missed += [name] if verdict else []
        figures = (size, pip_s, answer_s, both_s, cpu_s)
        print(f"{name:26}", *(f"{figure:9.1f}" for figure in figures), verdict)
        rows.append(
            {"place": name, "wheel": wheel.name, "wheel_bytes": wheel.stat().st_size}
            | {"pip_s": pip_s, "first_answer_s": answer_s, "together_s": both_s}
            | {"pip_cpu_s": cpu_s}
        )
    if asked.json:
        asked.json.write_text(json.dumps({"target_s": TARGET_S, "rows": rows}, indent=2) + "\n")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
