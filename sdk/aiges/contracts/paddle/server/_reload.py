# SPDX-License-Identifier: Apache-2.0
"""Models that change in their folders: the loader is told to begin anew with them.

``monitor`` and users' own scripts touch ``fluid_time_file`` when all files are there. The loader
starts workers with the new model beside those that serve, and lets them take over, or not.
"""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

__all__ = ["MARK", "Reload"]

_LOG = logging.getLogger("aiges.paddle")
MARK = "fluid_time_file"
_PERIOD_S = 10.0  # As the original's.


class Reload:
    """Watches the folders of models; made before they are loaded.

    ``load``: what is done when one has changed, in place of a reload by the loader.
    """

    def __init__(self, folders: Sequence[Path], load: Callable[[], None] | None = None) -> None:
        self._load = load
        self._files = [folder / MARK for folder in folders]
        self._seen = self._times()
        self._ends = threading.Event()
        text = os.environ.get("AIGES_PADDLE_RELOAD_S", "")
        self._period = float(text) if text.replace(".", "", 1).isdigit() else _PERIOD_S

    def start(self) -> None:
        """Look from now on."""
        threading.Thread(target=self._run, name="reload", daemon=True).start()

    def end(self) -> None:
        """Look no more."""
        self._ends.set()

    def _times(self) -> list[int]:
        return [_time_of(file) for file in self._files]

    def _run(self) -> None:
        loader = os.getppid()
        while not self._ends.wait(self._period):
            times = self._times()
            if not any(new > old for new, old in zip(times, self._seen)):
                continue
            self._seen = times
            if os.getppid() != loader:
                return
            _LOG.info("%s has changed: the models are loaded anew", MARK)
            if self._load is not None:
                self._load()
            else:
                os.kill(loader, signal.SIGHUP)


def _time_of(file: Path) -> int:
    try:
        return file.stat().st_mtime_ns
    except OSError:
        return 0
