#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the bill of materials, CycloneDX 1.5 in JSON: what THIRD_PARTY.md has, what pip brings.

    scripts/papers/sbom.py PROGRAMS OUT [--python INTERPRETER]

As scripts/papers/third_party.py. Two runs over the same programs give the same bytes.
"""

from __future__ import annotations

import argparse
import datetime
import importlib.metadata
import os
import re
import sys
import uuid
from pathlib import Path

import tomllib
from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.exception import CycloneDxException
from cyclonedx.model import Property
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentScope, ComponentType
from cyclonedx.model.license import DisjunctiveLicense
from cyclonedx.output.json import JsonV1Dot5
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from dpkg import NoPackage
from inventory import Part, parts_of
from packageurl import PackageURL

ROOT = Path(__file__).resolve().parents[2]
NAME = re.compile(r"[A-Za-z0-9._-]+")
SPACE = uuid.UUID("8f1d3c0e-5d0a-4c52-9c3e-2f6a4b0f6a11")  # Of the numbers of our own bills.


def project() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def bill(parts: list[Part], when: datetime.datetime) -> Bom:
    """The whole bill."""
    told = project()
    bom = Bom()
    bom.metadata.timestamp = when
    own = Component(
        name=told["name"],
        version=told["version"],
        type=ComponentType.APPLICATION,
        purl=PackageURL("pypi", name=told["name"], version=told["version"]),
        bom_ref=f"pkg:pypi/{told['name']}@{told['version']}",
        licenses=[LicenseFactory().make_from_string("Apache-2.0")],
    )
    bom.metadata.component = own
    inside = [_component(part) for part in parts]
    brought = list(_python_packages(told))
    for component in (*inside, *brought):
        bom.components.add(component)
    bom.register_dependency(own, [*inside, *brought])
    text = "\n".join(sorted(f"{c.bom_ref} {c.version}" for c in bom.components))
    bom.serial_number = uuid.uuid5(SPACE, f"{told['version']}\n{text}")
    return bom


def write(bom: Bom) -> str:
    """The text of a bill. One that is not as CycloneDX's schema wants is an error."""
    text = JsonV1Dot5(bom).output_as_string(indent=1)
    wrong = JsonStrictValidator(SchemaVersion.V1_5).validate_str(text)
    if wrong is not None:
        raise ValueError(f"the bill of materials is not CycloneDX 1.5: {wrong}")
    return text + "\n"


def _component(part: Part) -> Component:
    told = [Property(name="aiges:how", value=part.how)]
    told += [Property(name="aiges:in", value=name) for name in part.programs]
    told += [Property(name="aiges:file", value=name) for name in part.files]
    if part.source:
        told.append(Property(name="aiges:source", value=part.source))
    return Component(
        name=part.name,
        version=part.version or None,
        type=ComponentType.LIBRARY,
        scope=ComponentScope.REQUIRED,
        purl=PackageURL.from_string(part.purl),
        bom_ref=f"{part.how.replace(' ', '-')}/{part.purl}",
        licenses=[_licence(name) for name in part.licences],
        properties=told,
    )


def _licence(name: str) -> DisjunctiveLicense:
    made = LicenseFactory().make_from_string(name)
    # An expression may only stand alone in a component; packagers write several names.
    return made if isinstance(made, DisjunctiveLicense) else DisjunctiveLicense(name=name)


def _python_packages(told: dict):
    """What pip brings along, by the extra that asks for it, in the index's versions of that day."""
    asked: dict[str, tuple[list[str], list[str]]] = {}
    groups = {"": told["dependencies"], **told["optional-dependencies"]}
    for extra, requirements in groups.items():
        for requirement in requirements:
            name = NAME.match(requirement)[0].lower()
            extras, texts = asked.setdefault(name, ([], []))
            extras.append(extra)
            texts.append(requirement)
    for name, (extras, texts) in asked.items():
        always = "" in extras
        yield Component(
            name=name,
            type=ComponentType.LIBRARY,
            scope=ComponentScope.REQUIRED if always else ComponentScope.OPTIONAL,
            purl=PackageURL("pypi", name=name),
            bom_ref=f"python-package/pkg:pypi/{name}",
            licenses=[DisjunctiveLicense(name=text) for text in _installed_licence(name)],
            properties=[
                Property(name="aiges:how", value="Python package, not in the wheel: pip brings it"),
                *(Property(name="aiges:extra", value=extra) for extra in extras if extra),
                *(Property(name="aiges:requires", value=text) for text in dict.fromkeys(texts)),
            ],
        )


def _installed_licence(name: str) -> list[str]:
    """What a package that is installed here says its licence is, in a few words."""
    try:
        told = importlib.metadata.metadata(name)
    except importlib.metadata.PackageNotFoundError:
        return []
    text = told.get("License-Expression") or told.get("License") or ""
    kinds = [x.split(" :: ")[-1] for x in told.get_all("Classifier", []) if x.startswith("License")]
    return [text] if text and "\n" not in text else kinds[:1]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("programs", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--python", type=Path)
    asked = parser.parse_args()
    epoch = int(os.environ.get("SOURCE_DATE_EPOCH", "0"))
    when = datetime.datetime.fromtimestamp(epoch, datetime.timezone.utc)
    try:
        text = write(bill(parts_of(asked.programs, asked.python), when))
    except (NoPackage, FileNotFoundError, CycloneDxException, ValueError) as error:
        print(f"sbom.py: {error}", file=sys.stderr)
        return 1
    asked.out.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
