# SPDX-License-Identifier: Apache-2.0
"""``AIService`` and ``xtest`` of a Python environment: the native programs of its package."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

__all__ = ["HOME", "LISTENING", "PACKAGE", "READY", "aiservice", "native_program", "xtest"]

PACKAGE = Path(__file__).resolve().parent
HOME = PACKAGE.parents[1]  # Of bin/ and include/: aiges_host, or the checkout.
# Lines of AIService's output, for programs that start it.
LISTENING = re.compile(r"AIService listening grpc=(\S+) http=(\S+)")
READY = re.compile(r"AIService ready instances=(\d+) after_ms=(\d+)")


def native_program(name: str) -> Path | None:
    """Return a program of AIGES: what AIGES_BIN names, of this package or checkout, or on PATH."""
    named = os.environ.get("AIGES_BIN", "")
    folders = [Path(named)] if named else []
    for folder in [*folders, HOME / "bin", HOME / "build" / "bin", Path(sys.executable).parent]:
        if _is_native(folder / name):
            return (folder / name).absolute()
    for part in os.environ.get("PATH", os.defpath).split(os.pathsep):
        if part and _is_native(Path(part, name)):
            return Path(part, name).absolute()
    return None


def _is_native(file: Path) -> bool:
    """Tell a program from the script of the same name that leads here."""
    if not (file.is_file() and os.access(file, os.X_OK)):
        return False
    try:
        with file.open("rb") as program:
            return program.read(4) == b"\x7fELF"
    except OSError:
        return False


def _become(name: str) -> None:
    program = native_program(name)
    if program is None:
        sys.exit(
            f"{name}: expected the program in the folder that AIGES_BIN names, in "
            f"{HOME / 'bin'} or on PATH, found it nowhere: install AIGES (pip install), or set "
            "AIGES_BIN to the folder it was built in"
        )
    os.execv(program, [name, *sys.argv[1:]])


def aiservice() -> None:
    """Become AIService. Engines run in this Python unless the configuration says otherwise."""
    os.environ["AIGES_DEFAULT_PYTHON"] = sys.executable
    _become("AIService")


def xtest() -> None:
    """Become xtest."""
    _become("xtest")
