# SPDX-License-Identifier: Apache-2.0
"""gRPC beside REST: one object, all services, reflection, errors with their text."""

import grpc
import numpy as np
import pytest
from aiges.contracts.seldon import _messages
from google.protobuf import empty_pb2
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from seldon_core.proto import prediction_pb2, prediction_pb2_grpc
from seldon_core.utils import array_to_grpc_datadef, get_data_from_proto
from seldon_service import HERE, Service

Message = prediction_pb2.SeldonMessage


@pytest.fixture(scope="module")
def service(binaries, tmp_path_factory):
    folder, source = tmp_path_factory.mktemp("better"), HERE / "seldon_units.py"
    with Service(binaries, folder, "seldon_units.Better", sources=[source]) as service:
        yield service


@pytest.fixture(scope="module")
def channel(service):
    with grpc.insecure_channel(f"127.0.0.1:{service.grpc}") as channel:
        yield channel


@pytest.fixture(scope="module")
def model(channel):
    return prediction_pb2_grpc.ModelStub(channel)


def test_the_one_object_answers_both(service, model):
    before = service.post("/predict", {"strData": "calls"})[1]["jsonData"]
    answer = model.Predict(Message(strData="calls"), timeout=20)
    assert answer.jsonData.struct_value.fields["calls"].number_value == before["calls"] + 1
    assert answer.jsonData.struct_value.fields["pid"].number_value == before["pid"]


def test_every_port_speaks_both(service):
    with grpc.insecure_channel(f"127.0.0.1:{service.rest}") as channel:
        stub = prediction_pb2_grpc.SeldonStub(channel)
        assert stub.Predict(Message(strData="a"), timeout=20).strData == "a"
    assert service.get("/live", service.grpc)[0] == 200


def test_arrays_can_be_written_to_and_keep_their_form(model):
    array = np.arange(12.0).reshape(3, 4)
    for kind in ("tensor", "ndarray", "tftensor"):
        request = Message(data=array_to_grpc_datadef(kind, array, ["a"]))
        answer = model.Predict(request, timeout=20)
        assert answer.data.WhichOneof("data_oneof") == kind
        assert (get_data_from_proto(answer) == array).all()
        assert list(answer.data.names) == ["t:0", "t:1", "t:2", "t:3"]


def test_large_tensors_pass(model):
    array = np.arange(500_000.0).reshape(500, 1000)  # 4 MB, which grpcio does not take by itself.
    answer = model.Predict(Message(data=array_to_grpc_datadef("tensor", array)), timeout=60)
    assert answer.data.tensor.shape == [500, 1000]


def test_errors_have_a_code_and_their_text(model):
    with pytest.raises(grpc.RpcError) as caught:
        model.Predict(Message(strData="type-error"), timeout=20)
    assert caught.value.code() is grpc.StatusCode.INTERNAL
    assert caught.value.details() == "object of type 'int' has no len()"
    with pytest.raises(grpc.RpcError) as caught:
        model.Predict(Message(), timeout=20)
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT


def test_bytes_that_are_no_message_are_refused(channel):
    call = channel.unary_unary("/seldon.protos.Model/Predict")
    with pytest.raises(grpc.RpcError) as caught:
        call(b"\xff\xff\xff", timeout=20)
    assert caught.value.code() is grpc.StatusCode.INTERNAL


@pytest.mark.parametrize("values", [[1.0], [1.0] * 3])
@pytest.mark.parametrize("shape", [[2], [-1, 7], [0, 9], [1 << 30, 1 << 30]])
def test_shapes_that_do_not_fit_are_the_clients_fault(model, shape, values):
    tensor = prediction_pb2.Tensor(shape=shape, values=values)
    with pytest.raises(grpc.RpcError) as caught:
        model.Predict(Message(data=prediction_pb2.DefaultData(tensor=tensor)), timeout=20)
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT


def test_metadata_has_what_is_known(channel, model):
    assert model.Metadata(empty_pb2.Empty(), timeout=20).versions == [""]
    stub = prediction_pb2_grpc.SeldonStub(channel)
    named = prediction_pb2.SeldonModelMetadataRequest(name="x")
    assert stub.ModelMetadata(named, timeout=20).versions == [""]


def test_reflection_names_and_describes_the_services(channel):
    stub = reflection_pb2_grpc.ServerReflectionStub(channel)
    asked = [
        reflection_pb2.ServerReflectionRequest(list_services=""),
        reflection_pb2.ServerReflectionRequest(file_containing_symbol="seldon.protos.Model"),
    ]
    answers = list(stub.ServerReflectionInfo(iter(asked), timeout=20))
    names = {service.name for service in answers[0].list_services_response.service}
    assert {f"seldon.protos.{name}" for name in _messages.SERVICES} <= names
    files = answers[1].file_descriptor_response.file_descriptor_proto
    assert any(b"seldonMessages" in file for file in files)
