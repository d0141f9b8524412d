# SPDX-License-Identifier: Apache-2.0
"""``start.sh``: the user's own server. The instance is the script's process, and ends with it.

The script owns its port; the host's pages are on the host's. The instance is ready when the port
takes connections. When the script ends, or its port takes none any more, the worker ends, and the
host starts another after a while (its back-off).
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

from aiges.contracts import _detect
from aiges.contracts._doors import seconds_left
from aiges.contracts.openbayes import _mode
from aiges.contracts.openbayes._log import init_logging

__all__ = ["Script", "find"]

_LOG = logging.getLogger("openbayes_serving.start")
_NAME = "start.sh"
_LOOK_S, _PROBE_S, _MOST_FAILED = 0.2, 5.0, 3
# Of the worker, not of what the script starts.
_NOT_ITS = ("AIGES_CONTRACT", "AIGES_APP", "AIGES_MAIN", "AIGES_CONTRACT_COMMAND")


def find() -> Path | None:
    """Return the script, where nothing else was named."""
    if os.environ.get("AIGES_APP") or os.environ.get("AIGES_MAIN"):
        return None
    for folder in [Path.cwd(), *_detect.folders_here()]:
        if (folder / _NAME).is_file():
            return folder / _NAME
    return None


class Script:
    """The script as a child, watched by a thread."""

    def __init__(self, file: Path, config: dict[str, str]) -> None:
        text = config.get("script_port", "80" if _mode.mode() == _mode.PRODUCTION else "8080")
        if not text.isdecimal() or not 1 <= int(text) <= 65535:
            raise ValueError(f"[wrapper] script_port: expected a port, got {text}")
        self._file, self._port = file, int(text)
        self._child: subprocess.Popen[bytes] | None = None
        self._ending = threading.Event()

    def start(self) -> None:
        """Start it, and wait until its port takes connections."""
        init_logging()
        if self._takes_connections():
            raise RuntimeError(
                f"port {self._port} is in use: expected it to be free for {self._file} ([wrapper] "
                "script_port says another; one instance alone can have it)"
            )
        environment = {name: value for name, value in os.environ.items() if name not in _NOT_ITS}
        folder = os.path.dirname(sys.executable)
        environment["PATH"] = folder + os.pathsep + environment.get("PATH", os.defpath)
        self._child = subprocess.Popen(
            ["/bin/bash", str(self._file)],
            cwd=self._file.parent,
            env=environment,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
        _LOG.info("%s runs as process %d, port %d", self._file, self._child.pid, self._port)
        while not self._takes_connections():
            if (code := self._child.poll()) is not None:
                self._kill()
                raise RuntimeError(
                    f"{self._file} ended with code {code} before port {self._port} took connections"
                )
            time.sleep(_LOOK_S)
        threading.Thread(target=self._watch, name="start.sh", daemon=True).start()

    def doors(self) -> dict[str, Any]:
        """Name none: clients speak to the script."""
        return {"doors": []}

    def once(self, _params: dict[str, Any], _data: Any) -> Any:
        """Refuse: it is not known what the script answers."""
        raise RuntimeError(f"served by {self._file} on port {self._port}")

    def end(self) -> None:
        """End it: SIGTERM, and what is left of it by SIGKILL."""
        self._ending.set()
        child = self._child
        if child is None:
            return
        self._signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(seconds_left() / 2)
        self._kill()

    def _takes_connections(self) -> bool:
        for host in ("127.0.0.1", "::1"):
            with contextlib.suppress(OSError):
                socket.create_connection((host, self._port), _PROBE_S).close()
                return True
        return False

    def _watch(self) -> None:
        assert self._child is not None
        failed, next_probe = 0, time.monotonic() + _PROBE_S
        while not self._ending.wait(_LOOK_S):
            if (code := self._child.poll()) is not None:
                self._die(f"ended with code {code}")
            if time.monotonic() < next_probe:
                continue
            failed = 0 if self._takes_connections() else failed + 1
            next_probe = time.monotonic() + _PROBE_S
            if failed == _MOST_FAILED:
                self._die(f"takes no connections at port {self._port} any more")

    def _die(self, why: str) -> None:
        if self._ending.is_set():
            return
        _LOG.error("%s %s: the instance ends with it", self._file, why)
        self._kill()
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        os._exit(1)

    def _signal(self, number: int) -> None:
        if self._child is not None:
            with contextlib.suppress(OSError):
                os.killpg(self._child.pid, number)

    def _kill(self) -> None:
        self._signal(signal.SIGKILL)
