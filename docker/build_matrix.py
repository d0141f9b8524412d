# SPDX-License-Identifier: Apache-2.0
"""The rows of matrix.txt, and what unsupported.txt says of others."""

from __future__ import annotations

import difflib
import fnmatch
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
_FIELDS = 7


class Mistake(Exception):
    """What was asked for cannot be; the text is for the user."""


@dataclass(frozen=True)
class Row:
    """One image: how it is called, what it is made of."""

    name: str
    image: str  # As aiges-gpu.
    suffix: str  # Of its first tag, behind the version.
    folder: str  # Of its Dockerfile, below docker/.
    base: str  # An image of others, or the name of a row.
    cuda: str
    python: str
    system: str

    def tags(self, repo: str, version: str) -> list[str]:
        """All names of the image: that with our version, and <cuda>-<python>-<os>."""
        place = f"{repo}/{self.image}" if repo else self.image
        kind = "-contracts" if self.folder == "contracts" else ""
        return [
            f"{place}:{version}-{self.suffix}",
            f"{place}:{self.cuda}-{self.python}-{self.system}{kind}",
        ]


def _lines(file: Path) -> list[tuple[int, str]]:
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise Mistake(f"{file}: {error.strerror}") from None
    numbered = ((number, line.strip()) for number, line in enumerate(lines, 1))
    return [(number, line) for number, line in numbered if line and not line.startswith("#")]


def read_matrix(file: Path) -> dict[str, Row]:
    """The rows by their names; a row stands on others above it only."""
    rows: dict[str, Row] = {}
    for number, line in _lines(file):
        words = line.split()
        if len(words) != _FIELDS or ":" not in words[1]:
            raise Mistake(
                f"{file}:{number}: expected row, name:tag, folder, base, CUDA, Python, system; "
                f"got: {line}"
            )
        image, suffix = words[1].split(":", 1)
        row = Row(words[0], image, suffix, *words[2:])
        if ":" not in row.base and row.base not in rows:
            raise Mistake(
                f"{file}:{number}: expected an image with its tag, or a row above, got {row.base}"
            )
        rows[row.name] = row
    return rows


def read_unsupported(file: Path) -> dict[str, str]:
    """Why images of the earlier loader cannot be built, by patterns of their tags."""
    return {
        words[0]: words[1].strip() for words in (line.split(None, 1) for _, line in _lines(file))
    }


def chosen(
    names: list[str], rows: dict[str, Row], unsupported: dict[str, str], *, alone: bool = False
) -> list[Row]:
    """The rows of these names, in an order in which they can be built; with all that they stand on,
    unless `alone`.

    A name is that of a row, its tag, <cuda>-<python>-<os>, or all.
    """
    found: list[Row] = []

    def add(row: Row) -> None:
        if row.base in rows and not alone:
            add(rows[row.base])
        if row not in found:
            found.append(row)

    for name in names:
        matches = [row for row in rows.values() if name in ("all", *_names(row))]
        if not matches:
            raise Mistake(_unknown(name, rows, unsupported))
        for row in matches:
            add(row)
    return found


def _names(row: Row) -> list[str]:
    tags = row.tags("", "")
    return [row.name, f"{row.image}:{row.suffix}", tags[1], tags[1].split(":", 1)[1]]


def _unknown(name: str, rows: dict[str, Row], unsupported: dict[str, str]) -> str:
    tag = name.rsplit(":", 1)[-1]
    for pattern, why in unsupported.items():
        if fnmatch.fnmatch(tag, pattern):
            return f"{name} cannot be built: {why}"
    begun = [row for row in rows if row.startswith(name)]
    close = begun[:1] or difflib.get_close_matches(name, rows, 1)
    hint = f"; did you mean {close[0]}?" if close else f"; rows: {', '.join(rows)}"
    return f"expected a row of matrix.txt, got {name}{hint}"
