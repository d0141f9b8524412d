# SPDX-License-Identifier: Apache-2.0
"""A page of documentation as a list of blocks, with what its comments say about testing them.

Indented blocks and fences marked sh are commands. Comments before a block say more:

    <!-- test: background until "ready" -->  its last line is a server; go on when it prints that
    <!-- test: prints "HELLO" -->            its output has that in it
    <!-- test: until "HELLO" -->             it is run again until its output has that in it
    <!-- test: fails -->                     its last command ends with an error
    <!-- test: file wrapper.py -->           it is a file of that name
    <!-- test: output -->                    it is what the commands before print; .. is anything
    <!-- test: skip: why -->                 it is not run
    <!-- test: stop -->                      no block: Ctrl-C where the newest server runs
    <!-- test: says "reload: done" -->       no block: go on when the newest server has printed that
"""

import re
from dataclasses import dataclass, field

COMMENT = re.compile(r"<!-- test: (.*) -->")
ACTION = re.compile(
    r'(?P<word>background until|prints|says|until) "(?P<text>.+)"|(?P<bare>fails|output|stop)'
    r"|(?P<named>file) (?P<name>\S+)|(?P<skip>skip): (?P<why>.+)"
)
FENCE = re.compile(r"```(\w*)$")
COMMANDS = ("sh", "bash")


@dataclass
class Block:
    """``line`` is where its text begins; ``asked`` has what the comments ask for, with values."""

    line: int
    language: str
    text: str
    asked: dict[str, list[str]] = field(default_factory=dict)

    @property
    def is_run(self):
        return self.language in COMMANDS and not self.asked.keys() & {"skip", "file", "output"}

    def value(self, name):
        """The value of what may be asked once; None without it."""
        return self.asked[name][0] if name in self.asked else None


class PageError(Exception):
    """A page that cannot be understood; the text begins with page and line."""


def blocks_of(text, name="page"):
    """The blocks of a page, in order."""
    lines = text.splitlines()
    found, asked, at = [], {}, 0

    def fail(number, why):
        raise PageError(f"{name}:{number + 1}: {why}")

    while at < len(lines):
        line = lines[at]
        comment, fence = COMMENT.fullmatch(line.strip()), FENCE.fullmatch(line)
        before = lines[at - 1] if at else ""
        if comment:
            word, value = _action(comment.group(1)) or fail(at, f"cannot read {line.strip()!r}")
            if word in ("says", "stop"):
                found.append(Block(at + 1, "", "", {word: [value]}))
            else:
                asked.setdefault(word, []).append(value)
            at += 1
            continue
        if fence:
            end = next((n for n in range(at + 1, len(lines)) if lines[n] == "```"), None)
            if end is None:
                fail(at, "a fence that does not end")
            inside = lines[at + 1 : end]
            found.append(Block(at + 2, fence.group(1), "\n".join(inside) + "\n", asked))
            asked, at = {}, end + 1
            continue
        starts = not before.strip() or before.startswith(("#", "<!--"))
        if line.startswith("    ") and line.strip() and starts:
            end = at
            while end < len(lines) and (lines[end].startswith("    ") or not lines[end].strip()):
                end += 1
            inside = [each[4:] for each in lines[at:end]]
            found.append(Block(at + 1, "sh", "\n".join(inside).rstrip() + "\n", asked))
            asked, at = {}, end
            continue
        if asked and line.strip():
            fail(at, f"expected a block after the comment {asked}, found text")
        at += 1
    if asked:
        fail(at - 1, f"expected a block after the comment {asked}, found the end")
    return found


def _action(text):
    found = ACTION.fullmatch(text)
    if found is None:
        return None
    if found["word"]:
        return found["word"].split()[0], found["text"]
    if found["named"]:
        return "file", found["name"]
    if found["skip"]:
        return "skip", found["why"]
    return found["bare"], ""


def expected_in(shown, printed):
    """The lines of ``shown`` that no line of ``printed`` is like; .. stands for anything."""
    lines = [line.strip() for line in printed.splitlines()]
    missing = []
    for line in filter(None, map(str.strip, shown.splitlines())):
        pattern = ".*".join(map(re.escape, line.split("..")))
        if not any(re.fullmatch(pattern, each) for each in lines):
            missing.append(line)
    return missing
