# SPDX-License-Identifier: Apache-2.0
"""Folders of Paddle Serving without its command: what is found in them, asectl, aiges.toml."""

import json
import shutil
import subprocess
import sys

import pytest
from aiges.contracts._detect import app_of, find_contracts
from free_ports import free_ports
from paddle_command import DIE_WITH_PARENT, PRICE, ROW, Service, environment

SAID = {"tensor": [{"float_data": ROW, "elem_type": 1, "name": "x", "shape": [1, 13]}]}
SERVICE = """
from paddle_serving_server.web_service import WebService, Op
if __name__ == "__main__":
    service.run_service()
"""


def test_what_is_found(tmp_path):
    (tmp_path / "pipeline_rpc_client.py").write_text(
        "from paddle_serving_server.pipeline import PipelineClient\n"
    )
    assert find_contracts(tmp_path) == []
    conf = tmp_path / "serving_server_conf.prototxt"
    conf.write_text("")
    assert find_contracts(tmp_path) == [("paddle", conf)]
    for module in ("paddle_serving_server", "paddle_serving_server_gpu"):
        program = tmp_path / "web_service.py"
        program.write_text(SERVICE.replace("paddle_serving_server", module))
        assert find_contracts(tmp_path) == [("paddle", program)]
        assert app_of("paddle", program) == "web_service.py"


class Command(Service):
    """Any command in place of serve's."""

    def __init__(self, folder, port, command):
        super().__init__(folder, port)
        (folder / "aiges.toml").unlink()
        self.command = command


def test_asectl_serves_a_folder_with_a_model(models, tmp_path):
    folder, (port,) = tmp_path / "model", free_ports(1)
    shutil.copytree(models / "fit_a_line_model", folder)
    checked = subprocess.run(
        [sys.executable, "-m", "aiges", "check", "--json"],
        cwd=folder,
        env=environment(),
        capture_output=True,
        timeout=60,
    )
    assert json.loads(checked.stdout)["ok"], checked.stdout
    command = ["-m", "aiges", "serve", "--port", str(port)]
    with Command(folder, port, command) as service:
        answer = json.loads(service.post("/GeneralModelService/inference", SAID).body)
        price = answer["outputs"][0]["tensor"][0]["float_data"]
        assert price == [pytest.approx(PRICE, rel=1e-6)]


def test_a_configuration(models, tmp_path):
    port, other = free_ports(2)
    folder = tmp_path / "service"
    shutil.copytree(models / "fit_a_line_model", folder / "uci_housing_model")
    (folder / "aiges.toml").write_text(f"""
[svcName]
host = "127.0.0.1"
port = {port}

[wrapper]
http_listen = "127.0.0.1:{other}"
model = "uci_housing_model"
name = "uci"
thread = 4

[aiges]
contract = "paddle"

[instances]
count = 2
python = "{sys.executable}"
""")
    loader = environment()["AIGES_BIN"] + "/AIService"
    with open(folder / "log", "wb") as log:
        process = subprocess.Popen(
            [*DIE_WITH_PARENT, loader, "-c", "aiges.toml"],
            cwd=folder,
            env=environment(),
            stdout=log,
            stderr=log,
        )
    service = Service.__new__(Service)
    service.port, service.process, service.log_path = other, process, folder / "log"
    try:
        from waiting import wait_until

        wait_until(service._is_ready, "a service that is ready", 60)
        for at in (port, other):
            service.port = at
            said = {"feed": [{"x": ROW}], "fetch": ["price"]}
            answer = json.loads(service.post("/uci/prediction", said).body)
            assert answer["result"]["price"] == [[pytest.approx(PRICE)]]
    finally:
        service.kill()
