# SPDX-License-Identifier: Apache-2.0
"""The tests that load Paddle itself, in a process in which nothing else is."""

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
FILES = [HERE / f"test_paddle_{name}.py" for name in ("engine", "io", "wsgi")]


@pytest.mark.skipif(find_spec("paddle") is None, reason="no PaddlePaddle here")
def test_engine_io_and_wsgi():
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist"]
    done = subprocess.run(
        [*command, *FILES],
        env={**os.environ, "AIGES_TESTS_ALONE": "1"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    assert " passed" in done.stdout or "[100%]" in done.stdout
