# SPDX-License-Identifier: Apache-2.0
"""Which files of the folder a process counts in.

Not those of its own number: with each reload there would be more of them. A process takes the
lowest number that no living one has, and goes on counting where the one before it has stopped.
"""

from __future__ import annotations

import contextlib
import fcntl
import importlib
import os
import threading
from pathlib import Path
from typing import Any

from aiges.contracts.seldon._folder import VARIABLE

__all__ = ["value_class"]

_lock = threading.Lock()  # Of what follows; prometheus_client has one for the names.
_class: Any = None
_taken = (0, "")  # By which process: one that it forks takes another slot.


def value_class() -> Any:
    """Return the class of what is counted: one for all, as a file may have one writer only.

    prometheus_client's own metrics, which the user's code makes from now on, count there, too.
    Raises ImportError.
    """
    global _class
    values: Any = importlib.import_module("prometheus_client.values")
    with _lock:
        if _class is None:
            _class = values.ValueClass = values.MultiProcessValue(process_identifier=_slot)
    return _class


def _slot() -> str:
    """Return the name of this process in names of files."""
    global _taken
    own = os.getpid()
    if _taken[0] != own:
        _taken = own, _take(Path(os.environ[VARIABLE]))
    return _taken[1]


def _take(folder: Path) -> str:
    number = 0
    while True:
        name = f"slot{number}"
        # Open until the process ends, whichever way it does.
        held = os.open(folder / f"{name}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except BlockingIOError:
            os.close(held)
            number += 1
        except OSError:  # The user's folder is where there are no locks.
            os.close(held)
            return str(os.getpid())
    for file in folder.glob(f"gauge_live*_{name}.db"):  # Only what a living process says counts.
        with contextlib.suppress(FileNotFoundError):
            file.unlink()
    return name
