# SPDX-License-Identifier: Apache-2.0
"""Tries an image: with nothing writable it serves an echo, is healthy, and ends well."""

from __future__ import annotations

import shlex
import subprocess
import time
import uuid

from build_matrix import Mistake

WRAPPER = """
def wrapperInit(config): return 0
def wrapperFini(): return 0
def wrapperError(code): return "error"
def wrapperOnceExec(tag, params, request, results, ids, count):
    results.extend(request)
    return 0
"""
HEALTH = ["python3", "/home/aiges/library/healthcheck.py"]
ASK = """
import urllib.request
url = "http://127.0.0.1:1888/v1/raw/svcName?key=data&type=text"
said = urllib.request.urlopen(urllib.request.Request(url, b"hello"), timeout=20).read()
assert said == b"hello", f"expected the echo hello, got {said!r}"
"""
PATIENCE_S = 60


def check_commands(runner: str, image: str, name: str) -> list[list[str]]:
    """Start, health, call, stop, and what the container ended with."""
    serve = f"printf %s {shlex.quote(WRAPPER)} > /models/wrapper.py && cd /models"
    serve += " && exec AIService -m=0 -c=/home/aiges/aiges.toml -s=svcName"
    options = ["--read-only", "--cap-drop", "all", "--security-opt", "no-new-privileges"]
    # What the image itself would start needs a model; where it finds one differs between images.
    options += ["--network", "none", "--tmpfs", "/models:mode=1777"]
    options += ["--env", "AIGES_READY_URL=http://127.0.0.1:1888/readyz"]
    return [
        [runner, "run", "--detach", "--name", name, *options, image, "sh", "-c", serve],
        [runner, "exec", name, *HEALTH],
        [runner, "exec", name, "python3", "-c", ASK],
        [runner, "stop", "--time", "40", name],
        [runner, "inspect", "--format", "{{.State.ExitCode}}", name],
        [runner, "rm", "--force", name],
    ]


def _run(command: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, check=False)


def check(runner: str, image: str) -> None:
    """Raises Mistake with what the container said where the image does not serve."""
    name = f"aiges-check-{uuid.uuid4().hex[:12]}"
    start, health, ask, stop, inspect, remove = check_commands(runner, image, name)

    def step(command: list[str], what: str) -> str:
        done = _run(command)
        if done.returncode != 0:
            logs = _run([runner, "logs", name])
            raise Mistake(f"{image}: {what}: {done.stderr.strip()}\n{logs.stdout}{logs.stderr}")
        return done.stdout.strip()

    try:
        step(start, "does not start")
        deadline = time.monotonic() + PATIENCE_S
        while _run(health).returncode != 0 and time.monotonic() < deadline:
            time.sleep(0.2)
        step(health, f"is not healthy within {PATIENCE_S} s")
        step(ask, "does not answer a call")
        step(stop, "does not stop")
        code = step(inspect, "is gone")
        if code != "0":
            raise Mistake(f"{image}: expected exit code 0 after stop, got {code}")
    finally:
        _run(remove)
