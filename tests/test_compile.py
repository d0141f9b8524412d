# SPDX-License-Identifier: Apache-2.0
"""scripts/compile.py: what it says while it compiles, with a real ninja."""

import subprocess
import sys
from pathlib import Path

import compile as subject

SCRIPT = Path(subject.__file__)
NINJA = """
rule object
  command = {command} && touch $out
  description = Building CXX object $out
build a.o: object
build b.o: object a.o
"""


def run(folder, command, *targets):
    (folder / "build.ninja").write_text(NINJA.format(command=command))
    return subprocess.run(
        [sys.executable, SCRIPT, "--build", folder, *targets], capture_output=True, text=True
    )


def test_time_left_follows_from_the_steps_so_far():
    assert subject.line(0, 80, 9) == "build: 0 of 80 files, 0:09"
    assert subject.line(20, 80, 30) == "build: 20 of 80 files, 0:30, about 1:30 left"


def test_it_says_what_it_has_compiled_and_nothing_when_all_is_there(tmp_path):
    first = run(tmp_path, "true")
    assert first.returncode == 0 and first.stdout.startswith("build: 2 files in 0:0")
    again = run(tmp_path, "true")
    assert (again.returncode, again.stdout, again.stderr) == (0, "", "")


def test_only_the_targets_named(tmp_path):
    assert "build: 1 files" in run(tmp_path, "true", "a.o").stdout
    assert not (tmp_path / "b.o").exists()


def test_what_failed_is_shown(tmp_path):
    failed = run(tmp_path, "echo no such header && false")
    assert failed.returncode != 0
    assert "FAILED: a.o" in failed.stderr and "no such header" in failed.stderr
    assert "ninja.log" in failed.stderr
