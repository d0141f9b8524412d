"""The client's messages are those of proto/*.proto, and its errors those of docs/errors.md."""

from pathlib import Path

import pytest
from aiges.client import _wire
from aiges.client.errors import (
    AigesError,
    BadRequest,
    DeadlineExceeded,
    EngineError,
    Overloaded,
    WorkerLost,
)
from aiges.client.message import (
    DataType,
    Payload,
    Reply,
    check_payloads,
    input_bytes,
    payload_list,
    read_answer,
    request_bytes,
)
from google.protobuf import descriptor_pb2
from grpc_tools import protoc

PROTO = Path(__file__).resolve().parents[2] / "proto"


@pytest.fixture(scope="module")
def compiled(tmp_path_factory):
    out = tmp_path_factory.mktemp("proto") / "set"
    files = ["xsf.proto", "loader.proto"]
    assert protoc.main(["protoc", f"-I{PROTO}", f"--descriptor_set_out={out}", *files]) == 0
    found = descriptor_pb2.FileDescriptorSet.FromString(out.read_bytes())
    for file in found.file:
        file.ClearField("service")
        for message in file.message_type:
            for field in (*message.field, *(f for n in message.nested_type for f in n.field)):
                field.ClearField("json_name")
    return {file.name: file for file in found.file}


@pytest.mark.parametrize("file", _wire.FILES, ids=lambda file: file.name)
def test_messages_are_those_of_the_proto_files(compiled, file):
    assert file == compiled[file.name]


def test_the_method_is_the_one_in_use(compiled):
    assert _wire.CALL == "/utils.XsfCall/call"


def test_one_value_becomes_a_payload_named_data():
    assert payload_list(b"x") == [Payload("data", b"x", DataType.OTHER)]
    assert payload_list("\u00fc") == [Payload("data", b"\xc3\xbc", DataType.TEXT)]
    assert payload_list(bytearray(b"y"))[0].data == b"y"


def test_a_dict_names_its_payloads():
    assert payload_list({"img": b"1", "text": "2"}) == [
        Payload("img", b"1"),
        Payload("text", b"2", DataType.TEXT),
    ]


def test_payloads_stay_as_they_are():
    items = [Payload("a", b"1", DataType.IMAGE, {"encoding": "png"})]
    assert payload_list(items) == items


@pytest.mark.parametrize("wrong", [5, [b"x"], {"a": 1}, None])
def test_anything_else_is_a_type_error(wrong):
    with pytest.raises(TypeError):
        payload_list(wrong)


def test_a_request_has_everything_in_its_place():
    data = input_bytes(
        "svc",
        [Payload("img", b"1", DataType.IMAGE, {"encoding": "png"})],
        once=True,
        params={"p": "1"},
        headers={"h": "2"},
        expect=["text", Payload("pic", type=DataType.IMAGE, attributes={"a": "b"})],
    )
    request = _wire.ReqData.FromString(request_bytes("AIIn", data, SeqNo="1", waitTime="50"))
    assert (request.op, dict(request.param)) == ("AIIn", {"SeqNo": "1", "waitTime": "50"})
    inner = _wire.LoaderInput.FromString(request.data[0].data)
    assert (inner.serviceId, inner.state, dict(inner.params)) == ("svc", 1, {"p": "1"})
    assert dict(inner.headers) == {"h": "2"}
    assert [(m.name, m.dataType, dict(m.attribute)) for m in inner.expect] == [
        ("text", 0, {}),
        ("pic", 2, {"a": "b"}),
    ]
    (payload,) = inner.pl
    assert (payload.meta.name, payload.data, payload.meta.dataType) == ("img", b"1", 2)
    assert dict(payload.meta.attribute) == {"encoding": "png", "status": "3"}


def answer(code=0, err="", status=3, payloads=(), outer=0):
    output = _wire.LoaderOutput(code=code, err=err, status=status)
    for name, data, kind in payloads:
        output.pl.add(data=data).meta.MergeFrom(_wire.MetaDesc(name=name, dataType=kind))
    message = _wire.ResData(code=outer)
    message.s.h = "handle"
    message.data.add(data=output.SerializeToString())
    return message.SerializeToString()


def test_an_answer_gives_its_payloads():
    output = read_answer(answer(payloads=[("a", b"1", 2), ("b", b"2", 99)]), "h:1")
    assert output.payloads == (Payload("a", b"1", DataType.IMAGE), Payload("b", b"2"))
    assert (output.ended, output.handle) == (True, "handle")
    assert not read_answer(answer(status=1), "h:1").ended


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (10110, Overloaded),
        (10102, DeadlineExceeded),
        (10109, WorkerLost),
        (10009, BadRequest),
        (10003, BadRequest),
        (10401, BadRequest),
        (10909, EngineError),
        (10106, EngineError),
        (10101, EngineError),
        (7, EngineError),
    ],
)
def test_each_code_has_its_kind_of_error(code, kind):
    with pytest.raises(AigesError) as error:
        read_answer(answer(code, "why"), "h:1")
    assert type(error.value) is kind
    assert (error.value.code, error.value.text, error.value.host) == (code, "why", "h:1")
    assert str(error.value) == f"{code}: why (h:1)"


def test_a_refusal_that_only_the_envelope_tells_is_one():
    message = _wire.ResData(code=10110, error_info="full")
    with pytest.raises(Overloaded, match="full"):
        read_answer(message.SerializeToString(), "h:1")


def test_bytes_that_are_no_answer_are_told():
    with pytest.raises(AigesError, match="not an XSF answer"):
        read_answer(b"\xff\xff\xff", "h:1")


def test_a_reply_knows_its_only_payload():
    one = Reply({"r": Payload("r", b"\xc3\xbc")}, "h:1")
    assert (one.text(), one.data("r")) == ("\u00fc", b"\xc3\xbc")
    with pytest.raises(LookupError, match=r"expected a payload 'x', got \['r'\]"):
        one.data("x")
    with pytest.raises(LookupError, match="expected one payload, got"):
        Reply({}, "h:1").text()


def test_two_payloads_of_one_name_and_none_at_all_are_refused_here():
    with pytest.raises(BadRequest, match="two payloads have the name 'a'"):
        check_payloads([Payload("a"), Payload("a")])
    with pytest.raises(BadRequest, match="expected at least one payload"):
        check_payloads([])
