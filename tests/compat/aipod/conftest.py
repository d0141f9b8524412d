# SPDX-License-Identifier: Apache-2.0
"""The original in an environment of its own, made once and kept in build/peers."""

import fcntl
import subprocess
import sys

import pytest
from loader_fixtures import binaries, xsf_stubs
from loader_process import ROOT

_PLACE = ROOT / "build" / "peers"
_PACKAGES = ["aipod==1.0.0", "protobuf==3.20.3", "grpcio", "typing_extensions"]


@pytest.fixture(scope="session")
def original_python():
    """The Python that has aipod 1.0.0, without grpcio-tools, which protobuf 3.20 does not suit."""
    folder = _PLACE / "aipod"
    _PLACE.mkdir(parents=True, exist_ok=True)
    with open(_PLACE / "aipod.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "complete").exists():
            subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
            pip = [folder / "bin/python", "-m", "pip", "--disable-pip-version-check", "-q"]
            subprocess.run([*pip, "install", "--no-deps", *_PACKAGES], check=True)
            (folder / "complete").touch()
    return folder / "bin" / "python"
