# SPDX-License-Identifier: Apache-2.0
"""``POST /{name}/{method}``: what is answered to what, word for word."""

import json

import pytest

ECHO = """
class Echo(Op):
    def preprocess(self, input_dicts, data_id, log_id):
        (name, given), = input_dicts.items()
        assert name == "@DAGExecutor"
        return given, False, None, ""
    def postprocess(self, input_dicts, fetch_data, data_id, log_id):
        shown = {key: value if isinstance(value, str) else repr(value)
                 for key, value in fetch_data.items()}
        return {**shown, "log_id": str(log_id)}, None, ""
def graph(read_op):
    return Echo(name="echo", input_ops=[read_op])
"""


@pytest.fixture
def echo(pipeline):
    return pipeline(ECHO)


def test_answer_has_all_fields_in_their_order(echo):
    answer = echo.post({"key": ["x"], "value": ["1, 2"]})
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.body == (
        b'{"err_no":0,"err_msg":"","key":["x","log_id"],"value":["1, 2","0"],"tensors":[]}'
    )
    # Whatever the method is called, and whatever the content type.
    body = b'{"key":["x"],"value":["\xe5\x9c\x9f \\" <\\n"]}'
    other = echo.web.request("POST", "/svc/anything", body, {"Content-Type": "text/plain"})
    assert other.json["value"] == ['土 " <\n', "0"]


def test_logid_may_be_a_number_or_a_text(echo):
    for logid in (7, "7", -1, 2**63 - 1, str(2**62)):
        answer = echo.post({"key": [], "value": [], "logid": logid, "clientip": "1.2.3.4"}).json
        assert (answer["err_no"], answer["value"]) == (0, [str(logid)])
    assert echo.post({"logid": 2**63}).status == 400
    assert echo.post({"logid": "seven"}).status == 400


def test_tensors_are_arrays(echo):
    tensor = {"name": "x", "elem_type": 1, "shape": [1, 3], "float_data": [1, 2.5, "3"]}
    answer = echo.post({"key": [], "value": [], "tensors": [tensor]}).json
    assert answer["value"][0] == "array([[1. , 2.5, 3. ]], dtype=float32)"
    wrong = {**tensor, "shape": [2, 3]}
    answer = echo.post({"tensors": [wrong]}).json
    assert answer["err_no"] == 8000
    assert answer["err_msg"].startswith("rpc package error: x: expected elements for shape")


def test_texts_are_never_evaluated(echo):
    text = "array(__import__('os').system('touch evaluated'))"
    answer = echo.ask(x=text, y="array([1, 2])")
    assert answer["value"][:2] == [text, "array([1, 2])"]
    assert not (echo.folder / "evaluated").exists()


# What is no request, as the gateway refuses it.
MALFORMED = [
    b"{", b"[]", b'"x"', b"\xff\xfe\x00", b'{"key":"x"}', b'{"key":[1]}', b'{"value":7}',
    b'{"name":1}', b'{"tensors":[{"name":1}]}', b'{"tensors":[null]}', b"[" * 100_000,
    b'{"tensors":[{"byte_data":"AQ%="}]}', b'{"tensors":[{"byteData":"A==="}]}',
]  # fmt: skip


@pytest.mark.parametrize("warm", [False, True], ids=["first", "after others"])
def test_malformed_json_is_400_in_the_gateways_form(echo, warm):
    if warm:
        echo.ask(x="1")
    for body in MALFORMED:
        answer = echo.post(body)
        assert answer.status == 400, body
        assert answer.json["code"] == 3 and answer.json["details"] == []
        assert answer.json["error"] == answer.json["message"] != ""


def test_other_paths_and_methods(echo):
    for path in ("/", "/svc", "/svc/", "/svc/prediction/", "/svc/a/b", "/svc//"):
        answer = echo.post({}, path)
        assert (answer.status, answer.json["code"]) == (404, 5), path
    answer = echo.web.get("/svc/prediction")
    assert (answer.status, answer.json["code"]) == (405, 12)
    assert echo.web.get("/healthz").status == 200
    assert b"aiges_" in echo.web.get("/metrics").body


def test_wrong_name_is_err_no_3002(echo):
    answer = echo.post({"key": ["x"], "value": ["1"]}, "/other/prediction")
    assert (answer.status, answer.json["err_no"]) == (200, 3002)
    assert answer.json["err_msg"] == "Failed to inference: Service name error."
    # The path says the name, whatever the body says.
    assert echo.post({"name": "other", "key": [], "value": []}).json["err_no"] == 0


def test_keys_and_values_of_different_number(echo):
    answer = echo.post({"key": ["x", "y"], "value": ["1"]}).json
    assert answer["err_no"] == 8000 and answer["err_msg"].startswith("rpc package error: ")
    answer = echo.post({"key": ["x"], "value": ["1", "2"]}).json
    assert answer["err_no"] == 0 and answer["key"][0] == "x" and "2" not in answer["value"]


def test_what_stands_for_nothing_and_unknown_keys_are_passed_over(echo):
    for body in (b"null", b" \n", b'{"keys":[]}', b'{"key":null,"x":{"y":[]}}'):
        answer = echo.post(body)
        assert (answer.status, answer.json["err_no"]) == (200, 0), body
    answer = echo.post({"key": ["x"], "value": [None], "feed": {}}).json
    assert answer["err_no"] == 0 and answer["value"][0] == ""


def test_large_bodies_and_answers(echo):
    text = "土a" * 3_000_000
    answer = echo.post(json.dumps({"key": ["x"], "value": [text]}, ensure_ascii=False).encode())
    assert answer.json["value"][0] == text


def test_either_port_speaks_all(pipeline):
    only = pipeline(ECHO, {"rpc_port": None})
    assert only.value(x="1") == {"x": "1", "log_id": "0"}
    only = pipeline(ECHO, {"http_port": None}, folder="rpc")
    assert only.value(x="1") == {"x": "1", "log_id": "0"}


def test_hosts_own_protocols_reach_it(echo):
    answer = echo.web.raw_mode(b'{"key":["x"],"value":["1"]}')
    assert answer.status == 200 and json.loads(answer.body)["value"] == ["1", "0"]
