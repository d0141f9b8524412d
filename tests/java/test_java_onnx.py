# SPDX-License-Identifier: Apache-2.0
"""docs/examples/java_onnx, built by Maven, finds what plugins/yolov5 finds in one picture."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from java_builds import program

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "docs/examples/java_onnx"
PLUGIN = ROOT / "plugins/yolov5"


@pytest.mark.skipif(
    os.environ.get("AIGES_LONG") != "1", reason="Maven loads 90 MB for it: make check runs it"
)
def test_detector_finds_the_coins(start, own_jar, tmp_path):
    folder = tmp_path / "detect"
    shutil.copytree(EXAMPLE, folder, ignore=shutil.ignore_patterns("lib", "target", "*.jar"))
    (folder / "lib").mkdir()
    shutil.copy(own_jar, folder / "lib")
    subprocess.run([program("mvn"), "-q", "-B", "package"], cwd=folder, check=True)
    model = folder / "shapes.onnx"
    subprocess.run([sys.executable, PLUGIN / "make_test_model.py", model], check=True)
    picture = (PLUGIN / "test_data/coins.png").read_bytes()
    options = {"wrapper": {"model": str(model)}, "queue": {"default_timeout_ms": 20000}}
    java = start(folder, config={**options, "instances": {"java_heap_mb": 256}})
    found = json.loads(java.web.raw_mode(picture, "?key=image").body)["detections"]
    python = start(PLUGIN, config=options)
    expected = json.loads(python.web.raw_mode(picture, "?key=image").body)["detections"]
    assert len(found) > 10
    shown = [
        sorted((e["label"], [round(x / 8) for x in e["box"]]) for e in each)
        for each in (found, expected)
    ]
    assert shown[0] == shown[1]
    refused = java.web.raw_mode(b"no picture", "?key=image")
    assert (refused.status, refused.code) == (400, 10909)
