#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes THIRD_PARTY.md: whose work is in our programs, and the licence of each, in full.

    scripts/papers/third_party.py PROGRAMS OUT [--python INTERPRETER]

PROGRAMS is a folder with AIService and the others; INTERPRETER the one that a wheel's shim is for.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from dpkg import NoPackage
from inventory import Part, common_texts, parts_of

BEGIN = """\
# Software of others in the AIGES engine host

AIGES itself is under the Apache License 2.0 (LICENSE). Its programs are linked to the libraries
below, have parts of others compiled in (libraries of headers), and files of others embedded
(the page /-/docs). "linked" libraries come along in wheels and release archives, but for those of
the C and C++ runtime, which are the system's; an image has them as packages of its distribution.
They are the distribution's, unchanged but for the name and the search path that a wheel needs. The
last column has the source package, with which `apt-get source NAME=VERSION` brings the source.

Licences are given as the authors of each package tell them, under the table; a file may name parts
that are not in our programs.

| name | version | how | in | licences | source |
|---|---|---|---|---|---|
"""


def page(parts: list[Part]) -> str:
    """The whole text."""
    rows = [
        f"| {part.name} | {part.version or '-'} | {part.how} | {', '.join(part.programs)} "
        f"| {', '.join(part.licences) or 'see its text'} | {part.source or part.purl} |\n"
        for part in parts
    ]
    same: dict[str, list[Part]] = {}
    for part in parts:
        same.setdefault(part.text, []).append(part)
    texts = [
        f"## {', '.join(part.name for part in held)}\n\n~~~~\n{text.rstrip()}\n~~~~\n"
        for text, held in same.items()
    ]
    commons = [
        f"## Licence {name}\n\n~~~~\n{text.rstrip()}\n~~~~\n"
        for name, text in common_texts(parts).items()
    ]
    return BEGIN + "".join(rows) + "\n" + "\n".join(texts + commons)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("programs", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--python", type=Path)
    asked = parser.parse_args()
    try:
        parts = parts_of(asked.programs, asked.python)
    except (NoPackage, FileNotFoundError) as error:
        print(f"third_party.py: {error}", file=sys.stderr)
        return 1
    asked.out.write_text(page(parts), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
