# SPDX-License-Identifier: Apache-2.0
"""The images of docker/cpu, docker/contracts and docker/paddle, run by podman."""

import json
import os
import re
import subprocess
import sys
import time
import urllib.request
from importlib.util import find_spec
from pathlib import Path

import containers
import pytest
from aiges.client import Client, Payload
from callers import Callers
from containers import ECHO, ENVIRONMENT, REPOSITORY, Container, mounted, on_the_host, podman
from waiting import wait_until

CPU = "localhost/aiges-cpu:0.1.0-debian12"
CONTRACTS = f"{CPU}-contracts"
PADDLE = "localhost/aiges-paddle:0.1.0-debian12"
MOST_MB = 110
TEXT = "key=data&type=text"

pytestmark = [
    pytest.mark.skipif(bool(containers.why_not()), reason=containers.why_not()),
    pytest.mark.usefixtures("images"),
]


def ask(address, path, body=None):
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    headers = {"Content-Type": "application/json"}
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"http://{address}{path}", data, headers)
    with opener.open(request, timeout=60) as answer:
        return answer.read().decode()


def test_it_serves_with_nothing_writable_and_little_memory(tmp_path):
    options = [*mounted(tmp_path, wrapper_py=ECHO), "--read-only-tmpfs=false", "--memory", "256m"]
    with Container(CPU, *options) as container:
        assert container.raw(b"hello", TEXT) == {"uid": 10001, "said": "hello"}
        with Client(container.grpc, timeout_s=20) as client:
            assert json.loads(client.once("over gRPC").text())["said"] == "over gRPC"
        wrote = podman("exec", container.name, "sh", "-c", "echo x > /tmp/x", check=False)
        assert wrote[0] != 0
        assert container.health() == 0
        assert container.stop() == 0


def test_process_1_reaps_what_is_left_to_it(tmp_path):
    with Container(CPU, *mounted(tmp_path, wrapper_py=ECHO)) as container:
        # The shell ends at once: its child becomes one of process 1, and ends then.
        podman("exec", container.name, "sh", "-c", "sleep 0.2 & exit 0")
        states = "cat /proc/[0-9]*/stat | cut -d' ' -f2-4"

        def processes():
            return podman("exec", container.name, "sh", "-c", states)[1]

        wait_until(lambda: "(sleep)" not in processes(), "the orphan is reaped", 20)
        assert "(AIService) S 0" in processes() and ") Z " not in processes()


def test_the_layout_lies_there_and_start_test_starts_it_with_volumes_for_what_is_written(tmp_path):
    """As in Kubernetes: a root that is read-only, an emptyDir for the log and one for the state."""
    names = (
        "AIService AIservice LICENSE THIRD_PARTY.md aiges.toml aiges-worker include/aiges library"
    )
    names += " log seldon-core-microservice start_test.sh xsf_status xtest xtest.toml"
    script = f"cd /home/aiges && ls -d {names} && touch xsf_status/x && cd / && exec "
    text = (REPOSITORY / "docker" / "gpu" / "aiges.toml").read_text()
    text = text.replace("[log]\n", '[log]\nfile = "log/aiges.log"\n')
    options = [*mounted(tmp_path, wrapper_py=ECHO, aiges_toml=text)]
    for name in ("log", "xsf_status"):
        (tmp_path / name).mkdir()
        (tmp_path / name).chmod(0o777)  # As an emptyDir is.
        options += ["--volume", f"{tmp_path / name}:/home/aiges/{name}"]
    start = ["--entrypoint", json.dumps(["sh", "-c", script + "/home/aiges/start_test.sh"])]
    with Container(CPU, *options, *start) as container:
        assert container.raw(b"x", TEXT)["uid"] == 10001
        listed = container.logs().split("AIService listening")[0].split()
        assert sorted(listed) == sorted(names.split())
        assert "worker 0 is ready" in (tmp_path / "log" / "aiges.log").read_text()
        assert (tmp_path / "xsf_status" / "recording").read_text() == "xsf_done"
        # The load tester of the image, by the file beside it.
        report = podman("exec", container.name, "./xtest", "-f", "xtest.toml", check=False)
        assert report[0] == 0, report
        assert container.stop() == 0


def test_podman_stop_loses_no_call(tmp_path):
    slow = ECHO.replace("    out =", "    __import__('time').sleep(0.2)\n    out =")
    options, ports = on_the_host(tmp_path)
    options += mounted(tmp_path, wrapper_py=slow)
    with Container(CPU, *options, ports=ports) as container:
        said = container.raw(b"x", TEXT)
        callers = Callers(container, said, b"x", TEXT, Payload("data", b"x"), "result")
        wait_until(lambda: len(callers.right) >= 6 or callers.wrong, "calls are answered", 60)
        code = container.stop(30)
        callers.end()
        assert (code, callers.wrong) == (0, [])


def test_what_it_adds_is_small():
    base = re.search(
        r"^ARG BASE_IMAGE=(\S+)", (REPOSITORY / "docker/cpu/Dockerfile").read_text(), re.M
    )
    command = [sys.executable, REPOSITORY / "docker" / "image_size.py", CPU]
    command += [f"docker.io/library/{base[1]}", "--most", str(MOST_MB)]
    done = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r": \d+\.\d MB compressed on top of", done.stdout)


def test_a_contracts_image_has_flask_and_the_packages_of_other_systems(tmp_path):
    app = """
from flask import Flask, request
app = Flask(__name__)
@app.post("/double")
def double():
    import numpy
    return {"twice": (numpy.array(request.json) * 2).tolist()}
"""
    text = (REPOSITORY / "docker" / "gpu" / "aiges.toml").read_text()
    text += '\n[aiges]\ncontract = "wsgi"\napp = "main:app"\n'
    with Container(CONTRACTS, *mounted(tmp_path, main_py=app, aiges_toml=text)) as container:
        assert json.loads(ask(container.http, "/double", [1, 2])) == {"twice": [2, 4]}
        names = (
            "openbayes_serving seldon_core aipod triton_python_backend_utils paddle_serving_server"
        )
        tell = "import importlib, sys\nfor name in sys.argv[1:]:"
        tell += " print(importlib.import_module(name).__file__)"
        _, said = podman("exec", container.name, "python3", "-c", tell, *names.split())
        places = said.splitlines()
        assert len(places) == 5
        assert all(each.startswith("/home/aiges/library/compat/") for each in places), places
        assert container.stop() == 0
    without = podman("run", "--rm", CPU, "python3", "-c", "import seldon_core", check=False)
    assert without[0] == 1


def engine(folder):
    """Options that give a container the Paddle of the tests, behind all that it has itself: 200 MB
    that the image of these tests is built without.
    """
    packages = Path(find_spec("paddle").origin).parents[1]
    (folder / "tests.pth").write_text("/tests\n")
    inside = "/opt/venv/lib/python3.11/site-packages/tests.pth"
    mounts = (f"{packages}:/tests:ro", f"{folder / 'tests.pth'}:{inside}:ro")
    return [word for each in mounts for word in ("--volume", each)]


@pytest.mark.skipif(
    find_spec("paddle") is None or sys.version_info[:2] != (3, 11), reason="no Paddle for Debian 12"
)
def test_the_image_of_paddle_serving_serves_the_model_that_is_mounted_on_9292(tmp_path):
    makers = REPOSITORY / "tests" / "compat" / "paddle" / "models" / "paddle_makers.py"
    path = f"{REPOSITORY / 'compat' / 'paddle'}{os.pathsep}{REPOSITORY / 'sdk'}"
    command = [sys.executable, makers, tmp_path, "fit_a_line"]
    subprocess.run(command, env={**os.environ, "PYTHONPATH": path}, check=True, timeout=120)
    tmp_path.chmod(0o755)
    model = f"{tmp_path / 'fit_a_line_model'}:/models:ro"
    with Container(PADDLE, *engine(tmp_path), "--volume", model, ports=(9292, 9292)) as container:
        tensor = {"name": "x", "alias_name": "x", "elem_type": 1, "shape": [1, 13]}
        asked = {"tensor": [{**tensor, "float_data": [0.1] * 13}], "fetch_var_names": ["price"]}
        answer = json.loads(ask(container.http, "/GeneralModelService/inference", asked))
        (price,) = answer["outputs"][0]["tensor"][0]["float_data"]
        assert 10 < price < 40
        assert container.stop() == 0


def test_the_image_of_paddle_serving_says_what_is_missing():
    begin = time.monotonic()
    done = subprocess.run(
        ["podman", "run", "--rm", *containers.CAREFUL, PADDLE],
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode != 0 and "/models" in done.stderr, (done, time.monotonic() - begin)
