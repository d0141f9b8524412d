# SPDX-License-Identifier: Apache-2.0
from service import Upper
from starlette.testclient import TestClient


def test_upper():
    with TestClient(app=Upper.to_asgi()) as client:
        response = client.post("/predict", json={"text": "hello"})
        assert response.text == "HELLO"
