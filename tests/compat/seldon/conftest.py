# SPDX-License-Identifier: Apache-2.0
"""Services of Seldon's users as they start them, and the original in an environment of its own."""

import contextlib
import fcntl
import subprocess
import sys

import pytest
from loader_fixtures import binaries, start, xsf_stubs
from loader_process import ROOT
from seldon_service import COMPAT, PEERS, Service

sys.path.append(str(PEERS))  # seldon_cases, record
sys.path.append(str(COMPAT))  # seldon_core

_PLACE = ROOT / "build" / "peers" / "seldon"


@pytest.fixture(scope="session")
def original_python():
    """The Python that has seldon-core 1.18.2, in an environment that is made once and kept."""
    folder = _PLACE / "venv"
    _PLACE.mkdir(parents=True, exist_ok=True)
    with open(_PLACE / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (_PLACE / "complete").exists():
            subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
            pip = [folder / "bin/python", "-m", "pip", "--disable-pip-version-check", "-q"]
            wanted = PEERS / "requirements.txt"
            subprocess.run([*pip, "install", "--no-deps", "-r", wanted], check=True)
            (_PLACE / "complete").touch()
    return folder / "bin" / "python"


@pytest.fixture
def serve(binaries, tmp_path):
    """serve(name, *arguments, **options): a Service that takes calls."""
    with contextlib.ExitStack() as started:
        count = 0

        def start(name, *arguments, **options):
            nonlocal count
            count += 1
            service = Service(binaries, tmp_path / f"service{count}", name, *arguments, **options)
            return started.enter_context(service)

        yield start
