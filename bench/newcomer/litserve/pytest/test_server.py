# SPDX-License-Identifier: Apache-2.0
import litserve as ls
from fastapi.testclient import TestClient
from litserve.utils import wrap_litserve_start
from server import Upper


def test_upper():
    server = ls.LitServer(Upper())
    with wrap_litserve_start(server) as server, TestClient(server.app) as client:
        response = client.post("/predict", json={"text": "hello"})
        assert response.json() == {"output": "HELLO"}
