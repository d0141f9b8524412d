# SPDX-License-Identifier: Apache-2.0
"""The SDKs' own tests and checkers: cargo test, clippy, go vet, go test, gofmt."""

import os
import shutil
import subprocess

import engine_builds
import pytest
from engine_builds import ROOT
from native_engines import ENGINES, need

GO = [ROOT / "sdk" / "go", ENGINES / "go", ROOT / "bench" / "engines" / "go"]
RUST = [ROOT / "sdk" / "rust", ENGINES / "rust", ROOT / "bench" / "engines" / "rust" / "echo"]


def passes(command, folder):
    try:
        engine_builds.run(command, folder)
    except engine_builds.NotBuilt as error:
        pytest.fail(str(error))


def test_the_crate_passes_its_tests():
    need("rust")
    passes(["cargo", "test", "--quiet"], ROOT / "sdk" / "rust")


@pytest.mark.parametrize("folder", RUST, ids=lambda path: str(path.relative_to(ROOT)))
def test_rust_is_formatted(folder):
    need("rust")
    if shutil.which("rustfmt") is None:
        pytest.skip("rustfmt: expected one, found none; apt install rustfmt")
    passes(["cargo", "fmt", "--all", "--check"], folder)


@pytest.mark.parametrize("folder", GO, ids=lambda path: str(path.relative_to(ROOT)))
def test_go_is_formatted_and_vetted(folder):
    need("go")
    done = subprocess.run(["gofmt", "-l", "."], cwd=folder, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "")
    passes(["go", "vet", "./..."], folder)


def test_the_module_passes_its_tests():
    need("go")
    passes(["go", "test", "./..."], ROOT / "sdk" / "go")


def test_no_race_is_found_in_the_module(tmp_path):
    """A program that is host and engine at once: a library loaded later cannot have -race."""
    need("go")
    program = tmp_path / "drive"
    passes(["go", "build", "-race", "-o", str(program), "./drive"], ENGINES / "go")
    done = subprocess.run(
        [program], env={**os.environ, "GODEBUG": "cgocheck=1"}, capture_output=True, text=True
    )
    assert "DATA RACE" not in done.stderr, done.stderr
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("Exec panicked: so it is to be") > 100
