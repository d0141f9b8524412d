# SPDX-License-Identifier: Apache-2.0
"""``ProcessInfo.json``: which services were started here, for ``serve stop`` and ``serve kill``.

It lies in ``$SERVING_HOME``, else in the current folder. An entry names a process by its number and
the time it began, so that another one with the same number is left alone.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import logging
import os
import signal
import time
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Any

__all__ = ["FILE", "KILL", "STOP", "end", "note"]

STOP, KILL = signal.SIGINT, signal.SIGKILL

_LOG = logging.getLogger("aiges.paddle")
FILE = "ProcessInfo.json"
_MOST_BYTES = 1 << 20


def _place() -> Path:
    return Path(os.environ.get("SERVING_HOME") or os.getcwd()) / FILE


@contextlib.contextmanager
def _locked(place: Path) -> Generator[None, None, None]:
    """Let one process at a time change the file."""
    folder = os.open(place.parent, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def _read(place: Path) -> list[dict[str, Any]]:
    try:
        said = json.loads(place.read_bytes()[:_MOST_BYTES])
    except (OSError, ValueError):
        return []
    return [each for each in said if isinstance(each, dict)] if isinstance(said, list) else []


def _write(place: Path, entries: list[dict[str, Any]]) -> None:
    if not entries:
        place.unlink(missing_ok=True)
        return
    fresh = place.with_name(f"{FILE}.{os.getpid()}")
    fresh.write_text(json.dumps(entries, indent=1) + "\n", encoding="utf-8")
    os.replace(fresh, place)


def _began(pid: int) -> str:
    """Return when a process began, in the kernel's ticks; "" where there is none."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
        rest = fields.rpartition(")")[2].split()
        return "" if rest[0] == "Z" else rest[19]
    except (OSError, IndexError):
        return ""


def _is_there(entry: dict[str, Any]) -> bool:
    pid, began = entry.get("pid"), entry.get("began")
    return type(pid) is int and pid > 1 and isinstance(began, str) and _began(pid) == began != ""


def note(ports: Sequence[int], model: str) -> None:
    """Write down that this process serves."""
    place = _place()
    entry = {
        "pid": os.getpid(),
        "port": list(ports),
        "model": model,
        "start_time": time.time(),
        "began": _began(os.getpid()),
    }
    try:
        with _locked(place):
            others = [each for each in _read(place) if _is_there(each)]
            _write(place, [each for each in others if each["pid"] != os.getpid()] + [entry])
    except OSError as fault:
        _LOG.warning("%s: not written, serve stop will not find this service: %s", place, fault)


def end(how: int, port: int | None, wait_s: float = 30.0) -> int:
    """Signal the services of this folder, or the one on that port, and wait for their end.

    Returns how many there were.
    """
    place = _place()
    if not place.is_file():
        return 0
    with _locked(place):
        entries = [each for each in _read(place) if _is_there(each)]
        mine = [each for each in entries if port is None or port in (each.get("port") or [])]
        for entry in mine:
            with contextlib.suppress(ProcessLookupError):
                os.kill(entry["pid"], how)
        deadline = time.monotonic() + wait_s
        while any(_is_there(each) for each in mine) and time.monotonic() < deadline:
            time.sleep(0.05)
        _write(place, [each for each in entries if _is_there(each)])
    return len(mine)
