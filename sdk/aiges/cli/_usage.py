# SPDX-License-Identifier: Apache-2.0
"""Usage records of a folder of [metering]: what the sink wrote, and what still waits for it.

The layout of the files is loader/metering/segment.h and usage_record.cc; docs/metering.md tells it.
Nothing is locked or changed, so a loader may run meanwhile. Checksums are the loader's business.
"""

from __future__ import annotations

import datetime
import json
import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiges.cli._errors import CliError

MAGIC, HEAD = b"AIGESUM1", 64
VERSION = 1
SESSION, REFUSED = 1, 4
# version, flags, code, time, total, queue, engine, gpu, bytes in and out, outputs, trace
FIXED = struct.Struct("<BBiqqqqqQQQQQ")


@dataclass
class Usage:
    """One call or session."""

    number: int
    day: str
    caller: str
    model: str
    version: str
    code: int
    session: bool
    refused: bool
    bytes_in: int
    bytes_out: int
    engine_ms: float
    gpu_ms: float
    meters: dict[str, int]


def records(folder: Path) -> Iterator[Usage]:
    """Yield the records of a folder, each once, those of files of lines first."""
    if not (folder / "instance").is_file():
        raise CliError(f"{folder}: expected a folder of [metering], with a file instance in it")
    last = 0
    for file in sorted(folder.glob("usage-*.jsonl")):
        for line in file.read_text(encoding="utf-8").splitlines():
            found = _of_line(line)
            if found is not None:
                last = max(last, found.number)
                yield found
    # What a sink elsewhere has taken is there, and counted there.
    taken = max(last, _acknowledged(folder))
    for file in sorted(folder.glob("segment-*.usage")):
        try:
            content = file.read_bytes()
        except FileNotFoundError:
            continue  # The loader has no more need of it.
        for number, record in _of_segment(content):
            if number > taken:
                yield _of_bytes(number, record)


def _acknowledged(folder: Path) -> int:
    try:
        said = re.match(r"\d+", (folder / "acknowledged").read_text())
    except FileNotFoundError:
        return 0
    return int(said[0]) if said else 0


def _of_segment(content: bytes) -> Iterator[tuple[int, bytes]]:
    if content[:8] != MAGIC or len(content) < HEAD:
        return
    (number,) = struct.unpack_from("<Q", content, 8)
    at = HEAD
    while number and at + 8 <= len(content):
        (length,) = struct.unpack_from("<I", content, at)
        if length == 0 or at + 8 + length > len(content):
            return
        yield number, content[at + 8 : at + 8 + length]
        at += (8 + length + 7) // 8 * 8
        number += 1


def _of_bytes(number: int, record: bytes) -> Usage:
    if record[0] != VERSION:
        raise CliError(f"record {number}: expected version {VERSION}, got {record[0]}")
    _, flags, code, time_us, _, _, engine, gpu, got, gave, *_ = FIXED.unpack_from(record)
    at = FIXED.size
    texts: list[str] = []

    def text() -> str:
        nonlocal at
        size = record[at]
        at += 1 + size
        return record[at - size : at].decode("utf-8", "replace")

    texts = [text() for _ in range(5)]  # caller, model, version, request id, protocol
    count = record[at]
    at += 1
    meters: dict[str, int] = {}
    for _ in range(count):
        key = text()
        (meters[key],) = struct.unpack_from("<Q", record, at)
        at += 8
    when = datetime.datetime.fromtimestamp(time_us / 1e6, datetime.timezone.utc)
    return Usage(
        number=number,
        day=when.strftime("%Y-%m-%d"),
        caller=texts[0],
        model=texts[1],
        version=texts[2],
        code=code,
        session=bool(flags & SESSION),
        refused=bool(flags & REFUSED),
        bytes_in=got,
        bytes_out=gave,
        engine_ms=engine / 1000,
        gpu_ms=gpu / 1000,
        meters=meters,
    )


def _of_line(line: str) -> Usage | None:
    """Return the record in a line; None for one that is being written."""
    try:
        event: dict[str, Any] = json.loads(line)
        data = event["data"]
        return Usage(
            number=int(str(event["id"]).rpartition("-")[2]),
            day=str(event["time"])[:10],
            caller=data["caller"],
            model=data["model"],
            version=data["model_version"],
            code=data["code"],
            session=data["session"],
            refused=data["refused"],
            bytes_in=data["bytes_in"],
            bytes_out=data["bytes_out"],
            engine_ms=data.get("engine_ms", 0),
            gpu_ms=data.get("gpu_ms", 0),
            meters=data["meters"],
        )
    except (ValueError, KeyError, TypeError):
        return None


@dataclass
class Total:
    """What one caller has used of one model on one day."""

    day: str
    caller: str
    model: str
    calls: int = 0
    sessions: int = 0
    failed: int = 0
    refused: int = 0
    bytes_in: int = 0
    bytes_out: int = 0
    engine_ms: float = 0
    gpu_ms: float = 0
    meters: dict[str, int] = field(default_factory=dict[str, int])

    def add(self, usage: Usage) -> None:
        """Count one more."""
        self.sessions += usage.session
        self.calls += not usage.session
        self.failed += usage.code != 0
        self.refused += usage.refused
        self.bytes_in += usage.bytes_in
        self.bytes_out += usage.bytes_out
        self.engine_ms += usage.engine_ms
        self.gpu_ms += usage.gpu_ms
        for key, count in usage.meters.items():
            self.meters[key] = self.meters.get(key, 0) + count


def totals(folder: Path, since: str) -> list[Total]:
    """Return the totals of a folder by day, caller and model, from a day (YYYY-MM-DD) on."""
    found: dict[tuple[str, str, str], Total] = {}
    for usage in records(folder):
        if usage.day >= since:
            key = (usage.day, usage.caller, usage.model)
            found.setdefault(key, Total(*key)).add(usage)
    return [found[key] for key in sorted(found)]
