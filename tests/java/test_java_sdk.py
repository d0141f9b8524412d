# SPDX-License-Identifier: Apache-2.0
"""sdk/java by itself: its Maven project and its unit tests, and what its documentation says."""

import shutil
import subprocess
from pathlib import Path

from java_builds import program

ROOT = Path(__file__).resolve().parents[2]
SDK = ROOT / "sdk/java"


def test_maven_builds_it_and_its_own_tests_pass(tmp_path):
    folder = tmp_path / "java"  # Not in the tree: reports name paths of this machine.
    shutil.copytree(SDK, folder, ignore=shutil.ignore_patterns("target"))
    command = [program("mvn"), "-q", "-B", "package"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    assert (folder / "target/aiges-engine.jar").is_file()
    assert len(list((folder / "target/surefire-reports").glob("TEST-*.xml"))) == 3


def test_javadoc_has_nothing_to_say_of_the_interface(tmp_path):
    sources = sorted((SDK / "src/main/java/ai/aiges").glob("*.java"))
    command = [
        program("javadoc"),
        "-quiet",
        "-Xdoclint:all,-missing",
        "-Werror",
        "-d",
        tmp_path / "doc",
    ]
    done = subprocess.run([*command, *sources], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_version_is_that_of_the_project():
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    version = next(line for line in text.splitlines() if line.startswith("version = "))
    own = version.split('"')[1]
    assert f"<version>{own}</version>" in (SDK / "pom.xml").read_text(encoding="utf-8")
    example = ROOT / "docs/examples/java_onnx/pom.xml"
    assert f"<version>{own}</version>" in example.read_text(encoding="utf-8")
