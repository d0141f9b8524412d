# SPDX-License-Identifier: Apache-2.0
"""The rows of a benchmark: one table on the terminal, one JSON file per row."""

import json
import os
import platform
from pathlib import Path
from typing import NamedTuple, Optional

# Every file has these, null where they mean nothing for its row.
FIELDS = (
    *("in_flight", "bytes", "calls_per_s", "p50_us", "p99_us"),
    *("limit_calls_per_s", "ratio", "target_ratio"),
)
FIGURES = ("calls_per_s", "p50_us", "p99_us", "limit_calls_per_s", "limit_p50_us")
HEAD = (
    *("row", "calls/s", "p50 us", "p99 us", "limit calls/s", "limit p50 us"),
    *("measured", "target", ""),
)


class Row(NamedTuple):
    name: str
    shown: str  # What is compared with the target, for the table.
    target: Optional[str]
    met: Optional[bool]  # None where there is no target.
    fields: dict

    def write(self, folder):
        row = {"name": self.name, **dict.fromkeys(FIELDS), **self.fields}
        row.update(target=self.target, met=self.met, machine=machine())
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{self.name}.json"
        path.write_text(json.dumps(row, indent=2) + "\n", encoding="utf-8")

    def cells(self):
        figures = [self.fields.get(name) for name in FIGURES]
        numbers = ["-" if figure is None else f"{figure:,.0f}" for figure in figures]
        verdict = {None: "-", True: "pass", False: "MISS"}[self.met]
        return (self.name, *numbers, self.shown, self.target or "-", verdict)


def machine():
    """Ratios travel between machines, figures do not: a row says where it was measured."""
    model = platform.machine()
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
            break
    return {"cpu": model, "cores": len(os.sched_getaffinity(0))}


def table(rows):
    lines = [HEAD, *(row.cells() for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEAD))]
    text = []
    for line in lines:
        cells = []
        for column, (cell, width) in enumerate(zip(line, widths)):
            is_number = 1 <= column <= len(FIGURES)
            cells.append(cell.rjust(width) if is_number else cell.ljust(width))
        text.append("  ".join(cells).rstrip())
    return "\n".join([text[0], "-" * max(map(len, text)), *text[1:]])
