# SPDX-License-Identifier: Apache-2.0
"""What the distribution knows of a file: its package, that one's version, source and licence."""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

FIELDS = ("binary:Package", "Version", "source:Package", "source:Version", "Architecture")
DOCS = Path("/usr/share/doc")
COMMON = re.compile(r"/usr/share/common-licenses/([A-Za-z0-9][\w.+-]*\w)")
# A longer file that a machine can read is told by licence, not by file: Boost's has 2 MB.
LONG = 64 * 1024


class NoPackage(Exception):
    """A file that no package holds, or a package without a licence; the text says which."""


@dataclass(frozen=True)
class Package:
    name: str
    version: str
    source: str
    source_version: str
    architecture: str

    def purl(self) -> str:
        """Its package URL, which tools that look for known faults understand."""
        distribution = _os_release()
        asked = [f"arch={self.architecture}"]
        if distribution.get("VERSION_CODENAME"):
            asked.append(f"distro={distribution['VERSION_CODENAME']}")
        asked.append(f"upstream={_quoted(self.source)}")
        name = f"pkg:deb/{distribution.get('ID', 'debian')}/{_quoted(self.name)}"
        return f"{name}@{_quoted(self.version)}?{'&'.join(asked)}"

    def copyright_text(self) -> str:
        file = DOCS / self.name / "copyright"
        try:
            return file.read_text(encoding="utf-8", errors="replace")
        except OSError as error:
            raise NoPackage(
                f"expected the licence of package {self.name} in {file}: {error.strerror}; "
                "install the package again, and let dpkg keep /usr/share/doc/*/copyright"
            ) from None


def packages_of(files: list[str]) -> dict[str, Package]:
    """The package of each file, by file. A file that belongs to none is an error that names it."""
    # With merged /usr, dpkg may know /usr/lib/.. where ldd says /lib/.., or the other way round.
    names = {file: {file, os.path.realpath(file), f"/usr{file}", file.removeprefix("/usr")}
             for file in files}  # fmt: skip
    asked = sorted(set().union(*names.values())) if names else []
    owners: dict[str, str] = {}
    # "package:arch, other: /path"; exit code 1 where one of the names belongs to none.
    said = subprocess.run(
        ["xargs", "--no-run-if-empty", "dpkg-query", "--search"],
        input="\n".join(asked),
        capture_output=True,
        text=True,
        check=False,
    )
    for line in said.stdout.splitlines():
        held, _, path = line.partition(": ")
        if not held.startswith("diversion "):
            owners[path] = held.split(",")[0].split(":")[0]
    found = {}
    for file in files:
        owner = next((owners[name] for name in sorted(names[file]) if name in owners), None)
        if owner is None:
            raise NoPackage(
                f"no package holds {file}: install the library from a package, or name it and its "
                "licence in scripts/papers/inventory.py"
            )
        found[file] = owner
    known = _describe(sorted(set(found.values())))
    return {file: known[owner] for file, owner in found.items()}


def _describe(names: list[str]) -> dict[str, Package]:
    if not names:
        return {}
    form = "\\t".join("${%s}" % field for field in FIELDS) + "\\n"  # noqa: UP031
    said = subprocess.run(
        ["dpkg-query", "--show", f"--showformat={form}", *names],
        capture_output=True,
        text=True,
        check=True,
    )
    rows = (line.split("\t") for line in said.stdout.splitlines())
    return {row[0].split(":")[0]: Package(row[0].split(":")[0], *row[1:]) for row in rows}


def licence_names(text: str) -> tuple[str, ...]:
    """The short names of licences in a copyright file that a machine can read; else none.

    What packagers wrote themselves (debian/*) is in no library.
    """
    names = []
    for stanza in _stanzas(text):
        files = _field(stanza, "Files").split()
        if files and not all(each.startswith("debian/") for each in files):
            names += _field(stanza, "License").splitlines()[:1]
    return tuple(dict.fromkeys(name.strip() for name in names if name.strip()))


def readable(text: str) -> str:
    """A copyright file as people are to read it: a long one told by licence, not by file."""
    if len(text) <= LONG or not licence_names(text):
        return text.strip() + "\n"
    holders: dict[str, dict[str, None]] = {}
    texts: dict[str, str] = {}
    for stanza in _stanzas(text):
        name, _, body = _field(stanza, "License").partition("\n")
        if body.strip():
            texts.setdefault(name, body)
        if _field(stanza, "Files"):
            lines = _field(stanza, "Copyright").splitlines()
            holders.setdefault(name, {}).update(
                dict.fromkeys(x.strip() for x in lines if x.strip())
            )
    parts = [
        f"License: {name}\nCopyright:\n" + "".join(f" {line}\n" for line in lines)
        for name, lines in holders.items()
    ]
    parts += [f"Text of {name}:\n{body}\n" for name, body in texts.items()]
    return "\n".join(parts)


def common_licences(text: str) -> tuple[str, ...]:
    """The licences that a text leaves to the distribution's folder of licences."""
    return tuple(dict.fromkeys(COMMON.findall(text)))


def _stanzas(text: str) -> list[str]:
    return re.split(r"\n[ \t]*\n", text) if text.startswith("Format:") else []


def _field(stanza: str, name: str) -> str:
    found = re.search(rf"^{name}:[ \t]*(.*(?:\n[ \t].*)*)", stanza, re.MULTILINE)
    return found[1] if found else ""


def _quoted(text: str) -> str:
    return text.replace("%", "%25").replace("+", "%2B")


def _os_release() -> dict[str, str]:
    try:
        lines = Path("/etc/os-release").read_text(encoding="utf-8").splitlines()
    except OSError:
        return {}
    pairs = (line.partition("=") for line in lines if "=" in line)
    return {name: value.strip('"') for name, _, value in pairs}
