# SPDX-License-Identifier: Apache-2.0
"""The Pythons of this machine, asked for what they are."""

import os
import subprocess
import sys
from pathlib import Path

VERSIONS = ("3.11", "3.9", "3.13")
ASK = "import sys, venv, ensurepip; print('%d.%d' % sys.version_info[:2])"


def find_python(version):
    """The interpreter of that version: the system's, of PATH, or of pyenv; None without one.

    Not of a virtual environment: that of the checkout must not be the base of others.
    """
    name = f"python{version}"
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    folders = ["/usr/bin", *os.environ["PATH"].split(os.pathsep)]
    candidates = [Path(folder, name) for folder in folders]
    candidates += sorted(pyenv.glob(f"{version}.*/bin/{name}"))
    for file in candidates:
        if not os.access(file, os.X_OK) or (file.parent.parent / "pyvenv.cfg").exists():
            continue
        said = subprocess.run([file, "-I", "-c", ASK], capture_output=True, text=True)
        if said.returncode == 0 and said.stdout.strip() == version:
            return file
    return None


if __name__ == "__main__":
    if (found := find_python(sys.argv[1])) is None:
        sys.exit(1)
    print(found)
