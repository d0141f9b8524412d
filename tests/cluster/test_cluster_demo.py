# SPDX-License-Identifier: Apache-2.0
"""`make cluster-demo` shows what it says, and leaves nothing running, however it ends."""

import os
import re
import signal
import subprocess
import sys
import uuid
from pathlib import Path

import pytest
from waiting import wait_until

ROOT = Path(__file__).resolve().parents[2]
LIMIT_S = 240
END_LIMIT_S = 60


class Run:
    """The demo as a user starts it; all its processes carry a mark in their environment."""

    def __init__(self, binaries, folder, *more):
        self.mark = f"AIGES_DEMO_MARK={uuid.uuid4().hex}"
        name, value = self.mark.split("=")
        script = ROOT / "scripts" / "cluster_demo.py"
        command = [sys.executable, str(script), "--bin", str(binaries.loader.parent)]
        self.out = folder / "out"
        with open(self.out, "wb") as out:
            self.process = subprocess.Popen(
                [*command, "--out", str(folder / "parts"), *more],
                env={**os.environ, name: value},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
            )

    def text(self):
        return self.out.read_text()

    def wait_text(self, text):
        def said():
            assert self.process.poll() is None, self.text()
            return text in self.text()

        wait_until(said, text, LIMIT_S)

    def left(self):
        """The processes that are still there."""
        found = []
        for file in Path("/proc").glob("[0-9]*/environ"):
            try:
                if self.mark.encode() in file.read_bytes():
                    found.append((file.parent / "cmdline").read_text().replace("\0", " "))
            except OSError:
                continue
        return found


@pytest.fixture
def run(binaries, tmp_path):
    runs = []

    def start(*more):
        runs.append(Run(binaries, tmp_path, *more))
        return runs[-1]

    yield start
    for each in runs:
        each.process.kill()
        each.process.wait()


def test_the_demo_shows_a_cluster_that_goes_on(run):
    demo = run()
    assert demo.process.wait(LIMIT_S) == 0, demo.text()
    text = demo.text()
    assert demo.left() == []
    for name in ("one", "two", "three"):
        row = re.search(rf"^  {name} +127\.0\.0\.1:\d+ +(\d+) +(\d+) +(\d+)$", text, re.M)
        assert row, text
        assert min(map(int, row.groups())) > 0
        assert re.search(rf"^  loader {name} +http://127\.0\.0\.1:\d+/$", text, re.M)
        assert re.search(rf"^ +\d+ ms  loader {name} +applied$", text, re.M)
        refused = rf"^ +\d+ ms  loader {name} +refused: aiges\.toml:\d+: \[fc\] max: expected"
        assert re.search(refused, text, re.M)
    directly = re.findall(r"^  directly: (\d+) answered, (\d+) retried, 0 failed", text, re.M)
    assert len(directly) == 2
    assert min(map(int, directly[0])) > 0  # The killed loader's calls were answered elsewhere.
    drained = text.partition("is drained (SIGTERM)")[2]
    assert re.search(r"^  HAProxy:  \d+ answered, 0 failed$", drained, re.M)
    assert "loader three has ended with exit code 0" in drained
    assert "cluster-demo: all as wanted" in text


def test_an_interrupted_demo_leaves_nothing(run):
    demo = run()
    demo.wait_text("Who answers")
    assert len(demo.left()) > 8  # Consul, HAProxy, three loaders with a worker each, the demo.
    demo.process.send_signal(signal.SIGINT)
    assert demo.process.wait(END_LIMIT_S) == 130
    assert "interrupted, everything is stopped" in demo.text()
    wait_until(lambda: demo.left() == [], "no process of the demo", END_LIMIT_S)


def test_a_killed_demo_leaves_nothing(run):
    demo = run()
    demo.wait_text("Who answers")
    demo.process.kill()
    wait_until(lambda: demo.left() == [], "no process of the demo", END_LIMIT_S)


def test_a_missing_loader_is_said(run, binaries, tmp_path):
    demo = run("--bin", str(tmp_path))
    assert demo.process.wait(END_LIMIT_S) == 1
    assert f"expected the loader at {tmp_path}/AIService" in demo.text()
    assert demo.left() == []
