# SPDX-License-Identifier: Apache-2.0
"""What a training says of itself while it runs: a line of JSON for each step."""

import json
import os
import time
from pathlib import Path
from typing import Any, Optional

from aipod import logger

_FLAGS = os.O_RDWR | os.O_APPEND | os.O_CREAT | getattr(os, "O_CLOEXEC", 0)


class TrainningLogger:
    """The log of one model."""

    def __init__(self, log_path: Path) -> None:
        self.log_path = log_path

    def append(
        self,
        progress: Optional[float] = None,
        data: Any = None,
        message: Optional[str] = None,
        stage: Optional[str] = None,
        status: str = "running",
        **kwargs: Any,
    ) -> None:
        """Add a line. It is there as a whole for everybody who reads, or not at all."""
        from aiges.contracts.aipod._data import encode

        said = {
            "progress": progress,
            "data": data,
            "message": message,
            "stage": stage,
            "status": status,
            "timestamp": int(time.time()),
        }
        said.update(kwargs)
        line = encode(said) + b"\n"
        file = os.open(self.log_path, _FLAGS, 0o666)
        try:
            size = os.fstat(file).st_size
            # A line that was cut off by the end of its process does not spoil this one.
            torn = size > 0 and os.pread(file, 1, size - 1) != b"\n"
            os.write(file, b"\n" + line if torn else line)
        finally:
            os.close(file)

    def read_all(self) -> list[dict[str, Any]]:
        """Return all that it has said; lines that are no JSON are passed over."""
        try:
            data = Path(self.log_path).read_bytes()
        except FileNotFoundError:
            return []
        out = []
        for line in data.split(b"\n"):
            if not line:
                continue
            try:
                out.append(json.loads(line))
            except ValueError:
                logger.debug("%s: passed over a torn line", self.log_path)
        return out


class Progressor:
    """How far a part of the work is within the whole, in percent."""

    def __init__(self, tasks: int, start: float = 0, end: float = 100) -> None:
        self.start, self.end, self.tasks = start, end, tasks
        self.total = end - start

    def calculate(self, done_tasks: int) -> float:
        """Return it for so many tasks done."""
        return self.start + self.total * done_tasks / self.tasks
