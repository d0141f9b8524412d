#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks that each room of the tree includes only what it may, and that files stay small.

    tests/check_layers.py [root]

Prints every violation as "file:line: what is there; the law", and exits 1 if there is one.
"""

import os
import re
import sys
from pathlib import Path

# Room -> rooms it may include besides itself. "abi" is include/aiges, "proto" generated classes,
# "python" is wrapper/python, "java" wrapper/java, "jvm" wrapper/jvm.
MAY_INCLUDE = {
    "abi": "",
    "base": "",
    "api": "base",
    "config": "api base proto",
    "front": "api base",
    "protocols": "api base front proto",
    "pages": "api base front protocols",
    "access": "api base front outbound",
    "routes": "access api base front protocols pages",
    "scheduler": "api base",
    "instances": "api base channel",
    "outbound": "base",
    "registry": "api base outbound",
    "metering": "api base outbound",
    "telemetry": "api base outbound",
    "models": "api base scheduler instances",
    "channel": "base",
    "worker": "base channel abi python jvm",
    "python": "",
    "jvm": "",
    "java": "abi jvm",
    "wrapper": "abi python",
    "xtest": "base proto",
    "main": "access base api config front metering models pages routes scheduler instances "
    "registry telemetry",
}
# Room -> libraries it may use, as the first component of the #include.
LIBRARIES = {
    "config": {"toml++", "CLI", "google"},
    "front": {"boost", "nghttp2", "openssl", "simdjson.h", "zlib.h"},
    "protocols": {"google", "boost", "simdjson.h", "openssl", "nlohmann", "valijson"},
    "pages": {"nlohmann", "openssl", "prometheus", "zlib.h"},
    "access": {"nlohmann", "openssl"},
    "routes": {"boost", "openssl"},
    "outbound": {"curl"},
    "registry": {"nlohmann", "openssl"},
    "metering": {"nlohmann", "openssl"},
    "telemetry": {"nlohmann"},
    "wrapper": {"Python.h", "pybind11"},
    "java": {"jni.h", "jvmti.h"},
    "xtest": {
        *("CLI", "toml++", "nlohmann", "simdjson.h", "zlib.h"),
        *("boost", "curl", "google", "grpcpp", "openssl"),
    },
}
SYSTEM = {"sys", "net", "netinet", "arpa", "linux"}
BARE_LIBRARIES = {"simdjson.h", "Python.h", "zlib.h", "jni.h", "jvmti.h"}
# Folders of wrapper/ that are rooms of their own.
SUBROOMS = ("python", "java", "jvm")
# Header that only some rooms may use -> the law behind it.
RESERVED = {
    # base opens the driver's NVML, which is not there on every machine.
    "dlfcn.h": (
        {"worker", "wrapper", "java", "base"},
        "the worker is the only one that opens plugins",
    ),
    # wrapper/python asks a program which Python it is, and waits for it; the plugin wall has no
    # other place for that.
    "sys/wait.h": ({"instances", "python"}, "instances start and kill processes"),
    "spawn.h": ({"instances", "python"}, "instances start and kill processes"),
}
LINES = {
    ".h": 300,
    ".cc": 600,
    ".py": 400,
    ".go": 400,
    ".rs": 400,
}  # Without the line of the licence.
FUNCTION_LINES = 80
SKIPPED = {"build", "node_modules", "__pycache__"}
FOREIGN_PATHS = [f"/{name}/" for name in ("work", "root")]

INCLUDE = re.compile(r'\s*#\s*include\s*([<"])([^>"]+)[>"]')
# Comments, raw strings, strings, characters (not the ' in 1'000) and preprocessor lines.
NO_CODE = re.compile(
    r"//[^\n]*|/\*.*?\*/|R\"(\w*)\(.*?\)\1\"|\"(?:\\.|[^\"\\\n])*\""
    r"|(?<![0-9a-fA-F])'(?:\\.|[^'\\\n])+'|^[ \t]*#(?:\\\n|[^\n])*",
    re.DOTALL | re.MULTILINE,
)
ACCESS = re.compile(r"\s*(?:public|private|protected):")
SCOPE = re.compile(r"\b(namespace|class|struct|union|enum|extern)\b")


def room_of(path):
    parts = path.parts
    if parts[0] == "loader":
        return "main" if len(parts) == 2 else parts[1]
    if parts[:2] == ("include", "aiges"):
        return "abi"
    if parts[0] == "wrapper" and parts[1] in SUBROOMS:
        return parts[1]
    return parts[0] if parts[0] in ("wrapper", "xtest") else None


def target_of(quoted, name):
    """The room or library that an #include reaches; None for the language and the system."""
    parts = name.split("/")
    if parts[0] == "loader":
        return "room", "main" if len(parts) == 2 else parts[1]
    if parts[0] == "wrapper" and parts[1] in SUBROOMS:
        return "room", parts[1]
    if parts[0] in ("aiges", "wrapper", "xtest"):
        return "room", "abi" if parts[0] == "aiges" else parts[0]
    if name.endswith(".pb.h"):
        return "room", "proto"
    if name in BARE_LIBRARIES or (len(parts) > 1 and parts[0] not in SYSTEM):
        return "library", parts[0]
    if quoted:
        return "room", name  # Relative to the file: not a way we include.
    return None, None


def check_include(room, line):
    """What is wrong with this line, or None."""
    match = INCLUDE.match(line)
    if match is None:
        return None
    quoted, name = match[1] == '"', match[2]
    kind, target = target_of(quoted, name)
    allowed = MAY_INCLUDE[room].split()
    if kind == "room" and target != room and target not in allowed:
        return f'includes "{name}"; {room} may include only {", ".join([room, *allowed])}'
    if kind == "library" and target not in LIBRARIES.get(room, ()):
        owners = [r for r, names in LIBRARIES.items() if target in names] or ["no room"]
        return f"uses the library {name}; only {', '.join(owners)} may"
    rooms, law = RESERVED.get(name, ({room}, ""))
    return None if room in rooms else f"includes <{name}>; {law}"


def functions(text):
    """Yields (first line, number of lines) of every function body outside other functions."""
    code = NO_CODE.sub(lambda m: re.sub(r"[^\n]", " ", m[0]), text)
    head, stack, start = 0, [], 0
    for match in re.finditer(r"[{};]", code):
        at = match.start()
        if match[0] == "{":
            before = ACCESS.sub("", code[head:at])
            inside = "body" in stack
            # "enum class X : T {", but not "struct S f() {".
            scope = SCOPE.search(before) and "(" not in before
            if not inside and "(" in before and not scope:
                start = code.count("\n", 0, at - len(before.lstrip())) + 1
                stack.append("body")
            else:
                stack.append("inner")
        elif match[0] == "}" and stack and stack.pop() == "body":
            yield start, code.count("\n", 0, at) + 2 - start
        head = match.end()


def check_file(root, path):
    """Yields (line, what is wrong) of one file; path is relative to root."""
    try:
        text = (root / path).read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return  # A picture or the like.
    for number, line in enumerate(text.splitlines(), 1):
        for foreign in FOREIGN_PATHS:
            if foreign in line:
                yield number, f"names {foreign}; no file may name a path of one machine"
    count, limit = text.count("\n") - ("SPDX-License" in text[:200]), LINES.get(path.suffix)
    if limit is not None and count > limit:
        yield limit + 1, f"has {count} lines; a {path.suffix} file has at most {limit}"
    if path.suffix not in (".h", ".cc"):
        return
    for number, length in functions(text):
        if length > FUNCTION_LINES:
            yield number, f"function of {length} lines; at most {FUNCTION_LINES}"
    room = room_of(path)
    if room is None:
        return
    if room not in MAY_INCLUDE:
        yield 1, f"is in loader/{room}; the rooms are {', '.join(MAY_INCLUDE)}"
        return
    for number, line in enumerate(text.splitlines(), 1):
        wrong = check_include(room, line)
        if wrong is not None:
            yield number, wrong


def project_files(root):
    for folder, names, files in os.walk(root):
        names[:] = sorted(n for n in names if n not in SKIPPED and (n[0] != "." or n == ".ci"))
        for name in sorted(files):
            if name == ".git":  # Of a worktree: a file with the path of the repository.
                continue
            if not (Path(folder) / name).is_symlink():
                yield (Path(folder) / name).relative_to(root)


def check(root):
    """Every violation in the tree, one line each."""
    return [
        f"{path}:{line}: {wrong}"
        for path in project_files(root)
        for line, wrong in check_file(root, path)
    ]


def main():
    root = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parents[1]
    violations = check(root)
    for violation in violations:
        print(violation)
    return 1 if violations else 0


if __name__ == "__main__":
    sys.exit(main())
