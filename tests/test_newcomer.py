# SPDX-License-Identifier: Apache-2.0
"""bench/newcomer.py does for real what a newcomer does: our half of its smallest case."""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def test_a_newcomers_first_answer_is_there(tmp_path):
    command = [sys.executable, ROOT / "bench" / "newcomer.py", "--systems", "aiges"]
    command += ["--only", "text", "--turns", "1", "--out", tmp_path]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert "text, seconds" in done.stdout
    row = json.loads((tmp_path / "newcomer_text_lines.json").read_text())
    assert row["of"] == {"aiges": 2}
