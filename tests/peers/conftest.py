# SPDX-License-Identifier: Apache-2.0
"""Environments with what others publish, made once and kept in build/peers."""

import fcntl
import subprocess
import sys
from pathlib import Path

import pytest
from loader_fixtures import binaries, start, toolbox, xsf_stubs

PLACE = Path(__file__).resolve().parents[2] / "build" / "peers"
# Of the many packages that it asks for, those without which aiges.sdk cannot be imported.
PYPI_AIGES = [
    ["--no-deps", "aiges==0.16.0"],
    ["jinja2==3.1.6", "pydantic==2.11.7", "flask-restx==1.3.0", "jsonref==1.1.0"],
]


@pytest.fixture(scope="session")
def pypi_aiges():
    """The folder of a virtual environment of the system's Python with PyPI's aiges."""
    folder = PLACE / "aiges-0.16.0"
    PLACE.mkdir(parents=True, exist_ok=True)
    with open(PLACE / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "complete").exists():
            base = "/usr/bin/python3" if Path("/usr/bin/python3").exists() else sys.executable
            subprocess.run([base, "-m", "venv", "--clear", folder], check=True)
            for packages in PYPI_AIGES:
                pip = [folder / "bin/python", "-m", "pip", "--disable-pip-version-check", "-q"]
                subprocess.run([*pip, "install", *packages], check=True)
            (folder / "complete").touch()
    return folder


@pytest.fixture(scope="session")
def pypi_package(pypi_aiges):
    """Its folder aiges."""
    return next(pypi_aiges.glob("lib/python*/site-packages/aiges"))
