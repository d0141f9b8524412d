# SPDX-License-Identifier: Apache-2.0
"""Applications as users of FastAPI and Flask write them, behind contracts asgi and wsgi."""

import json
import threading

from asgi_loader import asgi, ws
from loader_fixtures import WRAPPERS
from waiting import wait_until


def test_fastapi_application_is_served_unchanged(start):
    loader = start(WRAPPERS / "fastapi", config=asgi())
    http = loader.web
    json_type = {"Content-Type": "application/json"}
    answer = http.request("POST", "/predict", b'{"text": "hi", "times": 2}', json_type)
    assert answer.json == {"text": "HIHI"}
    wrong = http.request("POST", "/predict", b'{"times": "x"}', json_type)
    assert wrong.status == 422 and wrong.json["detail"]
    assert http.get("/sync/me?q=1").json == {"name": "me", "q": "1"}
    missing = http.get("/sync/nobody")
    assert (missing.status, missing.json) == (404, {"detail": "nobody is here"})
    assert http.get("/no/such/path").json == {"detail": "Not Found"}
    assert http.request("DELETE", "/predict").status == 405
    assert http.get("/numbers").body == b"0\n1\n2\n3\n4\n"
    assert http.get("/openapi.json").json["info"]["title"] == "My model"
    form = (
        b'--b\r\nContent-Disposition: form-data; name="file"; filename="f.bin"\r\n\r\n'
        + b"x" * 100_000
        + b"\r\n--b--\r\n"
    )
    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    assert http.request("POST", "/upload", form, headers).json == {"name": "f.bin", "size": 100_000}
    with ws(loader) as client:
        client.send("you")
        assert json.loads(client.recv(timeout=20)) == {"hello": "you"}


def test_flask_application_is_served_unchanged(start):
    config = {"aiges": {"contract": "wsgi", "app": "main:app"}}
    loader = start(WRAPPERS / "flask", config=config)
    http = loader.web
    headers = {"Content-Type": "application/json", "User-Agent": "me"}
    answer = http.request("POST", "/predict", b'{"text": "hi"}', headers)
    assert answer.json == {"text": "HI", "agent": "me"}
    assert http.get("/numbers").body == b"0\n1\n2\n3\n4\n"
    assert http.get("/raises").status == 500 and http.get("/none").status == 404
    answers = []
    threads = [
        threading.Thread(target=lambda: answers.append(http.get("/together").body))
        for _ in range(2)
    ]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert answers == [b"True", b"True"]
    wait_until(lambda: "ValueError: flask" in loader.log(), "the traceback")
