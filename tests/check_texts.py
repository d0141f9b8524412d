#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks that sources carry their licence, and that files named in comments and pages exist.

    tests/check_texts.py [root]

Prints every violation as "file:line: what is wrong", and exits 1 if there is one.
"""

import os.path
import re
import sys
from pathlib import Path, PurePosixPath

from check_layers import project_files

LICENCE = "SPDX-License-Identifier: Apache-2.0"
LICENSED = {
    *(".c", ".cc", ".h", ".py", ".sh", ".proto", ".js", ".css", ".cmake"),
    *(".go", ".rs"),
}
LICENSED_NAMES = {"CMakeLists.txt", "Makefile", "Dockerfile"}

# Files of users and of others, which our texts talk about: by name, or by the path said.
FOREIGN = {
    *(
        "xtest.toml",
        "peers.toml",
        "model.toml",
        "make_model.py",
        "my_model.py",
        "words.py",
        "wrapper/wrapper.py",
        "old/wrapper.py",
    ),
    *("Python.h", "pip.conf", "export.py", "enum.py", "inspect.py", "queue.py", "test_model.py"),
    *("one.py", "predict.py", "service.py", "call_async.py", "plan.py"),
    "s.h",  # The field h of the message s.
    "THIRD_PARTY.md",  # Made with the programs (scripts/papers).
    "aiges/start_test.sh",  # In the release archive.
}
NAME = re.compile(
    r"(?<![\w/.${<*-])((?:[A-Za-z_.][\w.-]*/)*[A-Za-z_][\w-]*"
    r"\.(?:cc|h|py|pyi|md|sh|proto|cmake|toml|map|conf|supp))\b(?![\w/(*-])"
)
SLASHES, HASH = re.compile(r"(?:\s*|.*?\s)//\s(.*)"), re.compile(r"(?:\s*|.*?\s)#\s(.*)")
WHOLE_LINE = re.compile(r"\s*#\s(.*)")
COMMENT = {
    ".cc": SLASHES,
    ".h": SLASHES,
    ".proto": SLASHES,
    ".js": SLASHES,
    ".py": HASH,
    ".sh": WHOLE_LINE,
    ".toml": WHOLE_LINE,
    ".md": re.compile("(.*)"),
    **{name: WHOLE_LINE for name in LICENSED_NAMES},
}


class Tree:
    """The project's files, and whether a text means one of them."""

    def __init__(self, root):
        self.files = list(project_files(root))
        self.paths = {path.as_posix() for path in self.files}
        self.names = {path.name for path in self.files}

    def has(self, said, where):
        """From the root, from the file that says it, or by the last parts of a path."""
        beside = os.path.normpath(PurePosixPath(where.parent.as_posix()) / said)
        if said in self.names or said in self.paths or beside in self.paths:
            return True
        return any(path.endswith("/" + said) for path in self.paths)


def check_file(root, tree, path):
    """Yields (line, what is wrong) of one file; path is relative to root."""
    try:
        lines = (root / path).read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError:
        return  # A picture or the like.
    if path.suffix in LICENSED or path.name in LICENSED_NAMES:
        if lines and not any(LICENCE in line for line in lines[:2]):
            yield 1, f"expected {LICENCE!r} in the first two lines"
    comment = COMMENT.get(path.suffix) or COMMENT.get(path.name)
    if comment is None:
        return
    for number, line in enumerate(lines, 1):
        text = comment.match(line)
        for said in NAME.findall(text[1]) if text else ():
            if said not in FOREIGN and not tree.has(said, path):
                yield number, f"names {said}, which is not in the tree"


def check(root):
    """Every violation in the tree, one line each."""
    tree = Tree(root)
    return [
        f"{path}:{line}: {wrong}"
        for path in tree.files
        for line, wrong in check_file(root, tree, path)
    ]


def main():
    root = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parents[1]
    violations = check(root)
    for violation in violations:
        print(violation)
    return 1 if violations else 0


if __name__ == "__main__":
    sys.exit(main())
