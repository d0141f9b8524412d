# SPDX-License-Identifier: Apache-2.0
"""Whose work is in our programs: what they are linked to, what is compiled and embedded into them.

Shared libraries are asked for, with ldd and dpkg. What leaves no trace in a program is named here,
by a header that it has; tests/package/test_papers.py compares that with what the compiler read.
Needs the standard library only: the build stage of an image has nothing else.
"""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

from dpkg import NoPackage, Package, common_licences, licence_names, packages_of, readable

LINKED, COMPILED, EMBEDDED = "linked", "compiled in", "embedded"
PROGRAMS = ("AIService", "aiges-worker", "libaiges-worker.so", "libwrapper.so", "xtest")
COMMON_LICENCES = Path("/usr/share/common-licenses")
SWAGGER = Path(__file__).resolve().parent / "swagger_ui.json"
INCLUDE = Path("/usr/include")
# Libraries of headers alone: name, a header that says whose package they are, the programs.
HEADERS = (
    ("Boost (Asio, Beast and what they need)", "boost/version.hpp", ("AIService", "xtest")),
    ("CLI11", "CLI/CLI.hpp", ("AIService", "xtest")),
    ("JSON for Modern C++", "nlohmann/json.hpp", ("AIService", "xtest")),
    ("Valijson", "valijson/validator.hpp", ("AIService",)),
    ("prometheus-cpp", "prometheus/metric_family.h", ("AIService",)),
    ("pybind11", "pybind11/pybind11.h", ("libwrapper.so",)),
    ("Headers of Linux", "linux/errno.h", PROGRAMS),
)
ASK_PYBIND11 = """
import importlib.metadata as m, json
d = m.distribution("pybind11")
texts = [f.read_text() for f in d.files if f.name.startswith("LICEN") and ".dist-info" in str(f)]
print(json.dumps([d.version, texts]))
"""
ASK_PYTHON = """
import json, os, platform, sys, sysconfig
places = [
    os.path.join(sysconfig.get_path("stdlib"), "LICENSE.txt"),
    "/usr/share/doc/python%d.%d/copyright" % sys.version_info[:2],
]
texts = [open(place, encoding="utf-8").read() for place in places if os.path.exists(place)]
print(json.dumps([platform.python_version(), texts]))
"""


@dataclass(frozen=True)
class Part:
    """One piece of others' work. `packages` has what a name stands for, where that is several."""

    name: str
    version: str
    how: str
    programs: tuple[str, ...]
    licences: tuple[str, ...]
    text: str
    purl: str
    source: str = ""
    files: tuple[str, ...] = ()


def parts_of(folder: Path, python: Path | None = None) -> list[Part]:
    """All parts of the programs in a folder, in the order of their names.

    `python` is the interpreter whose pybind11 and headers the shim was made with, as for a wheel;
    without one they are the distribution's.
    """
    programs = [folder / name for name in PROGRAMS if (folder / name).is_file()]
    if not programs:
        raise NoPackage(f"expected {', '.join(PROGRAMS)} in {folder}, found none of them")
    found = _linked(programs) + _headers([file.name for file in programs], python)
    if python is not None:
        found += [_pybind11(python), _python(python)]
    found += swagger_parts()
    return sorted(found, key=lambda part: (part.name.lower(), part.version))


def sources_of(parts: list[Part]) -> set[str]:
    """The source packages of the distribution that the parts were built from."""
    return {part.source.split("=")[0] for part in parts if part.source}


def common_texts(parts: list[Part]) -> dict[str, str]:
    """The texts of licences to which those of the parts refer, by name."""
    names = {name for part in parts for name in common_licences(part.text)}
    return {
        name: (COMMON_LICENCES / name).read_text(encoding="utf-8")
        for name in sorted(names)
        if (COMMON_LICENCES / name).is_file()
    }


def swagger_parts() -> list[Part]:
    """Swagger UI and the packages inside of its bundle, from the list made by swagger_parts.py."""
    known = json.loads(SWAGGER.read_text(encoding="utf-8"))
    return [
        Part(
            name=each["name"],
            version=each["version"],
            how=EMBEDDED,
            programs=("AIService",),
            licences=tuple(each["licences"]),
            text="\n".join(known["texts"][key] for key in each["texts"]),
            purl=f"pkg:npm/{each['name'].replace('@', '%40')}"
            + (f"@{each['version']}" if each["version"] else ""),
        )
        for each in known["packages"]
    ]


def swagger_version() -> str:
    known = json.loads(SWAGGER.read_text(encoding="utf-8"))
    return str(known["version"])


def libraries_of(program: Path) -> list[str]:
    """The shared libraries that a program is started with, as the system finds them."""
    said = subprocess.run(["ldd", program], capture_output=True, text=True, check=False)
    if "not found" in said.stdout:
        lines = [line.strip() for line in said.stdout.splitlines() if "not found" in line]
        raise NoPackage(f"{program} misses libraries: {'; '.join(lines)}")
    rows = (line.split() for line in said.stdout.splitlines())
    return [row[2] for row in rows if len(row) > 2 and row[1] == "=>" and row[2].startswith("/")]


def _linked(programs: list[Path]) -> list[Part]:
    users: dict[str, dict[str, None]] = {}
    for program in programs:
        for library in libraries_of(program):
            users.setdefault(library, {})[program.name] = None
    owners = packages_of(sorted(users))
    files: dict[Package, list[str]] = {}
    for library, package in sorted(owners.items()):
        files.setdefault(package, []).append(library)
    return [
        _part_of(
            package,
            LINKED,
            tuple(sorted({name for library in held for name in users[library]})),
            files=tuple(Path(library).name for library in held),
        )
        for package, held in files.items()
    ]


def _headers(programs: list[str], python: Path | None) -> list[Part]:
    wanted = []
    for name, header, users in HEADERS:
        ours = tuple(sorted(set(users) & set(programs)))
        if ours and not (name == "pybind11" and python is not None):
            wanted.append((name, str(INCLUDE / header), ours))
    owners = packages_of([header for _, header, _ in wanted])
    return [_part_of(owners[header], COMPILED, ours, title=name) for name, header, ours in wanted]


def _part_of(
    package: Package,
    how: str,
    programs: tuple[str, ...],
    files: tuple[str, ...] = (),
    title: str = "",
) -> Part:
    text = package.copyright_text()
    return Part(
        name=title or package.name,
        version=package.version,
        how=how,
        programs=programs,
        licences=licence_names(text),
        text=readable(text),
        purl=package.purl(),
        source=f"{package.source}={package.source_version}",
        files=files,
    )


def _ask(python: Path, code: str) -> tuple[str, list[str]]:
    said = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True)
    version, texts = json.loads(said.stdout)
    return version, texts


def _pybind11(python: Path) -> Part:
    version, texts = _ask(python, ASK_PYBIND11)
    if not texts:
        raise NoPackage(f"the pybind11 of {python} brings no licence: install it again with pip")
    return Part(
        name="pybind11",
        version=version,
        how=COMPILED,
        programs=("libwrapper.so",),
        licences=("BSD-3-Clause",),
        text="\n".join(texts),
        purl=f"pkg:pypi/pybind11@{version}",
    )


def _python(python: Path) -> Part:
    version, texts = _ask(python, ASK_PYTHON)
    if not any(texts):
        raise NoPackage(f"{python} has no LICENSE.txt beside its library: install it again")
    return Part(
        name="Headers of CPython",
        version=version,
        how=COMPILED,
        programs=("libwrapper.so",),
        licences=("PSF-2.0",),
        text=texts[0],
        purl=f"pkg:generic/cpython@{version}",
    )
