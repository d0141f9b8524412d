# SPDX-License-Identifier: Apache-2.0
"""THIRD_PARTY.md and the bill of materials name all that is linked, compiled in or embedded."""

import datetime
import importlib.util
import json
import os
import shutil
import subprocess
from pathlib import Path

import dpkg
import inventory
import pytest
import sbom
import swagger_parts
import third_party

ROOT = Path(__file__).resolve().parents[2]
BINARIES = Path(os.environ.get("AIGES_BIN", ROOT / "build" / "bin")).resolve()
BUILD = BINARIES.parent
WHEN = datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc)
CLAUSES = """Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: x

Files: *
Copyright: 2001 A
 2002 B
License: MIT

Files: lib/b.c
Copyright: 2002 B
License: BSD-3-Clause

Files: debian/*
Copyright: 2003 Packager
License: GPL-3

License: MIT
 Do what you want.
 See /usr/share/common-licenses/Apache-2.0.
"""

pytestmark = pytest.mark.skipif(not shutil.which("dpkg-query"), reason="this is no Debian")


@pytest.fixture(scope="module")
def parts():
    return inventory.parts_of(BINARIES)


@pytest.fixture(scope="module")
def bill(parts):
    return json.loads(sbom.write(sbom.bill(parts, WHEN)))


def ninja(*arguments):
    if not (BUILD / "build.ninja").is_file():
        pytest.skip(f"{BUILD} is no build folder of ninja")
    command = ["ninja", "-C", str(BUILD), "-t", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()


def inputs_of_the_programs():
    return ninja("inputs", *(f"bin/{name}" for name in inventory.PROGRAMS))


def headers_of_the_programs():
    """What the compiler read of the system for the objects of our programs."""
    objects = {name for name in inputs_of_the_programs() if name.endswith(".o")}
    mine, found = False, set()
    for line in ninja("deps"):
        if line and not line[0].isspace():
            mine = line.partition(":")[0] in objects
        elif mine and line.startswith("    /usr/"):
            found.add(line.strip())
    return sorted(found)


def test_every_package_whose_headers_are_compiled_in_is_named(parts):
    headers = headers_of_the_programs()
    assert any(header.endswith("boost/asio/io_context.hpp") for header in headers)
    used = {package.source for package in dpkg.packages_of(headers).values()}
    assert used - inventory.sources_of(parts) == set(), "name it in HEADERS of inventory.py"


def test_no_library_is_linked_as_an_archive():
    """Of one that is, no trace is left in the program: it would have to be named by hand."""
    inside = ("loader/", "proto/", "wrapper/", "xtest/")
    archives = [name for name in inputs_of_the_programs() if name.endswith(".a")]
    assert [name for name in archives if not name.startswith(inside)] == []


def test_every_library_that_a_program_starts_with_is_named(parts):
    named = {name for part in parts for name in part.files}
    for program in inventory.PROGRAMS:
        for library in inventory.libraries_of(BINARIES / program):
            assert Path(library).name in named


def test_swagger_ui_is_the_one_that_is_built_in(parts):
    static = Path(importlib.util.find_spec("swagger_ui").origin).parent / "static"
    bundle = (static / "swagger-ui-bundle.js").read_bytes()
    assert swagger_parts.bundle_version(bundle) == inventory.swagger_version(), (
        "scripts/papers/swagger_parts.py says how the list of what is in it is made anew"
    )
    embedded = {part.name for part in parts if part.how == inventory.EMBEDDED}
    assert {"swagger-ui-dist", "react", "immutable", "@swagger-api/apidom-core"} <= embedded


def test_every_part_has_a_version_or_says_none_and_a_text_of_its_licence(parts):
    for part in parts:
        assert len(part.text) > 100, part.name
        assert part.programs and part.purl.startswith("pkg:"), part.name
        assert part.version or part.how == inventory.EMBEDDED, part.name


def test_the_page_has_every_part_with_its_text_and_what_that_refers_to(parts):
    page = third_party.page(parts)
    for part in parts:
        assert f"| {part.name} | {part.version or '-'} | {part.how} |" in page
        assert part.text.rstrip() in page
    assert {"Apache-2.0", "LGPL-2.1"} <= set(inventory.common_texts(parts))
    assert "TERMS AND CONDITIONS FOR USE, REPRODUCTION, AND DISTRIBUTION" in page
    for name in inventory.common_texts(parts):
        assert f"## Licence {name}\n" in page


def test_the_bill_has_every_part_and_what_the_extras_bring(parts, bill):
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.5")
    components = bill["components"]
    purls = [component["purl"] for component in components]
    assert {part.purl.partition("?")[0] for part in parts} <= {p.partition("?")[0] for p in purls}
    optional = {c["name"] for c in components if c.get("scope") == "optional"}
    assert {"flask", "msgpack", "pyclipper", "onnxruntime", "a2wsgi"} <= optional
    (nghttp2,) = [c for c in components if c["name"].startswith("libnghttp2")]
    assert {"name": "aiges:file", "value": "libnghttp2.so.14"} in nghttp2["properties"]
    references = {component["bom-ref"] for component in components}
    (own,) = [
        d for d in bill["dependencies"] if d["ref"] == bill["metadata"]["component"]["bom-ref"]
    ]
    assert set(own["dependsOn"]) == references


def test_two_bills_of_the_same_programs_are_equal(parts, bill):
    assert json.loads(sbom.write(sbom.bill(list(reversed(parts)), WHEN))) == bill


def test_a_library_that_no_package_holds_is_named(tmp_path):
    stray = tmp_path / "libstray.so"
    stray.write_bytes(b"")
    with pytest.raises(dpkg.NoPackage, match=f"no package holds {stray}"):
        dpkg.packages_of([str(stray)])


def test_licences_of_the_packager_do_not_count():
    assert dpkg.licence_names(CLAUSES) == ("MIT", "BSD-3-Clause")
    assert dpkg.licence_names("free text\n\nLicense: GPL-3") == ()
    assert dpkg.common_licences(CLAUSES) == ("Apache-2.0",)


def test_a_long_text_is_told_by_licence(monkeypatch):
    assert dpkg.readable(CLAUSES) == CLAUSES
    monkeypatch.setattr(dpkg, "LONG", 10)
    told = dpkg.readable(CLAUSES)
    assert "License: MIT\nCopyright:\n 2001 A\n 2002 B\n" in told
    assert "Text of MIT:\n Do what you want.\n" in told
    assert "Files:" not in told and "lib/b.c" not in told


def test_a_package_url_escapes_what_would_be_read_as_another_part():
    package = dpkg.Package("libgrpc++1.51", "1:2.3+b1", "grpc", "1:2.3", "amd64")
    assert "/libgrpc%2B%2B1.51@1:2.3%2Bb1?arch=amd64" in package.purl()
