# SPDX-License-Identifier: Apache-2.0
"""Calls over gRPC that are refused: the exact number and text, where XSF clients look for them."""

import socket
import time

import grpc
import pytest
from http_client import read_to_end
from xsf_client import IMAGE, STREAM


@pytest.fixture(scope="module")
def xsf(shared):
    return shared.xsf


def refusal(answer):
    """Code and text; checks that the error is where clients look: in data[0], status END."""
    assert answer.output.status == 2
    assert (answer.res.code, answer.res.error_info) == (0, "")
    assert len(answer.output.pl) == 0
    assert len(answer.res.s.h) > 0
    return answer.code, answer.error


def ask(xsf, inner, **options):
    return xsf.answer(xsf.send(xsf.request(inner, **options)))


def good(xsf, **fields):
    return xsf.input(xsf.payload("a", b"x"), **fields)


@pytest.mark.parametrize("op", ["AIOut", "AIExcp"])
def test_handle_that_no_session_has_is_10008(xsf, op):
    answer = ask(xsf, None, op=op, param={}, handle="0" * 26)
    assert refusal(answer) == (
        10008,
        "service instance invalid: no session has the handle " + "0" * 26,
    )


@pytest.mark.parametrize("param", [{}, {"SeqNo": "2"}, {"SeqNo": ""}])
def test_input_without_seq_no_1_looks_for_a_session(xsf, param):
    code, text = refusal(ask(xsf, good(xsf), param=param, handle="h"))
    assert (code, text) == (10008, "service instance invalid: no session has the handle h")


@pytest.mark.parametrize("op", ["AIFoo", "", "aiin"])
def test_unknown_operation_is_10003(xsf, op):
    assert refusal(ask(xsf, good(xsf), op=op)) == (
        10003,
        f'invalid service operation: "{op}"',
    )


def test_ping_is_answered_empty(xsf):
    answer = ask(xsf, None, op="ping")
    assert (answer.res.code, len(answer.res.data)) == (0, 0)


@pytest.mark.parametrize("op", ["AIHotword", "AIDetect", "AILoad", "AIUnLoad", "AILBType"])
def test_accepted_operations_answer_an_empty_output(xsf, op):
    answer = ask(xsf, None, op=op)
    assert (answer.res.code, answer.code, answer.error, len(answer.res.data)) == (0, 0, "", 1)


def test_malformed_loader_input_is_10401(xsf):
    assert refusal(ask(xsf, b"\xff\xff\xff")) == (
        10401,
        "not a valid protocol.LoaderInput message in data[0].data",
    )


def test_truncated_loader_input_is_10401(xsf):
    whole = good(xsf).SerializeToString()
    assert refusal(ask(xsf, whole[:-1]))[0] == 10401


@pytest.mark.parametrize("broken", [b"\xff", b"\x0a\x05ab", b"\x22\x02\x0a\x7f", b"\x00" * 9])
def test_malformed_envelope_is_invalid_argument(xsf, broken):
    with pytest.raises(grpc.RpcError) as raised:
        xsf.raw(broken, timeout=10)
    assert raised.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert raised.value.details() == "not a valid utils.ReqData message"


def test_payload_without_meta_is_10009(xsf):
    inner = good(xsf)
    inner.pl.add(data=b"without meta")
    assert refusal(ask(xsf, inner)) == (10009, "input invalid data: a payload has no meta")


def test_no_payload_is_10009_at_once(xsf):
    begin = time.monotonic()
    assert refusal(ask(xsf, xsf.input(), wait_ms=20000)) == (
        10009,
        "input invalid data: expected at least one payload, got none",
    )
    assert time.monotonic() - begin < 4


def too_many(xsf, what):
    """A LoaderInput with one part too many."""
    if what == "payloads":
        return xsf.input(*[xsf.payload(f"k{n}", b"") for n in range(4097)])
    if what == "expected outputs":
        return good(xsf, expect=[xsf.expect(f"k{n}") for n in range(1025)])
    return good(xsf, params={f"k{n}": "" for n in range(16_385)})


@pytest.mark.parametrize(
    ("what", "most"),
    [
        ("payloads", 4096),
        ("expected outputs", 1024),
        ("params, headers and attributes", 16384),
    ],
)
def test_message_with_too_many_parts_is_10009(xsf, what, most):
    code, text = refusal(ask(xsf, too_many(xsf, what)))
    assert code == 10009
    assert text.startswith(f"input invalid data: expected at most {most} ")
    assert text.endswith(" in one message, got more")


def test_stream_message_with_too_many_parts_is_invalid_argument(xsf):
    run = xsf.channel.stream_stream("/aiges.v1.Stream/Run")
    message = too_many(xsf, "payloads").SerializeToString()
    with pytest.raises(grpc.RpcError) as raised:
        list(run(iter([message]), timeout=20))
    assert raised.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert "expected at most 4096 " in raised.value.details()


def test_handle_that_is_too_long_is_10009(xsf):
    code, text = refusal(ask(xsf, good(xsf), handle="h" * 257))
    assert code == 10009
    assert text == (
        "input invalid data: expected at most 256 bytes of s.h (the handle) in one message, "
        "got more"
    )
    assert ask(xsf, good(xsf), handle="h" * 256).code == 0


def test_session_without_a_ready_worker_is_10109(loading):
    loader, gate = loading
    answer = ask(loader.xsf, good(loader.xsf, state=STREAM), wait_ms=20000)
    assert refusal(answer) == (10109, "no worker is ready to take a session")
    gate.touch()
    loader.wait_ready_line()


@pytest.mark.parametrize("source", ["http", "s3", "nonsense"])
def test_data_that_is_not_in_the_request_is_10009(xsf, source):
    inner = xsf.input(xsf.payload("img", b"", IMAGE, dataSrc=source, url="http://127.0.0.1:1/x"))
    assert refusal(ask(xsf, inner)) == (
        10009,
        f'input invalid data: payload img: dataSrc "{source}": '
        'only data sent with the request ("client") is taken',
    )


def test_data_source_client_is_the_request_itself(xsf):
    assert xsf.once(xsf.payload("a", b"x", dataSrc="client")).data("a") == b"x"


def test_engine_code_comes_with_its_text_and_code(xsf):
    assert refusal(xsf.do("code", code=42)) == (10909, "toolbox error 42;code=42")
    assert refusal(xsf.do("code", code=-1)) == (10909, "toolbox error -1;code=-1")


def test_exception_comes_with_type_text_and_place(xsf):
    code, text = refusal(xsf.do("raise", text="no such font"))
    assert code == 10909
    assert text.startswith("wrapperOnceExec raised ValueError: no such font (wrapper.py, line ")
    assert text.endswith(";code=30003")


def test_empty_result_is_10106(xsf):
    assert refusal(xsf.do("nothing")) == (
        10106,
        "wrapper output data is nil: the engine returned no data",
    )


def test_wait_time_is_kept_to_the_moment(start, toolbox, tmp_path):
    loader = start(toolbox)
    gate = tmp_path / "gate"
    begin = time.monotonic()
    answer = loader.xsf.do("gate", gate=gate, wait_ms=400)
    took = time.monotonic() - begin
    assert refusal(answer) == (10102, "service exec once request timeout")
    assert 0.39 < took < 3  # The engine is still busy: nothing else ends the call.
    assert loader.metric("aiges_in_flight") == 1  # The licence is the engine's until it is done.
    gate.touch()
    loader.wait_metric("aiges_in_flight", 0)


@pytest.mark.parametrize("wait_ms", ["soon", "", "0", "-1", "1.5"])
def test_wait_time_that_is_no_positive_number_is_no_wait(xsf, wait_ms):
    assert refusal(xsf.once(wait_ms=wait_ms))[0] == 10102


def test_absent_wait_time_is_default_timeout_ms(start, toolbox, tmp_path):
    loader = start(toolbox, config={"queue": {"default_timeout_ms": 300}})
    begin = time.monotonic()
    answer = loader.xsf.do("gate", gate=tmp_path / "gate", wait_ms=None)
    assert refusal(answer)[0] == 10102
    assert 0.29 < time.monotonic() - begin < 3
    (tmp_path / "gate").touch()


def test_exec_timeout_bounds_the_clients_own(start, toolbox, tmp_path):
    loader = start(toolbox, config={"instances": {"exec_timeout_ms": 300}})
    begin = time.monotonic()
    assert loader.xsf.do("gate", gate=tmp_path / "gate", wait_ms=20000).code == 10102
    assert time.monotonic() - begin < 5
    (tmp_path / "gate").touch()


def test_message_over_the_limit_is_resource_exhausted(start, toolbox):
    loader = start(toolbox, config={"limits": {"max_message_bytes": 100_000}})
    assert loader.xsf.do("echo", b"x" * 90_000).code == 0
    with pytest.raises(grpc.RpcError) as raised:
        loader.xsf.do("echo", b"x" * 100_001)
    assert raised.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
    assert loader.xsf.do("echo", b"still serves").data("data") == b"still serves"


def test_unknown_method_is_unimplemented(xsf):
    with pytest.raises(grpc.RpcError) as raised:
        xsf.channel.unary_unary("/utils.XsfCall/other")(b"", timeout=10)
    assert raised.value.code() == grpc.StatusCode.UNIMPLEMENTED


PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"  # RFC 9113, section 3.4.
SETTINGS = b"\x00\x00\x00\x04" + b"\x00" * 5
SETTINGS_TYPE, GOAWAY_TYPE, WINDOW_TYPE = 4, 7, 8


def frames(data):
    """The (type, stream) of each HTTP/2 frame (RFC 9113, section 4.1)."""
    found = []
    while data:
        length = int.from_bytes(data[:3], "big")
        found.append((data[3], int.from_bytes(data[5:9], "big") & 0x7FFFFFFF))
        assert len(data) >= 9 + length, data
        data = data[9 + length :]
    return found


@pytest.mark.parametrize(
    "sent",
    [
        PREFACE + b"\xff" * 200,
        PREFACE
        + SETTINGS
        + b"\xff\xff\xff\x00"
        + b"\x00" * 4
        + b"\x01",  # DATA of 16 MB, of no call.
    ],
)
def test_foreign_bytes_on_the_port_end_their_connection(xsf, sent):
    """The loader says its settings and goodbye: no call has begun, none is answered."""
    host, _, port = xsf.address.rpartition(":")
    with socket.create_connection((host, int(port)), timeout=20) as connection:
        connection.sendall(sent)
        assert_settings_only(read_to_end(connection))
    assert xsf.do("echo", b"serves").data("data") == b"serves"


@pytest.mark.parametrize(
    "sent",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 50,  # TLS hello.
        b"\x00" * 100,
        PREFACE[:-1] + b"?",
    ],
)
def test_bytes_of_no_protocol_are_told_so(xsf, sent):
    host, _, port = xsf.address.rpartition(":")
    with socket.create_connection((host, int(port)), timeout=20) as connection:
        connection.sendall(sent)
        answer = read_to_end(connection)
    assert answer.split(b"\r\n")[0].split()[1] in (b"400", b"505"), answer
    assert xsf.do("echo", b"serves").data("data") == b"serves"


@pytest.mark.parametrize("sent", [b"", PREFACE[:10], PREFACE, PREFACE + SETTINGS[:5]])
def test_truncated_bytes_on_the_port_end_their_connection(xsf, sent):
    host, _, port = xsf.address.rpartition(":")
    with socket.create_connection((host, int(port)), timeout=20) as connection:
        connection.sendall(sent)
        connection.shutdown(socket.SHUT_WR)
        answer = read_to_end(connection)
    if sent.startswith(PREFACE):
        assert_settings_only(answer)
    else:
        assert answer == b""
    assert xsf.do("echo", b"serves").data("data") == b"serves"


def assert_settings_only(answer):
    assert set(frames(answer)) <= {(SETTINGS_TYPE, 0), (WINDOW_TYPE, 0), (GOAWAY_TYPE, 0)}
    assert frames(answer)[0] == (SETTINGS_TYPE, 0)
