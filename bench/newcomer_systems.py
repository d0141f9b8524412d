# SPDX-License-Identifier: Apache-2.0
"""The systems of bench/newcomer.py: where they are installed, and how a free port gets to them."""

import os
import socket
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
HERE = ROOT / "bench" / "newcomer"
PLACE = ROOT / "build" / "newcomer"
sys.path += [str(ROOT / "tests" / folder) for folder in ("peers", "package")]

from environments import made  # noqa: E402
from pythons import find_python  # noqa: E402

VERSION = "{}.{}".format(*sys.version_info)


def base():
    """The Python with which environments are made."""
    if found := find_python(VERSION):
        return found
    raise SystemExit(f"newcomer: expected a Python {VERSION} that is no environment itself")


class System:
    """`port`: its usual one, which its users' files and commands name."""

    def __init__(self, name, port):
        self.name, self.port = name, port
        self.binaries = ROOT / "build" / "bin"

    def folder(self, case):
        return HERE / self.name / case

    def make(self, say):
        """Installs it, unless it is there as pinned."""
        begin = time.monotonic()
        made(PLACE / self.name, base(), HERE / self.name / "requirements.txt")
        if (took := time.monotonic() - begin) > 1:
            say(f"{self.name} was installed in {took:.0f} s")

    def users_venv(self):
        return PLACE / self.name

    def environment(self, home, port, case):
        kept = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
        kept.pop("VIRTUAL_ENV", None)
        bins = [home.parent / "bin", *self.bins(case)]
        path = os.pathsep.join([*map(str, bins), "/usr/local/bin", "/usr/bin", "/bin"])
        return {**kept, "HOME": str(home), "PATH": path, **self.variables(port)}

    def bins(self, case):
        return [PLACE / self.name / "bin"]

    def variables(self, port):
        """Tells the server its port where its users' files do not."""
        return {}

    def serving(self, line, port):
        return line


class BentoML(System):
    def variables(self, port):
        return {"BENTOML_PORT": str(port), "BENTOML_DO_NOT_TRACK": "True"}


class MLServer(System):
    def variables(self, port):
        free = {"GRPC": free_port(), "METRICS": free_port(), "HTTP": port}
        return {f"MLSERVER_{name}_PORT": str(number) for name, number in free.items()}


class Ours(System):
    """This checkout's: AIService and asectl with the Python that runs this."""

    def make(self, say):
        """It is here."""

    def users_venv(self):
        """The user's own environment, in which we are not."""
        made(PLACE / self.name, base(), HERE / self.name / "requirements.txt")
        return PLACE / self.name

    def bins(self, case):
        # That of this checkout has plugins for pytest, which take more time than the test.
        own = [self.users_venv() / "bin"] if case == "pytest" else []
        return [*own, self.binaries, Path(sys.executable).parent]

    def variables(self, port):
        return {"PYTHONPATH": str(ROOT / "sdk"), "AIGES_BIN": str(self.binaries)}

    def serving(self, line, port):
        return f"{line} --http 127.0.0.1:{port} --port 0"


def free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


SYSTEMS = [
    Ours("aiges", 1888),
    System("litserve", 8000),
    BentoML("bentoml", 3000),
    MLServer("mlserver", 8080),
]
