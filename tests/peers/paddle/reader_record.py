#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Records what the original's paddle_serving_app.reader makes of the inputs of reader_cases.

    tests/peers/paddle/reader_record.py <python of the environment with paddle-serving-app>

Writes reader_answers.json beside itself, with the versions. make peers calls it.
"""

import json
import os
import subprocess
import sys
import tempfile
import types
from pathlib import Path

HERE = Path(__file__).resolve().parent
ANSWERS = HERE / "reader_answers.json"


def without_paddle():
    """Put in what the original imports of Paddle, and does not use for what is asked."""
    for name in (
        *("paddle", "paddle.fluid", "paddle.fluid.incubate"),
        "paddle.fluid.incubate.data_generator",
    ):
        module = sys.modules[name] = types.ModuleType(name)
        parent, _, last = name.rpartition(".")
        if parent:
            setattr(sys.modules[parent], last, module)
    sys.modules["paddle"].Tensor = type("Tensor", (), {})
    module.MultiSlotDataGenerator = object


def record():
    """The answers, in the environment of the original."""
    sys.path.insert(0, str(HERE))
    without_paddle()
    from importlib.metadata import version

    import cv2
    import numpy
    import PIL
    from paddle_serving_app import reader
    from paddle_serving_app.reader import imdb_reader, pptsn_reader  # noqa: F401
    from reader_cases import answer, cases

    write = cv2.imwrite  # SegPostprocess gives it options that OpenCV takes no longer.
    cv2.imwrite = lambda path, img, *options: write(path, img)
    reader.IMDBDataset = imdb_reader.IMDBDataset  # Its line in the package is a comment.
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "drawn").mkdir()
        answers = {name: answer(call, reader) for name, call in cases(Path(folder))}
    versions = {
        "paddle-serving-app": version("paddle-serving-app"),
        "opencv": cv2.__version__,
        "cpu": cv2.getCPUFeaturesLine(),
        "numpy": numpy.__version__,
        "pillow": PIL.__version__,
        "python": sys.version.split()[0],
    }
    ANSWERS.write_text(json.dumps({"versions": versions, "answers": answers}, indent=0) + "\n")
    print(f"peers: {len(answers)} answers in {ANSWERS.name}")


def main():
    if len(sys.argv) == 1:
        return record()
    clean = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "AIGES_COMPAT")}
    subprocess.run([sys.argv[1], __file__], env=clean, check=True)


if __name__ == "__main__":
    main()
