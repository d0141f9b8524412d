# SPDX-License-Identifier: Apache-2.0
"""Records what the original answers: ``python openbayes_record.py <its python> [answers.json]``.

The original runs in a virtual environment of its own (openbayes-serving 0.5.0, numpy); this script
needs msgpack. Every case is asked of the same folder that our tests serve.
"""

import base64
import contextlib
import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

from openbayes_cases import all_cases, asked

HERE = Path(__file__).resolve().parent
VERSIONS = (
    "openbayes-serving",
    "Flask",
    "Werkzeug",
    "flask-cors",
    "uvicorn",
    "msgpack",
    "accept-types",
)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def original(python, program, production, folder=HERE / "project"):
    """The original as a process; its address."""
    port = free_port()
    env = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    for name in ("OPENBAYES_SERVING_PRODUCTION", "OPENBAYES_JOB_URL", "PYTHONPATH"):
        env.pop(name, None)
    if production:
        env["OPENBAYES_SERVING_PRODUCTION"] = "1"
    command = [python, f"{program}.py", "--host", "127.0.0.1", "--port", str(port)]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen(command, cwd=folder, env=env, **quiet)
    try:
        for _ in range(300):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            if process.poll() is not None:
                raise RuntimeError(f"{command} ended with {process.returncode}")
            time.sleep(0.1)
        yield f"127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


def versions(python):
    code = f"import importlib.metadata as m; print(*[m.version(n) for n in {VERSIONS}])"
    out = subprocess.run([python, "-c", code], check=True, capture_output=True, text=True).stdout
    return dict(zip(VERSIONS, out.split(), strict=True))


def record(python, cases):
    answers = {}
    for program in sorted({(case.program, case.production) for case in cases}):
        with original(python, *program) as address:
            for case in cases:
                if (case.program, case.production) != program:
                    continue
                status, fields, body = asked(address, case)
                text = base64.b64encode(body).decode()
                answers[case.name] = {"status": status, "fields": fields, "body": text}
    return answers


def main(python, file=HERE / "answers.json"):
    said = {"versions": versions(python), "answers": record(python, all_cases())}
    lines = ",\n".join(f"{json.dumps(k)}: {json.dumps(v)}" for k, v in said["answers"].items())
    head = json.dumps(said["versions"])
    Path(file).write_text(
        f'{{"versions": {head},\n"answers": {{\n{lines}\n}}}}\n', encoding="utf-8"
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
