#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""tritonserver with its Python backend, from the wheel of nvidia-pytriton.

    tests/peers/triton/triton_start.py REPOSITORY    serves it in front, until it is interrupted

The wheel has a stub for each CPython; the one of the environment's goes beside the backend, and
finds its libpython by LD_LIBRARY_PATH.
"""

import contextlib
import http.client
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
sys.path[:0] = [str(HERE.parent), str(ROOT / "scripts")]

from environments import python_of  # noqa: E402
from free_ports import free_ports  # noqa: E402

START_LIMIT_S = 120
ASKED = (
    "import json, sys, sysconfig;"
    "print(json.dumps([sysconfig.get_path('purelib'), sysconfig.get_config_var('LIBDIR'),"
    "'%d.%d' % sys.version_info[:2]]))"
)


class Wheel:
    """Where the environment of `python` has the server, and what it must be started with."""

    def __init__(self, python):
        packages, libraries, version = json.loads(
            subprocess.check_output([str(python), "-c", ASKED], text=True)
        )
        self.folder = Path(packages) / "pytriton" / "tritonserver"
        self.backends = self.folder / "backends"
        self.server = self.folder / "bin" / "tritonserver"
        stub = self.folder / "python_backend_stubs" / version / "triton_python_backend_stub"
        if not stub.is_file():
            raise RuntimeError(f"{stub}: the wheel has no stub for CPython {version}")
        beside = self.backends / "python" / stub.name
        if not beside.is_file():
            shutil.copy(stub, beside.with_suffix(".new"))
            beside.with_suffix(".new").rename(beside)
        for program in (beside, self.server):
            program.chmod(0o755)
        kept = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "AIGES_COMPAT")}
        folder = Path(python).parent
        self.environment = {
            **kept,
            "VIRTUAL_ENV": str(folder.parent),
            "PATH": f"{folder}{os.pathsep}{kept.get('PATH', '')}",
            # The stub embeds the base interpreter, which knows nothing of the environment.
            "PYTHONPATH": packages,
            "LD_LIBRARY_PATH": os.pathsep.join([libraries, str(self.folder / "external_libs")]),
        }

    def perf_analyzer(self):
        """The program, and the environment in which it finds its libraries: this wheel's."""
        beside = self.folder.parents[1] / "nvidia_pytriton.libs"
        links = self.folder / "perf_analyzer"
        links.mkdir(exist_ok=True)
        for name, pattern in (("libb64.so.0d", "libb64-*"), ("libcudart.so.12", "libcudart-*")):
            if not (links / name).exists():
                (links / name).symlink_to(next(beside.glob(pattern)))
        program = Path(self.environment["VIRTUAL_ENV"]) / "bin" / "perf_analyzer"
        return program, {**self.environment, "LD_LIBRARY_PATH": str(links)}


class Triton:
    """A running tritonserver; ``http`` and ``grpc`` are its ports on this machine."""

    def __init__(self, python, repository, models=("*",), log=None, flags=()):
        wheel = Wheel(python)
        self.http, self.grpc, metrics = free_ports(3)
        self.log = Path(log) if log else None
        self._shared = f"aiges_peer_{os.getpid()}_{self.http}_"
        command = [
            *("setpriv", "--pdeathsig", "KILL", str(wheel.server)),
            f"--model-repository={repository}",
            f"--backend-directory={wheel.backends}",
            "--model-control-mode=explicit",
            *(f"--load-model={name}" for name in models),
            *("--http-address=127.0.0.1", f"--http-port={self.http}"),
            *("--grpc-address=127.0.0.1", f"--grpc-port={self.grpc}"),
            *("--metrics-address=127.0.0.1", f"--metrics-port={metrics}"),
            *("--allow-gpu-metrics=false", "--exit-timeout-secs=5"),
            f"--backend-config=python,shm-region-prefix-name={self._shared}",
            *flags,
        ]
        with contextlib.ExitStack() as stack:
            out = stack.enter_context(self.log.open("wb")) if self.log else None
            self.process = subprocess.Popen(
                command,
                env=wheel.environment,
                stdout=out,
                stderr=subprocess.STDOUT if out else None,
                start_new_session=True,  # The stubs are ended with it.
            )

    def __enter__(self):
        deadline = time.monotonic() + START_LIMIT_S
        try:
            while not self._serves():
                if self.process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(f"tritonserver does not serve:\n{self._errors()}")
                time.sleep(0.1)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(20)
        with contextlib.suppress(ProcessLookupError):  # Stubs outlive a server that is killed.
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        for left in Path("/dev/shm").glob(f"{self._shared}*"):
            left.unlink(missing_ok=True)

    def _errors(self):
        """The lines of its log that begin with an E, as errors do."""
        lines = self.log.read_text(errors="replace").splitlines() if self.log else []
        return "\n".join(line for line in lines if line[:1] in ("E", "e"))

    def _serves(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.http, timeout=5)
        with contextlib.suppress(OSError, http.client.HTTPException):
            connection.request("GET", "/v2/health/ready")
            return connection.getresponse().status == 200
        return False


def main():
    with Triton(python_of("triton"), sys.argv[1]) as triton:
        print(f"http 127.0.0.1:{triton.http} grpc 127.0.0.1:{triton.grpc}", flush=True)
        with contextlib.suppress(KeyboardInterrupt):
            triton.process.wait()


if __name__ == "__main__":
    main()
