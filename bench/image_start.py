#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""From `podman run` of an image with an echo in it to the first 200 of its /readyz.

    bench/image_start.py [--runs 10] IMAGE

The second figure is what AIService says of itself: from its own start to its first ready instance.
The third is podman's alone: the same image with `true` in place of AIService, until it has ended.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import re
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path

CAREFUL = ["--read-only", "--cap-drop", "all", "--security-opt", "no-new-privileges"]
TARGET_MS = 1000
PATIENCE_S = 60
ECHO = Path(__file__).resolve().parent / "echo" / "wrapper.py"


def podman(*arguments: object) -> str:
    command = ["podman", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"image_start: {' '.join(command)}: {done.stderr.strip()}")
    return done.stdout.strip()


def wait_ready(address: str) -> None:
    """Returns when /readyz of a container answers 200."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError, http.client.HTTPException):
            connection = http.client.HTTPConnection(address, 1888, timeout=2)
            connection.request("GET", "/readyz")
            if connection.getresponse().status == 200:
                return
        time.sleep(0.005)
    sys.exit(f"image_start: expected 200 of http://{address}:1888/readyz within {PATIENCE_S} s")


def start(image: str, wrapper: Path) -> tuple[float, float]:
    """Milliseconds until the container is ready, and what AIService says of itself."""
    name = f"aiges-bench-{uuid.uuid4().hex[:12]}"
    mount = f"{wrapper}:/home/aiges/wrapper.py:ro"
    begin = time.monotonic()
    try:
        podman("run", "--detach", "--name", name, *CAREFUL, "--volume", mount, image)
        wait_ready(podman("inspect", "--format", "{{.NetworkSettings.IPAddress}}", name))
        took = time.monotonic() - begin
        said = re.search(r"AIService ready .*after_ms=(\d+)", podman("logs", name))
        return took * 1000, float(said[1]) if said else float("nan")
    finally:
        subprocess.run(["podman", "rm", "--force", "--time", "0", name], capture_output=True)


def bare(image: str) -> float:
    """Milliseconds of a container that does nothing."""
    begin = time.monotonic()
    podman("run", "--rm", *CAREFUL, image, "true")
    return (time.monotonic() - begin) * 1000


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("image", help="an image of podman: docker/cpu, or one on top of it")
    parser.add_argument("--runs", type=int, default=10, metavar="N", help="of each kind (10)")
    asked = parser.parse_args()
    if asked.runs < 1:
        parser.error(f"--runs: expected at least 1, got {asked.runs}")
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        wrapper = Path(folder) / "wrapper.py"
        wrapper.write_text(ECHO.read_text())
        turns = [(start(asked.image, wrapper), bare(asked.image)) for _ in range(asked.runs)]
    ready = [turn[0][0] for turn in turns]
    middle = statistics.median(ready)
    print(
        f"image_start  {middle:,.0f} ms to ready (most {max(ready):,.0f}), of which AIService "
        f"{statistics.median(turn[0][1] for turn in turns):,.0f} ms; a container that does nothing "
        f"{statistics.median(turn[1] for turn in turns):,.0f} ms; target <= {TARGET_MS:,} ms: "
        + ("pass" if middle <= TARGET_MS else "MISS")
    )
    return 0 if middle <= TARGET_MS else 1


if __name__ == "__main__":
    sys.exit(main())
