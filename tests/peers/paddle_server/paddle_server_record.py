#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Records what the original's pipeline server, and its clients, do with what is asked here.

    tests/peers/paddle_server/paddle_server_record.py <python of its environment>

Writes pipeline_answers.json beside itself, with the versions. make peers calls it.
"""

import itertools
import json
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE)]

from paddle_pipeline_ask import Server, called  # noqa: E402
from paddle_pipeline_cases import CONFIGS, cases, starts  # noqa: E402
from paddle_pipeline_start import Service  # noqa: E402

ANSWERS = HERE / "pipeline_answers.json"
NAMES = "paddle-serving-server paddle-serving-client paddle-serving-app paddlepaddle"
NAMES += " protobuf grpcio numpy func-timeout"


def versions(python):
    code = (
        "import importlib.metadata as m, json, sys;"
        f"names = '{NAMES}'.split();"
        "print(json.dumps({'python': sys.version.split()[0], **{n: m.version(n) for n in names}}))"
    )
    return json.loads(subprocess.check_output([str(python), "-c", code]))


def asked_of(python, key, some, folder):
    """{name: answer} of the cases of one service."""
    name, more = CONFIGS.get(key, (key, None))
    with Service(python, name, folder, more) as service, Server(service) as server:
        found = {each["name"]: server.ask(each) for each in some if each["by"] != "client"}
        clients = [each for each in some if each["by"] == "client"]
        if clients:
            got = called(python, service.rpc_port, clients, folder)
            found.update(zip((each["name"] for each in clients), got))
    return {each["name"]: found[each["name"]] for each in some}


def refused(python, folder):
    """How it ends with each configuration that is not right; {} when it serves."""
    for at, (name, (service, more)) in enumerate(starts()):
        started = Service(python, service, folder / f"start{at}", more)
        status = started.ended()
        last = started.said().strip().splitlines()[-1:]
        yield name, {} if status is None else {"status": status, "said": "".join(last)}


def record(python, only=()):
    answers = {}
    with tempfile.TemporaryDirectory() as folder:
        for key, some in itertools.groupby(cases(), lambda case: case["service"]):
            if not only or key in only:
                place = Path(folder) / key
                place.mkdir()
                answers.update(asked_of(python, key, list(some), place))
                print(f"peers: paddle_server: {key}: {len(answers)} answers", flush=True)
        refusals = dict(refused(python, Path(folder))) if not only else {}
    return {"versions": versions(python), "answers": answers, "starts": refusals}


def written(recorded):
    """JSON with one line for each answer, so that a change shows which."""

    def lines(part):
        texts = (json.dumps(v, sort_keys=True, ensure_ascii=True) for v in part.values())
        return ",\n".join(f"{json.dumps(k)}: {text}" for k, text in zip(part, texts))

    versions_ = json.dumps(recorded["versions"], sort_keys=True)
    return (
        f'{{"versions": {versions_},\n"answers": {{\n{lines(recorded["answers"])}\n}},\n'
        f'"starts": {{\n{lines(recorded["starts"])}\n}}}}\n'
    )


if __name__ == "__main__":
    recorded = record(sys.argv[1])
    ANSWERS.write_text(written(recorded), encoding="utf-8")
    print(f"{ANSWERS.name}: {len(recorded['answers'])} answers")
