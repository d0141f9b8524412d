# SPDX-License-Identifier: Apache-2.0
"""Projects for other systems: created, checked, served by asectl and by the users' own command."""

import json
import shutil
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from asectl_process import DIE_WITH_PARENT, environment, hadolint
from free_ports import free_ports
from waiting import wait_until

ROOT = Path(__file__).resolve().parents[2]
PYTHON = [*DIE_WITH_PARENT, sys.executable]


def ask(address, path, body):
    request = urllib.request.Request(
        f"http://{address}{path}", json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


def ask_seldon(address):
    return ask(address, "/api/v1.0/predictions", {"data": {"ndarray": [[21]]}})["data"]["ndarray"]


def ask_aipod(address):
    from aipod.rpc.client import AIClient

    with AIClient(address) as client:
        return client.predict(x=21)


# The call, its answer, the users' own command with its port, and the port's variable.
PROJECTS = {
    "openbayes": (
        lambda address: ask(address, "/", {"x": 21}),
        {"result": 42},
        ["predictor.py"],
        {"OPENBAYES_SERVING_PORT": 0},
    ),
    "seldon": (
        ask_seldon,
        [[42]],
        ["-m", "seldon_core.microservice", "Model", "--service-type", "MODEL"],
        {
            "PREDICTIVE_UNIT_HTTP_SERVICE_PORT": 0,
            "PREDICTIVE_UNIT_GRPC_SERVICE_PORT": 1,
            "PREDICTIVE_UNIT_METRICS_SERVICE_PORT": 2,
        },
    ),
    "aipod": (ask_aipod, {"result": 42}, ["main.py"], {"AIPOD_LISTEN_PORT": 0}),
}


@pytest.fixture(params=PROJECTS)
def project(request, asectl, tmp_path):
    asectl("create", "model1", "--contract", request.param)
    return request.param, tmp_path / "model1"


def test_project_is_checked_and_served_by_asectl(project, asectl, serve):
    name, folder = project
    call, answer, _, _ = PROJECTS[name]
    assert asectl("check", "--json", cwd=folder).json["ok"]
    serving = serve(folder)
    assert call(serving.grpc) == answer
    assert serving.interrupt() == 0
    # It would change the ports of the users' own command.
    assert not (folder / "aiges.toml").exists()
    hadolint(folder / "Dockerfile")


def test_project_is_served_by_its_own_command(project, binaries, tmp_path):
    name, folder = project
    call, answer, command, variables = PROJECTS[name]
    ports = free_ports(len(variables))
    env = environment(
        binaries.loader.parent, **{key: str(ports[n]) for key, n in variables.items()}
    )
    log = tmp_path / "log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [*PYTHON, *command], cwd=folder, env=env, stdout=out, stderr=subprocess.STDOUT
        )
    try:
        wait_until(lambda: _answers(call, ports[0], process, log) == answer, "an answer", 30)
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0
    finally:
        process.kill()
        process.wait()


def _answers(call, port, process, log):
    assert process.poll() is None, log.read_text(encoding="utf-8")
    try:
        return call(f"127.0.0.1:{port}")
    except (OSError, urllib.error.HTTPError, RuntimeError):
        return None
    except Exception as fault:  # Of gRPC, which is imported by the clients alone.
        if "UNAVAILABLE" in str(fault):
            return None
        raise


def test_other_commands_say_that_it_is_not_theirs(asectl, tmp_path):
    asectl("create", "model1", "--contract", "openbayes")
    said = asectl("run", cwd=tmp_path / "model1", code=1).all
    assert "found predictor.py for the contract openbayes: asectl check and serve take it" in said


def test_folder_for_two(asectl, tmp_path):
    asectl("create", "model1", "--contract", "openbayes")
    Path(tmp_path, "model1", "Model.py").write_text("class Model:\n    pass\n", encoding="utf-8")
    said = asectl("serve", cwd=tmp_path / "model1", code=1).all
    assert "expected code for one contract" in said
    assert "Model.py" in said and "predictor.py" in said


def test_asgi_project_is_checked(asectl, tmp_path):
    folder = tmp_path / "app"
    folder.mkdir()
    (folder / "main.py").write_text("async def app(scope, receive, send): ...\n", encoding="utf-8")
    (folder / "aiges.toml").write_text(
        '[svcName]\nport = 0\n[aiges]\ncontract = "asgi"\napp = "main:app"\n', encoding="utf-8"
    )
    assert asectl("check", cwd=folder).out.strip() == "main.py: in order"
    (folder / "main.py").write_text("app = 7\n", encoding="utf-8")
    said = asectl("check", cwd=folder, code=1).all
    assert "expected an ASGI application, got an object of type int" in said


def test_project_for_tasks(asectl, serve, tmp_path):
    asectl("create", "model1", "--contract", "tasks")
    folder = tmp_path / "model1"
    assert asectl("check", "--json", cwd=folder).json["ok"]
    text = (folder / "aiges.toml").read_text(encoding="utf-8")
    ports = free_ports(2)
    text = text.replace("5090", str(ports[0])).replace("1888", str(ports[1]))
    (folder / "aiges.toml").write_text(text, encoding="utf-8")
    serving = serve(folder)
    body = {"messages": [{"role": "user", "content": "hello"}]}
    answer = ask(serving.grpc, "/v1/chat/completions", body)
    assert answer["choices"][0]["message"]["content"] == "HELLO "
    assert serving.interrupt() == 0
    hadolint(folder / "Dockerfile")


def test_project_for_triton(asectl, serve, tmp_path):
    asectl("create", "model1", "--contract", "triton")
    folder = tmp_path / "model1"
    assert {"1/model.py", "config.pbtxt", "aiges.toml", "README.md"} <= {
        str(file.relative_to(folder)) for file in folder.rglob("*")
    }
    assert asectl("check", "--json", cwd=folder).json["ok"]
    serving = serve(folder)
    tensor = {"name": "X", "datatype": "FP32", "shape": [1, 1], "data": [21]}
    answer = ask(serving.http, "/v2/models/model1/infer", {"inputs": [tensor]})
    assert answer["outputs"] == [{"name": "Y", "datatype": "FP32", "shape": [1, 1], "data": [42.0]}]
    assert serving.interrupt() == 0
    hadolint(folder / "Dockerfile")


def test_folder_of_triton_that_says_no_contract(asectl, serve, tmp_path):
    folder = shutil.copytree(ROOT / "docs/examples/triton/add_sub", tmp_path / "add_sub")
    checked = asectl("check", "--json", cwd=folder).json
    assert checked["ok"], checked
    assert asectl("check", "--json", str(folder), cwd=tmp_path).json["ok"]
    serving = serve(folder)
    assert serving.interrupt() == 0
