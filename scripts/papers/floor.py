#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Says how old a system a wheel runs on, and what in it asks for that.

    scripts/papers/floor.py WHEEL..

The floor is the tag that auditwheel has given the wheel; what sets it are the versions of symbols
that its programs and libraries need of the system's C and C++ runtime, by auditwheel's own table.
"""

from __future__ import annotations

import importlib.resources
import io
import json
import re
import sys
import zipfile
from pathlib import Path

from elftools.elf.elffile import ELFFile
from elftools.elf.gnuversions import GNUVerNeedSection

TAG = re.compile(r"manylinux_(\d+)_(\d+)_(\w+?)(?:\.|$)")
# The places of symbols that the table knows: glibc, the C++ library, and the compiler's own.
FAMILIES = ("GLIBC", "GLIBCXX", "CXXABI", "GCC")


def floor_of(wheel: Path) -> tuple[int, int]:
    """The lowest of the tags in a wheel's name; its older names (manylinux2014) are no numbers."""
    tags = [(int(a), int(b)) for a, b, _ in TAG.findall(wheel.stem.split("-")[-1] + ".")]
    if not tags:
        raise ValueError(f"{wheel.name} has no tag manylinux_2_..: auditwheel repair gives it one")
    return min(tags)


def policies(architecture: str) -> dict[tuple[int, int], dict[str, set[str]]]:
    """Which versions of symbols each tag allows, by its numbers."""
    file = importlib.resources.files("auditwheel.policy").joinpath("manylinux-policy.json")
    found = {}
    for each in json.loads(file.read_text(encoding="utf-8")):
        numbers = re.fullmatch(r"manylinux_(\d+)_(\d+)", each["name"])
        versions = each["symbol_versions"].get(architecture)
        if numbers and versions:
            found[int(numbers[1]), int(numbers[2])] = {k: set(v) for k, v in versions.items()}
    return found


def needs_of(wheel: Path) -> dict[str, set[str]]:
    """The versions of symbols that each ELF file of a wheel needs: "GLIBC_2.34", by file."""
    found = {}
    with zipfile.ZipFile(wheel) as archive:
        for name in archive.namelist():
            data = archive.read(name)
            if data[:4] == b"\x7fELF":
                found[name] = _versions(ELFFile(io.BytesIO(data)))
    return found


def _versions(elf: ELFFile) -> set[str]:
    return {
        version.name
        for section in elf.iter_sections()
        if isinstance(section, GNUVerNeedSection)
        for _, versions in section.iter_versions()
        for version in versions
        if version.name.split("_")[0] in FAMILIES
    }


def least(version: str, table: dict[tuple[int, int], dict[str, set[str]]]) -> tuple[int, int]:
    """The oldest tag whose systems have that version of symbols."""
    family, _, number = version.partition("_")
    return min((tag for tag in table if number in table[tag].get(family, ())), default=(0, 0))


def explain(wheel: Path) -> str:
    """Some lines on a wheel: its floor, and who asks for it."""
    floor = floor_of(wheel)
    architecture = TAG.search(wheel.stem + ".")[3]
    table, needs = policies(architecture), needs_of(wheel)
    by_version: dict[str, list[str]] = {}
    for file, versions in needs.items():
        for version in versions:
            by_version.setdefault(version, []).append(file)
    setting = {v: files for v, files in by_version.items() if least(v, table) == floor}
    lines = [f"{wheel.name}: glibc {floor[0]}.{floor[1]} or later, as auditwheel says"]
    for version, files in sorted(setting.items()):
        names = ", ".join(sorted(Path(file).name for file in files))
        lines.append(f"  set by {version} in {names}")
    numbers = [v for v in by_version if v.startswith("GLIBC_") and v[6:].replace(".", "").isdigit()]
    newest = max(numbers, key=lambda v: tuple(int(x) for x in v[6:].split(".")), default=None)
    if newest is not None and newest not in setting:
        names = ", ".join(sorted(Path(file).name for file in by_version[newest])[:4])
        lines.append(
            f"  of glibc itself {newest} would do, in {len(by_version[newest])} files: {names}, .."
        )
    return "\n".join(lines)


def main() -> int:
    if len(sys.argv) < 2:
        print(__doc__, file=sys.stderr)
        return 2
    for wheel in sys.argv[1:]:
        print(explain(Path(wheel)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
