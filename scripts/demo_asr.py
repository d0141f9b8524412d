# SPDX-License-Identifier: Apache-2.0
"""Serves Whisper (plugins/asr) and has it write down a spoken sentence.

    .venv/bin/python scripts/demo_asr.py --bin build/bin [audio file ..]

Without files: the sentence in plugins/asr/test_data, as FLAC and as MP3.
"""

import argparse
import json
import os
import sys
import time
from pathlib import Path

import demo_tasks
from demo_loader import (
    REPOSITORY,
    DemoError,
    Loader,
    heading,
    model_python,
    stops_on_signals,
)

FOLDER = REPOSITORY / "plugins" / "asr"
SPOKEN = ("station.flac", "station.mp3")
PATH = "/v1/audio/transcriptions"


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--bin", type=Path, default=REPOSITORY / "build" / "bin")
    parser.add_argument("files", type=Path, nargs="*")
    arguments = parser.parse_args()
    files = arguments.files or [FOLDER / "test_data" / name for name in SPOKEN]
    return stops_on_signals(lambda: run(arguments.bin.resolve(), files))


def run(binaries, files):
    heading("Speech to text: plugins/asr, Whisper tiny.en")
    place = REPOSITORY / "build" / "demo" / "asr"
    python = model_python("asr")
    with Loader(binaries, FOLDER, place, {}, service="asr", python=python) as loader:
        for file in files:
            heading(f"POST {PATH}, {os.path.relpath(file)}")
            fields = {"model": "asr", "response_format": "verbose_json"}
            started = time.perf_counter()
            with demo_tasks.post_file(loader.http, PATH, fields, file) as answer:
                found = json.load(answer)
            seconds = time.perf_counter() - started
            if not found["text"].strip():
                raise DemoError(f"expected words in {file}, got none")
            for each in found["segments"]:
                print(f"  {each['start']:6.2f} - {each['end']:6.2f} {each['text']}")
            print(f"  ({found['duration']:.1f} s of speech after {seconds:.2f} s)")
        heading(f"POST {PATH}, response_format=srt")
        fields = {"model": "asr", "response_format": "srt"}
        with demo_tasks.post_file(loader.http, PATH, fields, files[0]) as answer:
            print("".join(f"  {line.decode()}" for line in answer).rstrip())


if __name__ == "__main__":
    sys.exit(main())
