# SPDX-License-Identifier: Apache-2.0
"""The client's messages are those of proto/*.proto, and its errors those of docs/errors.md."""

import re
from pathlib import Path

import grpc
import pytest
from aiges.client import CODES, _wire, errors
from aiges.client._calls import error_of_rpc
from aiges.client._encode import input_bytes, once_input, once_request, request_bytes
from aiges.client._read import read_answer, read_metadata, read_output
from aiges.client._stream import KEEP_BYTES, InputLog
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
    by_name,
    check_payloads,
    payload_list,
    stages_of,
)
from google.protobuf import descriptor_pb2
from grpc_tools import protoc
from hypothesis import given, settings
from hypothesis import strategies as st

ROOT = Path(__file__).resolve().parents[2]
PROTO = ROOT / "proto"


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


def test_the_methods_are_those_of_the_proto_files():
    xsf, stream = (PROTO / name for name in ("xsf.proto", "stream.proto"))
    for method, file in ((_wire.CALL, xsf), (_wire.RUN, stream)):
        _, service, name = method.split("/")
        package, _, short = service.rpartition(".")
        text = file.read_text()
        assert f"package {package};" in text
        assert f"service {short}" in text and f"rpc {name}(" in text


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


plain = settings(database=None, deadline=None)
texts = st.text(st.characters(exclude_categories=("Cs",)), max_size=200)
maps = st.dictionaries(texts, texts, max_size=4)
payloads = st.builds(Payload, texts, st.binary(max_size=40_000), st.sampled_from(DataType), maps)
lists = st.lists(payloads, max_size=4)


@plain
@given(texts, lists, st.booleans(), maps, maps, lists, st.integers(0, 3), st.integers(0, 2**31 - 1))
def test_what_is_written_by_hand_is_what_protobuf_reads(
    service, items, once, params, headers, expect, status, sync_id
):
    data = input_bytes(
        service,
        items,
        once=once,
        params=params,
        headers=headers,
        expect=expect,
        status=status,
        sync_id=sync_id,
    )
    wanted = _wire.LoaderInput(
        serviceId=service, state=int(once), params=params, headers=headers, sync_id=sync_id
    )
    for each in expect:
        wanted.expect.add(name=each.name, dataType=each.type, attribute=each.attributes)
    for each in items:
        made = wanted.pl.add(data=each.data)
        made.meta.name, made.meta.dataType = each.name, int(each.type)
        made.meta.attribute.update({"status": str(status), **each.attributes})
    assert _wire.LoaderInput.FromString(data) == wanted


@plain
@given(texts, st.none() | st.binary(max_size=40_000), texts, texts)
def test_so_is_the_envelope(op, data, handle, value):
    wanted = _wire.ReqData(op=op, param={"SeqNo": value, "waitTime": "1"})
    wanted.s.h = handle
    if data is not None:
        wanted.data.add(data=data)
    made = request_bytes(op, data, handle=handle, SeqNo=value, waitTime="1")
    assert _wire.ReqData.FromString(made) == wanted


@plain
@given(texts, st.binary(max_size=40_000) | texts, maps, st.integers(1, 2**31))
def test_so_is_a_once_call(service, value, params, wait_ms):
    request = _wire.ReqData.FromString(
        once_request(once_input(service, value, params, None, ()), wait_ms)
    )
    wanted = _wire.ReqData(op="AIIn", param={"SeqNo": "1", "waitTime": str(wait_ms)})
    wanted.s.SetInParent()
    inner = input_bytes(service, payload_list(value), once=True, params=params)
    wanted.data.add(data=inner)
    assert request == wanted
    assert len(_wire.LoaderInput.FromString(inner).pl) == 1


@pytest.mark.parametrize("wrong", [{"n": 5}, {5: "n"}, {"b": b"x"}])
def test_params_that_are_no_strings_are_told(wrong):
    with pytest.raises(TypeError, match="expected a dict of str to str"):
        input_bytes("svc", [], once=True, params=wrong)


def answer(code=0, err="", status=3, payloads=(), outer=0):
    output = _wire.LoaderOutput(code=code, err=err, status=status)
    for name, data, kind in payloads:
        output.pl.add(data=data).meta.MergeFrom(_wire.MetaDesc(name=name, dataType=kind))
    message = _wire.ResData(code=outer)
    message.s.h = "handle"
    message.data.add(data=output.SerializeToString())
    return message.SerializeToString()


def test_an_answer_gives_its_payloads():
    output = read_answer(answer(status=2, payloads=[("a", b"1", 2), ("b", b"2", 99)]), "h:1")
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
        (10107, BadRequest),
        (10004, BadRequest),
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


# The last one took the place of those before it.
def test_a_reply_has_every_payload_of_a_name():
    cut = "\u65e5\u672c".encode()
    texts = [
        Payload("t", cut[:4], DataType.TEXT, {"seq": "0", "lang": "ja"}),
        Payload("t", cut[4:], DataType.TEXT, {"seq": "1"}),
    ]
    pictures = [Payload("i", b"1", DataType.IMAGE), Payload("i", b"2", DataType.IMAGE)]
    outputs = (texts[0], *pictures, texts[1])
    reply = Reply(by_name(outputs), "h:1", {}, outputs)
    assert reply.text("t") == "\u65e5\u672c"
    assert reply.payloads["t"].attributes == {"seq": "1", "lang": "ja"}
    assert (
        list(reply.payloads) == ["t", "i"] and "i" in reply.payloads and "x" not in reply.payloads
    )
    for ask in (lambda: reply.data("i"), lambda: reply.payloads["i"], reply.payloads.values):
        with pytest.raises(LookupError, match=r"got 2 that are not all text: Reply.all\('i'\)"):
            list(ask())
    assert reply.all("i") == pictures
    assert reply.all("x") == []
    assert reply.all() == list(reply.outputs) == list(outputs)
    assert Reply({"t": texts[0]}, "h:1").all() == [texts[0]]


def test_two_payloads_of_one_name_and_none_at_all_are_refused_here():
    with pytest.raises(BadRequest, match="two payloads have the name 'a'"):
        check_payloads([Payload("a"), Payload("a")])
    with pytest.raises(BadRequest, match="expected at least one payload"):
        check_payloads([])


# The table of codes.

CODES_H = (ROOT / "loader" / "api" / "codes.h").read_text()
ERRORS_MD = (ROOT / "docs" / "errors.md").read_text()


def test_the_table_has_every_code_of_the_loader_and_of_the_page():
    in_header = {int(code) for code in re.findall(r"constexpr int kCode\w+ = (\d+);", CODES_H)}
    rows = [line for line in ERRORS_MD.splitlines() if line.startswith("|")]
    in_page = {int(code) for line in rows for code in re.findall(r"\b1[01]\d{3}\b", line)}
    assert len(in_header) > 20 and len(in_page) > 15
    assert set(CODES) == in_header | in_page


def test_the_loader_never_sends_another_code():
    sources = [*ROOT.glob("loader/protocols/*.cc"), *ROOT.glob("loader/scheduler/*.cc")]
    named = {code for f in sources for code in re.findall(r"= (10\d{3});", f.read_text())}
    assert {int(code) for code in named} <= set(CODES)


def test_each_code_has_a_class_that_is_exported_and_a_meaning():
    for number, (kind, meaning) in CODES.items():
        assert issubclass(kind, AigesError) and kind.__name__ in errors.__all__
        assert meaning and len(meaning) < 60
        assert errors.error_of(number, "x", "").meaning == meaning
    assert EngineError(7, "x").meaning == ""
    with pytest.raises(TypeError):
        CODES[1] = CODES[10110]


@pytest.mark.parametrize(
    ("code", "details", "kind", "number"),
    [
        ("RESOURCE_EXHAUSTED", "SERVER: Received message larger than max (9 vs. 8)", BadRequest, 0),
        ("RESOURCE_EXHAUSTED", "service license not enough: all 1", Overloaded, 10110),
        ("RESOURCE_EXHAUSTED", "input buffer full: the engine", BadRequest, 10009),
        ("INVALID_ARGUMENT", "not a valid", BadRequest, 0),
        ("UNIMPLEMENTED", "", BadRequest, 0),
        ("DEADLINE_EXCEEDED", "", DeadlineExceeded, 10102),
    ],
)
def test_an_end_without_an_answer_has_its_kind_of_error(code, details, kind, number):
    error = error_of_rpc(getattr(grpc.StatusCode, code), details, "h:1")
    assert (type(error), error.code) == (kind, number)


# The input of streams, and timing.


def status_of(message):
    return [
        (p.meta.name, p.meta.attribute["status"]) for p in _wire.LoaderInput.FromString(message).pl
    ]


def test_a_piece_has_its_place_in_its_stream():
    log = InputLog("svc", iter(()), {"p": "1"}, None, ())
    opening = _wire.LoaderInput.FromString(log.message(0))
    assert (opening.state, dict(opening.params), len(opening.pl)) == (0, {"p": "1"}, 0)
    log.add({"a": "1", "b": "2"})
    log.add(Payload("a", b"3"))
    log.add([Payload("b", b"4", attributes={"status": "2"})])
    assert status_of(log.message(1)) == [("a", "0"), ("b", "0")]
    assert status_of(log.message(2)) == [("a", "1")]
    assert status_of(log.message(3)) == [("b", "2")]


def test_a_whole_input_is_the_opening_itself():
    log = InputLog("svc", {"a": "1"}, None, None, ())
    message = _wire.LoaderInput.FromString(log.message(0))
    assert (message.state, log.ended, status_of(log.message(0))) == (1, True, [("a", "3")])


def test_a_long_input_is_not_kept():
    log = InputLog("svc", iter(()), None, None, ())
    log.add(b"x" * (KEEP_BYTES // 2))
    assert log.kept and log.message(0) == log.message(0)
    log.add(b"x" * (KEEP_BYTES // 2))
    assert not log.kept
    for at in range(3):
        assert log.has(at) and log.message(at)
    assert not log._messages


def test_an_output_of_a_stream_is_read_like_an_answer():
    output = _wire.LoaderOutput(status=1)
    output.pl.add(data=b"1").meta.MergeFrom(_wire.MetaDesc(name="a", dataType=2))
    got = read_output(output.SerializeToString(), "h:1")
    assert (got.payloads, got.ended) == ((Payload("a", b"1", DataType.IMAGE),), False)
    with pytest.raises(WorkerLost):
        read_output(_wire.LoaderOutput(code=10109).SerializeToString(), "h:1")


def test_the_trailer_tells_the_time_of_each_stage():
    timing = "queue;dur=0.01, engine;dur=812.1, bad;dur="
    assert stages_of(timing) == {"queue": 0.01, "engine": 812.1}
    metadata = [("other", "x"), ("server-timing", timing), ("odd-bin", b"\xff")]
    assert read_metadata(metadata, None) == {"other": "x", "server-timing": timing}
