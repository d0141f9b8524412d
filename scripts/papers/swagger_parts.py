#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes swagger_ui.json: the packages inside of the bundle of Swagger UI, with their licences.

    scripts/papers/swagger_parts.py BUNDLE FOLDER

BUNDLE is the swagger-ui-bundle.js that is built in. FOLDER is one in which `npm pack
swagger-ui-dist@VERSION` has put its archive, which has the bundle's source map, and `npm install
--ignore-scripts swagger-ui@VERSION` what it needs: neither the bundle nor the package brings the
licences of what is in it. A package that is missed is installed there by its name. To be run again
when Swagger UI changes; a test says when.
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
import tarfile
from pathlib import Path

OUT = Path(__file__).resolve().parent / "swagger_ui.json"
VERSION = re.compile(rb'PACKAGE_VERSION:"([^"]+)"')
INSIDE = re.compile(r"node_modules/((?:@[^/]+/)?[^/]+)")
LICENCE_FILE = re.compile(r"(?i)(licen[cs]e|copying|notice)([-.].*)?$")
# For a package that names its licence, and brings no text of it. Apache's is in ours.
STANDARD = {
    "MIT": """

Permission is hereby granted, free of charge, to any person obtaining a copy of this software
and associated documentation files (the "Software"), to deal in the Software without
restriction, including without limitation the rights to use, copy, modify, merge, publish,
distribute, sublicense, and/or sell copies of the Software, and to permit persons to whom the
Software is furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or
substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING
BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND
NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM,
DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM,
OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.
"""
}


def bundle_version(bundle: bytes) -> str:
    """The version that Swagger UI's bundle says of itself."""
    found = VERSION.search(bundle)
    if found is None:
        raise ValueError("expected PACKAGE_VERSION in the bundle of Swagger UI, found none")
    return found[1].decode()


def names_in(source_map: bytes) -> list[str]:
    """The packages of npm whose files are in a bundle."""
    sources = json.loads(source_map)["sources"]
    return sorted({names[-1] for source in sources if (names := INSIDE.findall(source))})


def read_package(folder: Path) -> tuple[list[str], str]:
    """The licences of a package as npm has installed it: their names, and their texts."""
    said = json.loads((folder / "package.json").read_text(encoding="utf-8"))
    licence = said.get("license") or said.get("licenses") or []
    entries = licence if isinstance(licence, list) else [licence]
    names = [each["type"] if isinstance(each, dict) else str(each) for each in entries]
    files = sorted(file for file in folder.iterdir() if LICENCE_FILE.match(file.name))
    texts = [file.read_text(encoding="utf-8", errors="replace").strip() for file in files]
    if not texts:
        author = said.get("author") or said.get("contributors") or said.get("maintainers") or ""
        if isinstance(author, list):
            author = ", ".join(a["name"] if isinstance(a, dict) else a for a in author)
        by = author["name"] if isinstance(author, dict) else author
        home = said.get("homepage") or (said.get("repository") or {})
        home = home.get("url", "") if isinstance(home, dict) else home
        texts = [
            f"{said['name']}, {' and '.join(names)}. Its package has no text of the licence; it "
            f"names as its author {by or 'nobody'}, as its place {home}."
            + "".join(STANDARD.get(name, "") for name in names)
        ]
    return names, "\n\n".join(texts) + "\n"


def main() -> int:
    if len(sys.argv) != 3:
        print(__doc__, file=sys.stderr)
        return 2
    bundle, folder = Path(sys.argv[1]).read_bytes(), Path(sys.argv[2])
    version = bundle_version(bundle)
    with tarfile.open(folder / f"swagger-ui-dist-{version}.tgz") as archive:

        def member(name: str) -> bytes:
            file = archive.extractfile(f"package/{name}")
            assert file is not None, name
            return file.read()

        if member("swagger-ui-bundle.js") != bundle:
            print(f"{sys.argv[1]} is not the bundle of swagger-ui-dist {version}", file=sys.stderr)
            return 1
        names = names_in(member("swagger-ui-bundle.js.map"))
        own = member("LICENSE").decode() + "\n" + member("NOTICE").decode()
    texts, packages = {}, []

    def add(name: str, number: str, licences: list[str], text: str) -> None:
        key = hashlib.sha256(text.encode()).hexdigest()[:12]
        texts[key] = text
        packages.append({"name": name, "version": number, "licences": licences, "texts": [key]})

    add("swagger-ui-dist", version, ["Apache-2.0"], own)
    for name in names:
        # Without a version: the bundle does not tell which it was built with, npm takes the newest.
        add(name, "", *read_package(folder / "node_modules" / name))
    known = {"version": version, "packages": packages, "texts": texts}
    OUT.write_text(json.dumps(known, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"{OUT}: {len(packages)} packages, {len(texts)} texts")
    return 0


if __name__ == "__main__":
    sys.exit(main())
