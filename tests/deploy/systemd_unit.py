# SPDX-License-Identifier: Apache-2.0
"""deploy/systemd/aiges.service as systemd reads it: its settings, and what calls it allows."""

import json
import re
import shutil
import subprocess
from pathlib import Path

from prerequisites import need

FOLDER = Path(__file__).resolve().parents[2] / "deploy" / "systemd"
UNIT = FOLDER / "aiges.service"


def analyze(*arguments, folder=None):
    """`systemd-analyze`; it needs no systemd that runs."""
    need("" if shutil.which("systemd-analyze") else "systemd (scripts/setup.sh test)", "the unit")
    return subprocess.run(
        ["systemd-analyze", "--no-pager", *map(str, arguments)],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def settings(text):
    """{key: [values]} of all sections of a unit or a drop-in."""
    found = {}
    for key, value in re.findall(r"^([A-Z]\w+)=(.*)$", text, re.M):
        found.setdefault(key, []).append(value)
    return found


def _members(name):
    """The system calls of a set such as @system-service, those of its own sets among them."""
    out = set()
    for line in analyze("syscall-filter", name).stdout.splitlines()[1:]:
        word = line.strip()
        if word.startswith("@"):
            out |= _members(word)
        elif word and not word.startswith("#"):
            out.add(word)
    return out


def allowed_calls(text):
    """Names of the system calls that the unit leaves."""
    calls = set()
    for value in settings(text)["SystemCallFilter"]:
        for word in value.lstrip("~").split():
            named = _members(word) if word.startswith("@") else {word}
            calls = calls - named if value.startswith("~") else calls | named
    return calls


def seccomp_profile(text, file):
    """Writes what the unit allows as a profile of podman's; what is not allowed is EPERM there."""
    rule = {"names": sorted(allowed_calls(text)), "action": "SCMP_ACT_ALLOW"}
    profile = {"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 1, "syscalls": [rule]}
    file.write_text(json.dumps(profile), encoding="utf-8")
