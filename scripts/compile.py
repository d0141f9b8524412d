# SPDX-License-Identifier: Apache-2.0
"""Compiles with ninja and says how far it is:  compile.py [--build FOLDER] [TARGET...]

In a terminal one line that changes, elsewhere a line every ten seconds. The time left is what the
steps so far took, for the steps to come; steps that only copy or generate do not count. The whole
output is in FOLDER/ninja.log, and is shown when something fails.
"""

import argparse
import re
import subprocess
import sys
import threading
import time
from pathlib import Path

STEP = re.compile(rb"^\[\d+/\d+\] Building \w+ object", re.MULTILINE)
EVERY_S = 10


def clock(seconds):
    return f"{int(seconds) // 60}:{int(seconds) % 60:02}"


def line(done, steps, elapsed_s):
    """`build: 12 of 80 files, 0:20, about 1:53 left`"""
    left = f", about {clock(elapsed_s / done * (steps - done))} left" if done else ""
    return f"build: {done} of {steps} files, {clock(elapsed_s)}{left}"


class Progress:
    """Shows the line until it is stopped, on a thread of its own: a step may take long."""

    def __init__(self, steps):
        self.steps, self.done, self.begin = steps, 0, time.monotonic()
        self.live = sys.stdout.isatty()
        self.ending = threading.Event()
        self.thread = threading.Thread(target=self._run)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ending.set()
        self.thread.join()
        if self.live:
            print("\r\033[K", end="")
        print(f"build: {self.steps} files in {clock(time.monotonic() - self.begin)}", flush=True)

    def _run(self):
        while not self.ending.wait(1 if self.live else EVERY_S):
            text = line(self.done, self.steps, time.monotonic() - self.begin)
            print(
                f"\r\033[K{text}" if self.live else text, end="" if self.live else "\n", flush=True
            )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=Path, default=Path("build"))
    parser.add_argument("targets", nargs="*")
    arguments = parser.parse_args()
    ninja = ["ninja", "-C", str(arguments.build)]
    planned = subprocess.run([*ninja, "-n", *arguments.targets], capture_output=True, check=False)
    steps = len(STEP.findall(planned.stdout))
    log = arguments.build / "ninja.log"
    with (
        open(log, "wb") as file,
        subprocess.Popen(
            [*ninja, *arguments.targets], stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        ) as process,
    ):
        if steps == 0:
            file.write(process.stdout.read())
        else:
            with Progress(steps) as progress:
                for text in process.stdout:
                    file.write(text)
                    progress.done += bool(STEP.match(text))
    if process.returncode != 0:
        said = log.read_text(errors="replace").splitlines()
        failed = next((i for i, text in enumerate(said) if text.startswith("FAILED")), 0)
        print("\n".join(said[failed : failed + 100]), file=sys.stderr)
        print(f"build: failed; the whole output is in {log}", file=sys.stderr)
    return process.returncode


if __name__ == "__main__":
    sys.exit(main())
