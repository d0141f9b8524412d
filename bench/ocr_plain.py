# SPDX-License-Identifier: Apache-2.0
"""The OCR plugin called from plain Python, to compare the loader with: no host in between.

    ocr_plain.py PLUGIN_FOLDER PICTURE OPTIONS_AS_JSON

Prints `ready`; then, for each line on stdin, reads the picture once and prints JSON
{"ms": .., "result": ..}. Ends with stdin.
"""

import json
import os
import sys
import time
from pathlib import Path


def main():
    folder, picture_path, options = sys.argv[1:]
    # What the plugin prints is its log; stdout belongs to the answers.
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    sys.path.insert(0, folder)
    import wrapper

    config = {key: str(value) for key, value in json.loads(options).items()}
    if code := wrapper.wrapperInit(config):
        sys.exit(f"wrapperInit: expected 0, got {code}: {wrapper.wrapperError(code)}")
    picture = Path(picture_path).read_bytes()
    answers.write("ready\n")
    for _ in sys.stdin:
        started = time.perf_counter()
        item = {"key": "img", "data": picture, "len": len(picture), "status": 3, "type": 2}
        results = []
        code = wrapper.wrapperOnceExec("plain", {}, (item,), results, (), 0)
        elapsed_ms = (time.perf_counter() - started) * 1000
        if code:
            sys.exit(f"wrapperOnceExec: expected 0, got {code}: {wrapper.wrapperError(code)}")
        result = results[0]["data"].decode()
        answers.write(json.dumps({"ms": elapsed_ms, "result": result}) + "\n")


if __name__ == "__main__":
    main()
