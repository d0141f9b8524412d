# SPDX-License-Identifier: Apache-2.0
"""The web service ``/{name}/prediction``: by ``serve --name``, and as a class."""

import json

import pytest
from free_ports import free_ports
from paddle_command import PRICE, ROW
from waiting import wait_until

PATH = "/uci/prediction"
ASKED = {"feed": [{"x": ROW}], "fetch": ["price"]}
PROGRAM = """
import sys
from aiges.contracts.paddle.server import web

class Service:
    name, model_dirs, port, gpus = "uci", [sys.argv[1]], int(sys.argv[2]), ""
    options = {"thread": 3}

    def preprocess(self, feed=[], fetch=[]):
        feed = [{"x": [value / 2 * 2 for value in each["x"]]} for each in feed]
        if "fault" in fetch:
            raise KeyError("fault")
        if "mistake" in fetch:
            raise ValueError("a mistake of the client's")
        return (feed, fetch) if len(feed) == 2 else (feed, fetch, False)

    def postprocess(self, feed=[], fetch=[], fetch_map=None):
        return {"price": fetch_map["price"][0], "rows": len(feed)}

if __name__ == "__main__":
    web.run_web_service(Service())
"""


def test_the_quick_start(houses):
    answer = houses.post(PATH, ASKED)
    assert (answer.status, answer.getheader("Content-Type")) == (200, "application/json")
    assert answer.body == b'{"result":{"price":[[18.901151657104492]]}}\n'


def test_several_samples_are_one_batch(houses):
    answer = houses.post(PATH, {"feed": [{"x": ROW}] * 3, "fetch": ["price"]})
    assert json.loads(answer.body)["result"]["price"] == [[pytest.approx(PRICE)]] * 3


def test_a_body_without_its_type_is_read(houses):
    assert houses.ask("POST", PATH, json.dumps(ASKED)).status == 200


@pytest.mark.parametrize("body", [b"", b"{", b"{}", b"[]", b'{"feed": [{}]}', b"[" * 100_000])
def test_no_request_is_400(houses, body):
    answer = houses.post(PATH, body)
    assert (answer.status, answer.getheader("Content-Type")) == (400, "text/html; charset=utf-8")
    assert b"<h1>Bad Request</h1>" in answer.body


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"feed": [], "fetch": ["price"]}, "empty input"),
        ({"feed": [{"x": [1.0]}], "fetch": ["price"]}, "expected 13 elements"),
        ({"feed": [{"y": ROW}], "fetch": ["price"]}, "Wrong feed name: y"),
        ({"feed": [{"x": ROW}], "fetch": ["cost"]}, "Fetch names should not be empty"),
        ({"feed": [{"x": ["a"] * 13}], "fetch": ["price"]}, "expected numbers"),
    ],
)
def test_what_is_wrong_is_the_result(houses, said, words):
    answer = houses.post(PATH, said)
    assert answer.status == 200
    assert words in json.loads(answer.body)["result"]


def test_the_hosts_own_protocols(houses):
    # Either JSON is the one input of a call.
    tensor = {"float_data": ROW, "elem_type": 1, "name": "x", "shape": [1, 13]}
    answer = houses.post("/v1/raw/svcName", ASKED)
    assert json.loads(answer.body) == {"result": {"price": [[pytest.approx(PRICE)]]}}
    answer = houses.post("/v1/raw/svcName", {"tensor": [tensor]})
    assert json.loads(answer.body)["outputs"][0]["engine_name"] == "GeneralInferOp_0"
    answer = houses.post("/v1/raw/svcName", {"tensor": []})
    assert (answer.status, b"tensor: expected a list" in answer.body) == (400, True)


def test_code_in_a_request_is_text(houses):
    said = {"feed": [{"x": "__import__('os').system('touch evil')"}], "fetch": ["price"]}
    answer = houses.post(PATH, said)
    assert "expected numbers" in json.loads(answer.body)["result"]
    assert not (houses.folder / "evil").exists()


def test_other_statuses(houses):
    assert houses.post(PATH, {"fetch": ["price"]}).status == 500  # KeyError, as it was.
    assert houses.ask("GET", PATH).status == 405
    for path in ("/other/prediction", "/uci/", "/uci/prediction/more"):
        answer = houses.post(path, ASKED)
        assert (answer.status, b"<h1>Not Found</h1>" in answer.body) == (404, True)


def test_ragged_texts_with_lod(served):
    service = served("--model", "imdb_model", "--name", "imdb")
    said = {"feed": [{"words": [8, 233, 52]}, {"words": [5]}], "fetch": ["prediction", "scores"]}
    result = json.loads(service.post("/imdb/prediction", said).body)["result"]
    assert result["scores.lod"] == [0, 3, 4]
    assert len(result["prediction"]) == 2


def test_a_class(served, models):
    (port,) = free_ports(1)
    model = str(models / "fit_a_line_model")
    service = served(model, str(port), program=PROGRAM, port=port)
    for count in (1, 2, 3):  # Both forms of what preprocess returns.
        answer = service.post(PATH, {"feed": [{"x": ROW}] * count, "fetch": ["price"]})
        assert json.loads(answer.body) == {"result": {"price": [PRICE], "rows": count}}
    assert json.loads(service.post(PATH, {**ASKED, "fetch": ["mistake"]}).body) == {
        "result": "a mistake of the client's"
    }
    assert service.post(PATH, {**ASKED, "fetch": ["fault"]}).status == 500
    wait_until(lambda: 'raise KeyError("fault")' in service.log(), "the traceback")
    # The models answer GeneralModelService, too.
    said = {"tensor": [{"float_data": ROW, "elem_type": 1, "name": "x", "shape": [1, 13]}]}
    assert service.post("/GeneralModelService/inference", said).status == 200
