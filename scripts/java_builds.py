# SPDX-License-Identifier: Apache-2.0
"""Jars of engines, compiled by javac against the aiges-engine.jar of the build."""

import os
import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
ENGINE = ROOT / "tests/java/engine/TestEngine.java"
MANIFEST = ("Aiges-Engine: tests.TestEngine",)


def program(name):
    home = os.environ.get("JAVA_HOME")
    found = shutil.which(f"{home}/bin/{name}") if home else shutil.which(name)
    assert found, f"expected {name}: scripts/setup.sh test installs it"
    return found


def build_jar(own_jar, jar, *sources, manifest=MANIFEST, services=(), release="17", path=""):
    """Compiles sources (files, or {"Name.java": text}) into a jar whose manifest has such lines."""
    work = jar.with_suffix(".build")
    shutil.rmtree(work, ignore_errors=True)
    (work / "classes").mkdir(parents=True)
    files = []
    for source in sources:
        if isinstance(source, Path):
            files.append(source)
            continue
        for name, text in source.items():
            files.append(work / name)
            files[-1].write_text(text, encoding="utf-8")
    run(
        *(program("javac"), "-nowarn", "-XDignore.symbol.file", "-encoding", "UTF-8"),
        *(["--release", release] if release != "17" else []),
        *("-cp", f"{own_jar}:{path}", "-d", work / "classes", *files),
    )
    for name, lines in dict(services).items():
        file = work / "classes/META-INF/services" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    (work / "manifest").write_text("".join(f"{line}\n" for line in manifest), encoding="utf-8")
    made = work / "made.jar"
    run(
        *(program("jar"), "--create", "--file", made, "--manifest", work / "manifest"),
        *("-C", work / "classes", "."),
    )
    made.rename(jar)
    shutil.rmtree(work)
    return jar


def run(*command):
    done = subprocess.run([str(each) for each in command], capture_output=True, text=True)
    assert done.returncode == 0, f"{command[0]}:\n{done.stdout}{done.stderr}"
