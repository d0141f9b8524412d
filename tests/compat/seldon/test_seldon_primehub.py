# SPDX-License-Identifier: Apache-2.0
"""PrimeHub's pre-packaged servers, of our writing and of their shape, with the lines of their
Dockerfiles and of their users' curl."""

import base64
import io
import json
import re
import shlex
import subprocess
import sys

import pytest
from loader_process import ROOT
from PIL import Image
from seldon_service import EXAMPLES, Service
from waiting import wait_until

PREDICT = "/api/v1.0/predictions"
JSON = ["-H", "Content-Type: application/json"]
ESTIMATOR = '''
import numpy as np


class Estimator:
    """What of scikit-learn's estimators is used here, with two classes."""

    def predict_proba(self, X):
        p = 1 / (1 + np.exp(-np.asarray(X, float).sum(axis=1)))
        return np.stack([1 - p, p], axis=1)

    def decision_function(self, X):
        return np.asarray(X, float).sum(axis=1)

    def predict(self, X):
        return (self.decision_function(X) > 0).astype(int)
'''
# Stands for joblib where that is not installed: a file is a pickle.
JOBLIB = """
import pickle


def load(file):
    with open(file, "rb") as data:
        return pickle.load(data)
"""


def curl(service, *options, path=PREDICT, port=None):
    url = f"http://127.0.0.1:{port or service.rest}{path}"
    command = ["curl", "-sS", "--max-time", "20", "-X", "POST", *options, url]
    return subprocess.run(command, capture_output=True, check=True, text=True).stdout


def model_uri(folder):
    parameter = {"name": "model_uri", "type": "STRING", "value": str(folder)}
    return {"PREDICTIVE_UNIT_PARAMETERS": json.dumps([parameter])}


def server(name):
    return EXAMPLES / name / "server"


@pytest.mark.parametrize("name", ["skeleton", "sklearn", "image"])
def test_dockerfile_starts_what_users_start(name):
    text = (EXAMPLES / name / "Dockerfile").read_text()
    variables = dict(re.findall(r"^ENV (\w+) (\w+)$", text, re.MULTILINE))
    (line,) = re.findall(r"^CMD exec (.*)$", text, re.MULTILINE)
    words = [
        variables.get(word[1:], word) if word[0] == "$" else word for word in shlex.split(line)
    ]
    assert words == ["seldon-core-microservice", "Model", "--service-type", "MODEL",
                     "--persistence", "0", "--access-log"]  # fmt: skip
    assert (server(name) / "Model.py").is_file() and (server(name) / "requirements.txt").is_file()


def test_skeleton_greets(serve):
    service = serve("Model", "--service-type", "MODEL", "--persistence", "0", "--access-log",
                    sources=[server("skeleton")])  # fmt: skip
    text = curl(service, *JSON, "-d", '{"data": {}}')
    assert text == '{"meta":{},"strData":"Hello Model"}\n'
    assert curl(service, *JSON, "-d", '{"data": {}}', path=f"/deployment/x{PREDICT}") == text
    assert curl(service, "-d", 'json={"data": {}}', path="/predict") == text
    wait_until(lambda: "[] [] None" in service.log(), "what the model prints", 20)
    wait_until(lambda: f'"POST {PREDICT} HTTP/1.1" 200 36' in service.log(), "the line")
    assert service.log().count("model files: None") == 1  # load() is called twice, and once loads.
    assert service.stop() == 0


@pytest.fixture(scope="module")
def estimator(tmp_path_factory):
    """A folder with model.joblib, and one with the modules that it needs."""
    code, model = tmp_path_factory.mktemp("code"), tmp_path_factory.mktemp("model")
    try:
        import joblib
        import sklearn.linear_model
    except ImportError:
        (code / "joblib.py").write_text(JOBLIB)
        (code / "estimator.py").write_text(ESTIMATOR)
        dump = "import pickle, estimator, sys; sys.stdout.buffer.write(pickle.dumps(%s))"
        with open(model / "model.joblib", "wb") as file:
            command = [sys.executable, "-c", dump % "estimator.Estimator()"]
            subprocess.run(command, cwd=code, check=True, stdout=file)
    else:
        fitted = sklearn.linear_model.LogisticRegression()
        fitted.fit([[-2, -2], [-1, -1], [1, 1], [2, 2]], [0, 0, 1, 1])
        joblib.dump(fitted, model / "model.joblib")
    (model / "metadata.yaml").write_text("name: iris-like\nversions: [v2]\nplatform: sklearn\n")
    return code, model


def test_sklearn_server_answers_with_probabilities(serve, estimator):
    code, model = estimator
    service = serve("Model", "--service-type", "MODEL", sources=[server("sklearn"), code],
                    env=model_uri(model))  # fmt: skip
    text = curl(service, *JSON, "-d", '{"data":{"names":["a","b"],"ndarray":[[1,2],[-1,-2]]}}')
    answer = json.loads(text)
    assert answer["meta"] == {} and answer["data"]["names"] == ["t:0", "t:1"]
    (first, second), (third, fourth) = answer["data"]["ndarray"]
    assert first + second == pytest.approx(1) and second > 0.9 and third > 0.9 > fourth
    metadata = json.loads(service.get("/metadata")[1])
    assert (metadata["name"], metadata["versions"]) == ("iris-like", ["v2"])
    # The server swallows what its model raises, and returns None.
    status, answer = service.post(PREDICT, {"strData": "no array"})
    assert status == 500 and answer["status"]["info"].startswith("predict returned None")
    wait_until(lambda: "Traceback" in service.log(), "the traceback")


def test_sklearn_server_without_a_model_says_why(binaries, tmp_path, estimator):

    sources = [server("sklearn"), estimator[0]]
    service = Service(binaries, tmp_path, "Model", sources=sources, env=model_uri(tmp_path))
    service.begin()
    try:
        wait_until(lambda: service.process.poll() is not None, "its end", 30)
    finally:
        service.kill()
    assert service.process.returncode != 0
    assert f"expected model.joblib or MLmodel in {tmp_path}" in service.log()


def test_picture_comes_as_a_file_as_base64_and_by_grpc(serve, tmp_path):
    import grpc
    from seldon_core.proto import prediction_pb2, prediction_pb2_grpc

    picture = io.BytesIO()
    Image.new("RGB", (4, 4), (255, 0, 0)).save(picture, "PNG")
    data = picture.getvalue()
    (tmp_path / "red.png").write_bytes(data)
    service = serve("Model", sources=[server("image")])
    by_file = json.loads(curl(service, "-F", f"binData=@{tmp_path / 'red.png'}"))
    assert by_file["data"] == {
        "names": ["warm", "cool"],
        "tensor": {"shape": [1, 2], "values": [1.0, 0.0]},
    }
    message = {"binData": base64.b64encode(data).decode()}
    assert service.post(PREDICT, message) == (200, by_file)
    with grpc.insecure_channel(f"127.0.0.1:{service.grpc}") as channel:
        stub = prediction_pb2_grpc.ModelStub(channel)
        answer = stub.Predict(prediction_pb2.SeldonMessage(binData=data), timeout=20)
    assert list(answer.data.tensor.values) == [1.0, 0.0]
    status, answer = service.post(PREDICT, {"binData": base64.b64encode(b"no picture").decode()})
    assert status == 500 and "cannot identify image file" in answer["status"]["info"]


def test_curl_sends_what_documents_show(serve):
    source = ROOT / "tests" / "peers" / "seldon" / "peer_units.py"
    service = serve("peer_units.Seen", sources=[source])
    as_json = curl(service, *JSON, "-d", '{"data":{"ndarray":[[5.1,3.5,1.4,0.2]]}}')
    assert json.loads(as_json)["jsonData"]["X"] == [[5.1, 3.5, 1.4, 0.2]]
    assert json.loads(curl(service, "-F", 'jsonData={"a":1}'))["jsonData"]["X"] == "{'a': 1}"
    assert json.loads(curl(service, "-F", "strData=text"))["jsonData"]["X"] == "'text'"
    asked = subprocess.run(
        ["curl", "-sSG", "--data-urlencode", 'json={"strData":"q"}',
         f"http://127.0.0.1:{service.rest}/predict"],
        capture_output=True, check=True,
    )  # fmt: skip
    assert json.loads(asked.stdout)["jsonData"]["X"] == "'q'"


def test_toml_serves_the_same_folder(start, tmp_path):
    """Without the users' command: aiges.toml alone, or only what lies in the folder."""
    for config in (
        {"aiges": {"contract": "seldon", "app": "Model"}, "http": {"app_paths": True}},
        {"http": {"app_paths": True}},
    ):
        loader = start(server("skeleton"), config=config, env={"AIGES_COMPAT": ""})
        answer = loader.web.request(
            "POST", PREDICT, b'{"data":{}}', {"Content-Type": "application/json"}
        )
        assert answer.json == {"meta": {}, "strData": "Hello Model"}
        assert loader.web.get("/metrics").status == 200
