# SPDX-License-Identifier: Apache-2.0
"""gRPC in both numberings, by PipelineClient and by bytes; both ends of tensors."""

import subprocess
import sys

import grpc
import numpy as np
import paddle_pipelines
import pytest
from aiges.contracts.paddle.pipeline._messages import METHOD, old_messages
from paddle_serving_server.pipeline import PipelineClient
from paddle_serving_server.pipeline.proto import pipeline_service_pb2 as pb

ECHO = """
class Echo(Op):
    def preprocess(self, input_dicts, data_id, log_id):
        (name, given), = input_dicts.items()
        return given, False, None, ""
    def postprocess(self, input_dicts, fetch_data, data_id, log_id):
        if "fail" in fetch_data: raise ValueError("failed")
        if "arrays" in fetch_data:
            return {"y": fetch_data["x"]}, None, ""
        shown = {key: repr(value) for key, value in fetch_data.items()}
        return {**shown, "log_id": str(log_id)}, None, ""
def graph(read_op):
    return Echo(name="echo", input_ops=[read_op])
"""


@pytest.fixture
def echo(pipeline):
    return pipeline(ECHO)


@pytest.fixture
def client(echo):
    with PipelineClient() as made:
        made.connect([echo.rpc])
        yield made


def raw(echo, message, **options):
    with grpc.insecure_channel(echo.rpc) as channel:
        return channel.unary_unary(METHOD)(message, timeout=10, **options)


def values(response):
    return dict(zip(response.key, response.value))


def test_client_sends_texts_arrays_and_numbers(client):
    feed = {"x": "1, 2", "l": [1, 2], "a": np.eye(2), "logid": 3, "clientip": "1.2.3.4"}
    response = client.predict(feed, fetch=["x"], log_id=9)
    assert type(response).__name__ == "Response"
    assert (response.err_no, response.err_msg, len(response.tensors)) == (0, "", 0)
    assert values(response) == {
        "x": "'1, 2'",
        "l": "'array([1, 2])'",
        "a": repr(repr(np.eye(2))),
        "log_id": "9",
    }
    assert set(feed) == {"x", "l", "a"}
    with pytest.raises(TypeError, match="x"):
        client.predict({"x": 5})
    with pytest.raises(TypeError):
        client.predict(["x"])


@pytest.mark.parametrize("as_bytes", [False, True], ids=["numbers", "bytes"])
@pytest.mark.parametrize(
    "dtype",
    [
        "int64",
        "float32",
        "int32",
        "float64",
        "int16",
        "float16",
        "uint8",
        "int8",
        "bool",
        "complex64",
        "complex128",
    ],
)
def test_tensors_keep_type_shape_and_values(client, dtype, as_bytes):
    array = (np.arange(6).reshape(2, 3) % 3).astype(dtype)
    feed = {"x": array}
    response = client.predict(feed, pack_tensor_format=True, use_tensor_bytes=as_bytes)
    assert values(response)["x"] == repr(array)


def test_answers_of_arrays_alone_are_their_repr(client):
    response = client.predict({"x": [[1.5]], "arrays": "1"}, pack_tensor_format=True)
    assert values(response) == {"y": "array([[1.5]])"}


def test_asyn_gives_a_future(client):
    calls = [client.predict({"x": str(n)}, asyn=True, log_id=n) for n in range(20)]
    assert [values(each.result())["log_id"] for each in calls] == [str(n) for n in range(20)]


def test_profile_tells_times(client):
    response = client.predict({"x": "1"}, profile=True)
    text = values(response)["pipeline.profile"]
    assert "echo_prep:" in text and "us" in text


def test_name_that_is_wrong_and_fault(echo, client):
    for name, number in (("", 0), ("svc", 0), ("other", 3002)):
        message = pb.Request(key=["x"], value=["1"], name=name, clientip="1.1.1.1")
        response = pb.Response.FromString(raw(echo, message.SerializeToString()))
        assert response.err_no == number, name
    response = client.predict({"fail": "1"})
    assert response.err_no == 10000 and "Raise_msg: failed" in response.err_msg


def test_both_numberings_are_told_apart(echo):
    old = old_messages()
    for given in (
        dict(name="svc", method="prediction", logid=5, clientip="1.1.1.1"),
        dict(logid=5, clientip="1.1.1.1"),
        dict(name="svc", logid=5),
        dict(logid=-5),
    ):
        message = old.Request(key=["x"], value=["1"], **given)
        answer = old.Response.FromString(raw(echo, message.SerializeToString()))
        assert (answer.err_no, values(answer)["log_id"]) == (0, str(given["logid"])), given
        message = pb.Request(key=["x"], value=["1"], **given)
        answer = pb.Response.FromString(raw(echo, message.SerializeToString()))
        assert (answer.err_no, values(answer)["log_id"]) == (0, str(given["logid"])), given
    other = old.Request(key=["x"], value=["1"], name="other", method="m", logid=1)
    assert old.Response.FromString(raw(echo, other.SerializeToString())).err_no == 3002
    # No logid, as proto3 leaves zeros out: the name says it.
    bare = old.Request(key=["x"], value=["1"], name="svc", method="prediction")
    assert old.Response.FromString(raw(echo, bare.SerializeToString())).err_no == 0


def test_fields_may_come_in_any_order_and_more_of_them(echo):
    message = pb.Request(name="svc", logid=8, clientip="x").SerializeToString()
    message += b"\xa2\x06\x03abc" + pb.Request(key=["x"], value=["1"]).SerializeToString()
    assert values(pb.Response.FromString(raw(echo, message)))["log_id"] == "8"


def test_what_is_no_message_ends_with_a_status(echo):
    for message in (b"\x0a\xff", b"\x0a\x05ab", b"\x07", b"\x0a\x02\xff\xfe", b"\xff" * 20):
        with pytest.raises(grpc.RpcError) as fault:
            raw(echo, message)
        assert fault.value.code() is grpc.StatusCode.INTERNAL
        assert "deserializing" in fault.value.details()
    container = pb.Tensor(name="x", elem_type=13, byte_data=b"\x93NUMPY not")
    wrong = pb.Request(tensors=[container], clientip="x")
    assert pb.Response.FromString(raw(echo, wrong.SerializeToString())).err_no == 8000
    with grpc.insecure_channel(echo.rpc) as channel, pytest.raises(grpc.RpcError) as fault:
        channel.unary_unary(METHOD + "s")(b"", timeout=10)
    assert fault.value.code() is grpc.StatusCode.UNIMPLEMENTED


def test_pickles_are_not_read(echo):
    import io

    held = io.BytesIO()
    np.save(held, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    tensor = pb.Tensor(name="x", elem_type=13, byte_data=held.getvalue())
    wrong = pb.Request(tensors=[tensor], clientip="x")
    response = pb.Response.FromString(raw(echo, wrong.SerializeToString()))
    assert response.err_no == 8000 and "np.save" in response.err_msg


def test_large_messages(client):
    text = "x" * (5 << 20)
    assert values(client.predict({"x": text}))["x"] == repr(text)


SERVER = """
from paddle_serving_server_gpu.pipeline import Op, PipelineServer, RequestOp, ResponseOp

class Read(RequestOp):
    def unpack_request_package(self, request):
        if not request.key:
            return {}, 0, 77, "nothing asked"
        return {"all": " ".join(request.key) + request.name}, 42, None, ""

class Write(ResponseOp):
    def pack_response_package(self, channeldata):
        response = super().pack_response_package(channeldata)
        if channeldata.error_code:
            response.err_msg = "own: " + channeldata.error_info
        else:
            response.value[0] += "!" + str(channeldata.log_id)
        return response

read_op = Read()
server = PipelineServer("low")
server.set_response_op(Write(input_ops=[Op(name="op", input_ops=[read_op])]))
server.prepare_server("config.yml")
server.run_server()
"""


def test_lower_level_with_ends_of_ones_own(pipeline):
    made = pipeline(SERVER, whole=True)
    answer = made.post({"key": ["a", "b"], "value": ["1", "2"]}, "/low/prediction")
    assert answer.json == {
        "err_no": 0, "err_msg": "", "key": ["all"], "value": ["a blow!42"], "tensors": [],
    }  # fmt: skip
    answer = made.post({}, "/low/prediction").json
    assert (answer["err_no"], answer["err_msg"]) == (77, "own: nothing asked")


def test_client_needs_addresses():
    client = PipelineClient()
    with pytest.raises(ValueError, match="connect"):
        client.predict({"x": "1"})
    with pytest.raises(ValueError, match="endpoints"):
        client.connect(["localhost"])


def test_client_program_of_the_example(pipeline, tmp_path):
    made = pipeline(ECHO)
    text = (
        paddle_pipelines.ROOT / "docs/examples/paddle/pipeline_uci/web_rpc_client.py"
    ).read_text()
    (tmp_path / "client.py").write_text(text.replace("127.0.0.1:9998", made.rpc))
    done = subprocess.run(
        [sys.executable, "client.py"], cwd=tmp_path, env=made.env, capture_output=True, text=True,
        timeout=30,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert 'key: "x"' in done.stdout
