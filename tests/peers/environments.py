#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The originals, each in an environment of its own in build/peers, made once and kept.

    tests/peers/environments.py [NAME..]     records anew what the originals answer (make peers)

Each folder here with a requirements.txt is one: its pins, and NAME_record.py, which is called with
the environment's Python and writes answers.json. Its file python, if it has one, names the version
of Python that the original needs, as 3.9; the others are made with the Python that runs this.
"""

import fcntl
import hashlib
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
PLACE = HERE.parents[1] / "build" / "peers"
sys.path.append(str(HERE.parent / "package"))

from pythons import find_python  # noqa: E402


class NoSuchPython(LookupError):
    """An original wants a Python that is not on this machine."""


def names():
    return sorted(file.parent.name for file in HERE.glob("*/requirements.txt"))


def base_of(name):
    """The Python with which the environment is made."""
    version = HERE / name / "python"
    if not version.is_file():
        return sys.executable
    wanted = version.read_text().strip()
    if found := find_python(wanted):
        return found
    raise NoSuchPython(f"tests/peers/{name} needs Python {wanted}: in PATH, or of pyenv")


def python_of(name):
    """The Python of the original's environment, which is made when it is not there as pinned."""
    return made(PLACE / name, base_of(name), HERE / name / "requirements.txt")


def made(folder, base, wanted):
    """The Python of an environment with what the file `wanted` pins; made unless it is there."""
    pins = hashlib.sha256(wanted.read_bytes()).hexdigest()
    stamp = folder / "complete"
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_name(f"{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # Tests of several processes want it.
        if not stamp.is_file() or stamp.read_text() != pins:
            subprocess.run([base, "-m", "venv", "--clear", folder], check=True)
            pip = [folder / "bin" / "python", "-m", "pip", "--disable-pip-version-check", "-q"]
            subprocess.run([*pip, "install", "--no-deps", "-r", wanted], check=True)
            stamp.write_text(pins)
    return folder / "bin" / "python"


def main():
    for name in sys.argv[1:] or names():
        print(f"peers: {name}: its environment", flush=True)
        python = python_of(name)
        print(f"peers: {name}: asking the original", flush=True)
        subprocess.run([sys.executable, HERE / name / f"{name}_record.py", python], check=True)


if __name__ == "__main__":
    main()
