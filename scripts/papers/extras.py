#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Lists the extras of a wheel: what `pip install aiges-host[NAME]` brings besides.

    scripts/papers/extras.py WHEEL

It is an error if the wheel has others than pyproject.toml, or if a package of compat/ is missing.
"""

from __future__ import annotations

import email
import sys
import zipfile
from pathlib import Path

import tomllib

ROOT = Path(__file__).resolve().parents[2]


def declared() -> dict[str, list[str]]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return project["optional-dependencies"]


def differences(wheel: Path) -> list[str]:
    """What the wheel and the repository do not agree about, in words."""
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        (file,) = [name for name in names if name.endswith(".dist-info/METADATA")]
        metadata = email.message_from_bytes(archive.read(file))
    there = set(metadata.get_all("Provides-Extra", []))
    wrong = [f"extra {name} is in one of pyproject.toml and {wheel.name} only"
             for name in sorted(there ^ set(declared()))]  # fmt: skip
    for folder in sorted(each for each in (ROOT / "compat").iterdir() if each.is_dir()):
        if not any(name.startswith(f"aiges_host/compat/{folder.name}/") for name in names):
            wrong.append(f"expected aiges_host/compat/{folder.name}/ in {wheel.name}, found none")
    return wrong


def main() -> int:
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    wrong = differences(Path(sys.argv[1]))
    for line in wrong:
        print(f"extras.py: {line}", file=sys.stderr)
    for name, requirements in declared().items():
        print(f"aiges-host[{name}]: {', '.join(requirements) or 'nothing more'}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
