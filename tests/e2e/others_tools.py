# SPDX-License-Identifier: Apache-2.0
"""Clients by others, which know nothing of AIService: where they are, and how they are run."""

import shutil
import subprocess
from pathlib import Path

from prerequisites import need

BUILT = Path(__file__).resolve().parents[2] / "build" / "tools"


def run_tool(name, *arguments, code=0, timeout_s=120):
    """What `name`, of build/tools (scripts/tools.sh) or of Debian, says on stdout and stderr."""
    path = shutil.which(name, path=BUILT) or shutil.which(name)
    need(None if path else name, "this test")
    command = [path, *map(str, arguments)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=timeout_s)
    said = ended.stdout + ended.stderr
    allowed = code if isinstance(code, tuple) else (code,)
    assert ended.returncode in allowed, f"{name} ended with {ended.returncode}:\n{said}"
    return said
