#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Records what tritonserver answers to all of triton_cases, in their order.

    tests/peers/triton/triton_record.py <python of the environment with nvidia-pytriton>

Writes answers.json beside itself, with the versions. make peers calls it.
"""

import importlib.metadata
import json
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE)]

import triton_cases  # noqa: E402
import triton_repository  # noqa: E402
from triton_ask import Server  # noqa: E402
from triton_start import Triton  # noqa: E402

ANSWERS = HERE / "answers.json"


def versions(python):
    code = (
        "import importlib.metadata as m, json, sys;"
        "names = 'nvidia-pytriton numpy onnxruntime'.split();"
        "print(json.dumps({'python': sys.version.split()[0], **{n: m.version(n) for n in names}}))"
    )
    found = json.loads(subprocess.check_output([str(python), "-c", code]))
    return {**found, "tritonclient": importlib.metadata.version("tritonclient")}


def record(python):
    with tempfile.TemporaryDirectory() as folder:
        repository = triton_repository.copied_to(Path(folder) / "models")
        log, models = Path(folder) / "log", triton_repository.LOADED
        with Triton(python, repository, models, log) as triton:
            with Server(triton.http, triton.grpc) as server:
                with urllib.request.urlopen(f"http://127.0.0.1:{triton.http}/v2") as answer:
                    about = json.load(answer)
                answers = {case["name"]: server.ask(case) for case in triton_cases.cases()}
    return {"versions": {**versions(python), "tritonserver": about["version"]}, "answers": answers}


def written(recorded):
    """JSON with one line for each answer, so that a change shows which."""
    answers = recorded["answers"].items()
    lines = ",\n".join(f"{json.dumps(k)}: {json.dumps(v, sort_keys=True)}" for k, v in answers)
    versions = json.dumps(recorded["versions"], sort_keys=True)
    return f'{{"versions": {versions},\n"answers": {{\n{lines}\n}}}}\n'


if __name__ == "__main__":
    recorded = record(sys.argv[1])
    ANSWERS.write_text(written(recorded), encoding="utf-8")
    print(f"{ANSWERS}: {len(recorded['answers'])} answers")
