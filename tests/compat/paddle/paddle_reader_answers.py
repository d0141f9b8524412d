# SPDX-License-Identifier: Apache-2.0
"""What paddle-serving-app 0.9.0 has answered, and how alike an answer of ours is to be."""

import base64
import json
import sys
import zlib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
PEERS, COMPAT = ROOT / "tests" / "peers" / "paddle", ROOT / "compat" / "paddle"
for folder in (PEERS, COMPAT, ROOT / "sdk"):
    if str(folder) not in sys.path:
        sys.path.append(str(folder))

import cv2  # noqa: E402
import numpy as np  # noqa: E402

RECORDED = json.loads((PEERS / "reader_answers.json").read_text(encoding="utf-8"))
ANSWERS, VERSIONS = RECORDED["answers"], RECORDED["versions"]
# Another OpenCV or numpy, or one that uses other instructions, may round otherwise.
SAME_OPENCV = (VERSIONS["opencv"], VERSIONS["cpu"]) == (cv2.__version__, cv2.getCPUFeaturesLine())


def is_like(got, wanted):
    """Whether both are the same, but for how another OpenCV rounds: a few steps, a few pixels."""
    if got == wanted:
        return True
    if SAME_OPENCV or type(got) is not type(wanted):
        return False
    if isinstance(wanted, list):
        return len(got) == len(wanted) and all(map(is_like, got, wanted))
    if not isinstance(wanted, dict):
        return False
    if "zlib" in wanted:
        return _is_array_like(got, wanted)
    if wanted.keys() <= {"dtype", "value", "float"} and got.keys() == wanted.keys():
        ours, theirs = (float(each.get("value") or each["float"]) for each in (got, wanted))
        return bool(np.isclose(ours, theirs, rtol=1e-5, equal_nan=True))
    return got.keys() == wanted.keys() and all(
        name == "sha256" or is_like(got[name], wanted[name]) for name in wanted
    )


def _is_array_like(got, wanted):
    kinds = [(each.get("dtype"), each.get("shape")) for each in (got, wanted)]
    if kinds[0] != kinds[1]:
        return False
    ours, theirs = (
        np.frombuffer(zlib.decompress(base64.b64decode(each["zlib"])), each["dtype"]).astype(float)
        for each in (got, wanted)
    )
    far = np.abs(ours - theirs)
    return bool(far.max(initial=0) <= max(8.0, 0.02 * np.abs(theirs).max(initial=0)))
