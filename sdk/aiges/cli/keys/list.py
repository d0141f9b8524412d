# SPDX-License-Identifier: Apache-2.0
"""``asectl keys list``."""

from __future__ import annotations

from pathlib import Path

from aiges.cli._say import Out, entry
from aiges.cli.keys._file import file_option, read, words

SHOWN = 8  # Digits of the hash, which tell two keys of one id apart.


@entry(name="list")
@file_option
def command(out: Out, path: Path) -> None:
    """List who has a key, what it may, and how its hash begins."""
    found = [words(line) for line in read(path) if words(line)]
    values = [
        {"id": name, "hash": hashed.rpartition(":")[2][:SHOWN], "may": may.split(",")}
        for name, hashed, may in found
    ]
    rows = [[str(v["id"]), str(v["hash"]), ",".join(v["may"])] for v in values]
    out.result(values, out.table(["id", "hash", "may"], rows, f"{path}: no key yet"))
