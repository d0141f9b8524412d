# SPDX-License-Identifier: Apache-2.0
"""What ProperDocs (properdocs.yml) does not do by itself for `make site`.

README, ARCHITECTURE and the README files of other folders become pages of the site. A link from a
page to any other file or folder of the repository leads to a page that shows it, so the site is
whole without the repository and without a network.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from properdocs.plugins import event_priority
from properdocs.structure.files import File, Files
from pygments.formatters import HtmlFormatter

ROOT = Path(__file__).resolve().parents[1]
NAMED = {
    "README.md": "index.md",
    "README.zh-CN.md": "zh/index.md",
    "ARCHITECTURE.md": "architecture.md",
    "CHANGELOG.md": "changelog.md",
    "SECURITY.md": "security.md",
    "bench/README.md": "bench/index.md",
    "bench/RESULTS.md": "bench/results.md",
    "docker/cpu/README.md": "images_cpu.md",
    "docker/gpu/README.md": "images.md",
    "deploy/helm/aiges/README.md": "deploy/helm.md",
}
PATTERNS = ("deploy/*/README.md", "plugins/*/README.md")  # Each is <folder>/<its folder>.md there.
LINK = re.compile(r"(\]\()([^)\s]+)(\))")
OUTSIDE = re.compile(r"[a-z][a-z0-9+.-]*:|#|/")  # A link with a scheme, to a place on this page, ..
COMMENT = re.compile(r"<!-- test: .*? -->\n?")
LANGUAGES = {".py": "python", ".json": "json", ".toml": "toml", ".h": "c", ".sh": "sh", "": "text"}
MOST_BYTES = 200_000  # Of a file that is shown.


class _Site:
    """Where each file of the repository is in the site, by its path."""

    def __init__(self) -> None:
        self.pages: dict[str, str] = {}
        self.sources: dict[str, str] = {}

    def add(self, path: str, uri: str) -> None:
        self.pages[path], self.sources[uri] = uri, path


_site = _Site()


def on_files(files: Files, config: Any) -> Files:
    """Adds the pages that lie outside docs/, and those of the files that any page links to."""
    _site.__init__()  # type: ignore[misc]  # One process may build the site more than once.
    for file in files:
        if file.inclusion.is_included():
            _site.add(f"docs/{file.src_uri}", file.src_uri)
    for path, uri in _moved():
        _site.add(path, uri)
        files.append(File.generated(config, uri, content=(ROOT / path).read_text("utf-8")))
    shown = sorted(_linked())
    for path in shown:
        _site.add(path, f"files/{path}.md")
    for path in shown:
        files.append(File.generated(config, _site.pages[path], content=_shown(ROOT / path, path)))
    styles = _styles(".highlight", "friendly") + _styles(
        "[data-bs-theme=dark] .highlight", "monokai"
    )
    files.append(File.generated(config, "site/code.css", content=styles))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Files) -> str:
    """Turns links of the repository into links of the site; the tests' comments are not for it."""
    source = _site.sources.get(page.file.src_uri)
    if source is None or page.file.src_uri.startswith("files/"):
        return markdown
    here = PurePosixPath(page.file.src_uri).parent

    def moved(found: re.Match[str]) -> str:
        path, anchor = _target(source, found[2])
        if path not in _site.pages:
            return found[0]
        return f"{found[1]}{os.path.relpath(_site.pages[path], here)}{anchor}{found[3]}"

    text = COMMENT.sub("", markdown)
    return "".join(part if is_code else LINK.sub(moved, part) for is_code, part in _parts(text))


@event_priority(-100)  # After the search plugin, whose worker knows no Chinese and stems names.
def on_post_build(config: Any) -> None:
    """Puts our search in the place of the plugin's: words as they stand, Chinese too."""
    ours = ROOT / "docs" / "site" / "search.js"
    (Path(config.site_dir) / "search" / "worker.js").write_bytes(ours.read_bytes())


def _moved() -> Iterator[tuple[str, str]]:
    for path, uri in NAMED.items():
        if (ROOT / path).is_file():
            yield path, uri
    for pattern in PATTERNS:
        for file in sorted(ROOT.glob(pattern)):
            path = file.relative_to(ROOT)
            yield path.as_posix(), f"{path.parent.as_posix()}.md"


def _linked() -> set[str]:
    """The paths that pages link to and that are no page, picture or the like of the site."""
    found = set()
    for path in list(_site.pages):
        if not path.endswith(".md"):
            continue
        text = (ROOT / path).read_text("utf-8")
        for is_code, part in _parts(text):
            for link in () if is_code else LINK.finditer(part):
                target, _ = _target(path, link[2])
                if target not in _site.pages and (ROOT / target).exists() and target:
                    found.add(target)
    for folder in [path for path in found if (ROOT / path).is_dir()]:
        found.update(name for name in _inside(folder) if name not in _site.pages)
    return found


def _target(source: str, link: str) -> tuple[str, str]:
    """The path in the repository that a link of a page means, empty for others; and its anchor."""
    if OUTSIDE.match(link):
        return "", ""
    name, sharp, anchor = link.partition("#")
    path = os.path.normpath(PurePosixPath(source).parent / name)
    return path, sharp + anchor


def _parts(text: str) -> Iterator[tuple[bool, str]]:
    """The lines of a page, and whether each is code."""
    fenced = False
    for line in text.splitlines(keepends=True):
        fence = line.startswith("```")
        yield fenced or fence or line.startswith("    "), line
        fenced ^= fence


def _inside(folder: str) -> list[str]:
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--", folder], cwd=ROOT, capture_output=True, check=True
    ).stdout.decode()
    return [name for name in listed.split("\0") if name]


def _shown(file: Path, path: str) -> str:
    """A page that shows a file, or lists a folder."""
    title = f"# {path}\n\n"
    if file.is_dir():
        here = PurePosixPath(_site.pages[path]).parent
        return title + "".join(
            f"- [{name}]({os.path.relpath(_site.pages[name], here)})\n" for name in _inside(path)
        )
    content = file.read_bytes()
    try:
        text = content[:MOST_BYTES].decode("utf-8")
    except UnicodeDecodeError:
        return f"{title}{len(content)} bytes that are no text.\n"
    language = LANGUAGES.get(file.suffix, "text")
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", text)), default=0))
    return f"{title}{fence}{language}\n{text}\n{fence}\n"


def _styles(selector: str, style: str) -> str:
    return str(HtmlFormatter(style=style).get_style_defs(selector)) + "\n"
