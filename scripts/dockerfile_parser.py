"""Reads a Dockerfile into instructions: enough of the format for scripts/lint_docker.py."""

import json
import re
from typing import NamedTuple

# What a Dockerfile may say; a misspelt word is an error in every engine.
KEYWORDS = frozenset(
    "ADD ARG CMD COPY ENTRYPOINT ENV EXPOSE FROM HEALTHCHECK LABEL MAINTAINER ONBUILD RUN SHELL "
    "STOPSIGNAL USER VOLUME WORKDIR".split()
)


class Instruction(NamedTuple):
    line: int  # Where it starts, from 1.
    keyword: str  # In capitals.
    flags: dict  # --name=value before the arguments; the value is "" for a bare flag.
    text: str  # The arguments, with continued lines joined by one blank.

    @property
    def words(self):
        """Arguments of the shell or the JSON form, as a list."""
        return self.json_form if self.json_form is not None else self.text.split()

    @property
    def json_form(self):
        """The list of the exec form, or None when this is the shell form."""
        try:
            value = json.loads(self.text)
        except ValueError:
            return None
        is_list = isinstance(value, list) and all(isinstance(item, str) for item in value)
        return value if is_list else None


class Stage(NamedTuple):
    name: str  # The AS name, or "".
    image: str  # With build arguments filled in by their defaults.
    line: int
    instructions: list  # Those after FROM.


def parse(text):
    """Instructions in order. Comments and empty lines may stand between continued lines."""
    instructions, parts, start = [], [], 0
    for number, line in enumerate(text.splitlines(), 1):
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            continue
        start = start or number
        if stripped.endswith("\\"):
            parts.append(stripped[:-1].strip())
            continue
        instructions.append(_instruction(start, " ".join([*parts, stripped])))
        parts, start = [], 0
    if parts:
        instructions.append(_instruction(start, " ".join(parts)))
    return instructions


def _instruction(line, text):
    keyword, _, rest = text.partition(" ")
    flags = {}
    while match := re.match(r"\s*--([a-z-]+)(?:=(\S*))?(\s+|$)", rest):
        flags[match[1]] = match[2] or ""
        rest = rest[match.end() :]
    return Instruction(line, keyword.upper(), flags, rest.strip())


def stages(instructions):
    """Splits at FROM. ARG before the first FROM gives the defaults for image names."""
    defaults, found = {}, []
    for instruction in instructions:
        if instruction.keyword == "FROM":
            image, _, name = _from_parts(instruction.text)
            found.append(Stage(name, fill(image, defaults), instruction.line, []))
        elif found:
            found[-1].instructions.append(instruction)
        elif instruction.keyword == "ARG":
            key, _, value = instruction.text.partition("=")
            defaults[key.strip()] = value.strip().strip('"')
    return found


def _from_parts(text):
    match = re.match(r"(\S*)(?:\s+(as)\s+(\S+))?", text, re.IGNORECASE)
    return match[1], match[2], match[3] or ""


def fill(text, values):
    """Replaces $NAME, ${NAME} and ${NAME:-default}; unknown names become empty."""

    def value(match):
        return values.get(match[1] or match[3]) or match[2] or ""

    return re.sub(r"\$\{(\w+)(?::-([^}]*))?\}|\$(\w+)", value, text)
