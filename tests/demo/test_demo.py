# SPDX-License-Identifier: Apache-2.0
"""`make demo`: what it prints, what it draws, and that nothing of it goes on running."""

import os
import re
import subprocess
import sys
import uuid
from pathlib import Path

import pytest
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
PICTURES = {"page_boxes.png": (768, 382), "coins_boxes.png": (768, 606)}
MARK = "AIGES_DEMO_MARK"


@pytest.fixture(scope="module")
def demo():
    """One run, as the Makefile makes it; its output, and the mark of all its processes."""
    for name in PICTURES:
        (ROOT / "build" / "demo" / name).unlink(missing_ok=True)
    mark = uuid.uuid4().hex
    binaries = os.environ.get("AIGES_BIN", "build/bin")
    done = subprocess.run(
        [sys.executable, "scripts/demo.py", "--bin", binaries],
        cwd=ROOT,
        env={**os.environ, MARK: mark},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout, mark


def test_it_is_what_make_demo_runs():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert "\n\t@$(PYTHON) scripts/demo.py --bin $(BIN)\n" in makefile


def test_the_page_is_read_and_the_coins_are_found(demo):
    output, _ = demo
    assert "Text in a scanned page: plugins/mmocr, engine rapidocr" in output
    assert int(re.search(r"^(\d+) lines$", output, re.MULTILINE)[1]) >= 5
    for word in ("segmentation", "background", "coins"):
        assert word in output
    assert "Coins on a table: plugins/yolov5" in output
    assert int(re.search(r"^(\d+) detections$", output, re.MULTILINE)[1]) >= 10


def test_every_way_of_calling_is_timed(demo):
    output, _ = demo
    for way in ("gRPC", "HTTP JSON", "HTTP raw"):
        assert len(re.findall(rf"^  {way} +[0-9. ]+$", output, re.MULTILINE)) == 2, output


@pytest.mark.parametrize("name", PICTURES)
def test_the_boxes_are_drawn(demo, name):
    output, _ = demo
    assert f"drawn: build/demo/{name}" in output
    with Image.open(ROOT / "build" / "demo" / name) as picture:
        picture.load()
        assert (picture.format, picture.size) == ("PNG", PICTURES[name])
        colours = {pixel for _, pixel in picture.getcolors(1 << 24)}
    assert (220, 30, 30) in colours  # Of the boxes; the samples are grey.


def test_nothing_is_left_running(demo):
    output, mark = demo
    assert output.count("stopped with exit code 0") == 2
    left = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if mark.encode() in (process / "environ").read_bytes():
                left.append((process / "cmdline").read_bytes())
        except OSError:
            continue  # Ended meanwhile, or of somebody else.
    assert left == []
