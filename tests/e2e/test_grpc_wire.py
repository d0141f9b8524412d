# SPDX-License-Identifier: Apache-2.0
"""gRPC as it is on the wire: heads, messages and their coding, ends. Frames are made by hand."""

import gzip
import struct
import zlib

import pytest
from h2_client import CANCEL, GRPC, NO_ERROR, REFUSED_STREAM, message, messages, xsf_bytes
from xsf_client import Answer

OK, INVALID_ARGUMENT, RESOURCE_EXHAUSTED, UNIMPLEMENTED, INTERNAL = 0, 3, 8, 12, 13
MIB = 1 << 20
CHECK = "/grpc.health.v1.Health/Check"
STREAM = "/aiges.v1.Stream/Run"
REFLECTION = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"


@pytest.fixture(scope="module")
def shared(binaries, tmp_path_factory, toolbox):
    from loader_process import Loader

    config = {"limits": {"max_message_bytes": MIB}}
    with Loader(binaries, tmp_path_factory.mktemp("wire"), toolbox, config=config) as loader:
        yield loader


def answer(stream):
    """What an XSF client makes of it."""
    from xsf_pb2 import ResData

    assert (stream.status, stream.grpc_status, stream.ended) == (200, OK, True), stream
    ((compressed, data),) = messages(stream.body)
    assert compressed == 0
    return Answer(ResData.FromString(data))


def still_serves(client, echo):
    """The connection and the loader, after what a test did to one call."""
    return answer(client.ask(message(echo))).data("data") == b"hello"


def not_answered(stream):
    """A head or a reset that is no success: what it says is the server's affair."""
    return stream.status != 200 or stream.grpc_status not in (None, OK) or stream.reset


# --- Heads.


def test_answer_is_headers_a_message_and_trailers(client, echo):
    stream = client.ask(message(echo))
    assert answer(stream).data("data") == b"hello"
    assert stream.headers["content-type"] == "application/grpc"
    assert "grpc-status" not in stream.headers
    assert {"gzip", "identity"} <= set(
        stream.headers["grpc-accept-encoding"].replace(" ", "").split(",")
    )
    assert stream.trailers["grpc-status"] == "0"
    assert "grpc-message" not in stream.trailers


@pytest.mark.parametrize("kind", ["application/grpc", "application/grpc+proto"])
def test_content_types_of_grpc_are_served(client, echo, kind):
    stream = client.ask(message(echo), headers={"content-type": kind, "te": "trailers"})
    assert answer(stream).data("data") == b"hello"


@pytest.mark.parametrize("kind", ["application/json", "text/plain", "application/grpcfoo", None])
def test_other_content_types_are_refused(client, echo, kind):
    """(gRPC over HTTP2: Content-Type): not gRPC, so no gRPC client waits for the answer."""
    headers = {"te": "trailers"} | ({} if kind is None else {"content-type": kind})
    assert client.ask(message(echo), headers=headers).status == 415


@pytest.mark.parametrize("method", ["GET", "PUT", "OPTIONS", "HEAD", "FOO"])
def test_other_methods_are_refused(shared, client, echo, method, tmp_path):
    notes = tmp_path / "notes"
    sent = message(xsf_bytes(shared, b"x", notes=str(notes)))
    stream = client.ask(sent, method=method)
    assert not_answered(stream), stream
    assert still_serves(client, echo)
    assert not notes.exists()


@pytest.mark.parametrize(
    "path",
    [
        *("/utils.XsfCall/other", "/utils.XsfCall/Call", "/utils.xsfcall/call", "/no.Such/call"),
        *("/utils.XsfCall", "/utils.XsfCall/", "/utils.XsfCall/call/", "//utils.XsfCall/call"),
    ],
)
def test_unknown_method_is_unimplemented_in_trailers_only(client, echo, path):
    stream = client.ask(message(echo), path=path)
    assert (stream.status, stream.grpc_status) == (200, UNIMPLEMENTED)
    assert (stream.trailers, stream.body) == (None, b"")
    assert path in stream.grpc_message
    assert still_serves(client, echo)


def test_refusal_is_trailers_only(client, echo):
    stream = client.ask(message(b"\xff"))
    assert (stream.status, stream.grpc_status) == (200, INVALID_ARGUMENT)
    assert stream.grpc_message == "not a valid utils.ReqData message"
    assert (stream.trailers, stream.body) == (None, b"")
    assert stream.headers["content-type"] == "application/grpc"


def test_status_text_is_percent_encoded(shared, client):
    """Only printable ASCII is in grpc-message; the rest is UTF-8 in percent escapes."""
    from grpc_health.v1.health_pb2 import HealthCheckRequest

    sent = HealthCheckRequest(service="gr\u00fc\u00df 100%\n").SerializeToString()
    stream = client.ask(message(sent), path=CHECK)
    assert stream.grpc_status == 5
    assert stream.grpc_message.startswith('no service "gr%C3%BC%C3%9F 100%25%0A"')


# --- Messages.


@pytest.mark.parametrize("body", [b"", message(b"x" * 10)[:3], message(b"x" * 10)[:-1]])
@pytest.mark.parametrize("path", ["/utils.XsfCall/call", CHECK, STREAM])
def test_call_without_a_whole_message_fails(client, echo, body, path):
    stream = client.ask(body, path=path)
    assert stream.grpc_status in (INVALID_ARGUMENT, INTERNAL, UNIMPLEMENTED), stream
    assert still_serves(client, echo)


def test_call_that_ends_with_its_head_fails(client, echo):
    stream = client.wait(client.begin(end=True))
    assert stream.grpc_status in (INVALID_ARGUMENT, INTERNAL, UNIMPLEMENTED)
    assert still_serves(client, echo)


def test_end_of_the_input_may_come_later_and_alone(client, echo):
    stream = client.begin()
    for byte in message(echo):
        client.send(stream, bytes([byte]))
    client.send(stream, b"", end=True)
    assert answer(client.wait(stream)).data("data") == b"hello"


def test_second_message_of_a_unary_call_is_not_executed(shared, client, echo, tmp_path):
    notes = tmp_path / "notes"
    sent = message(xsf_bytes(shared, b"x", notes=str(notes)))
    stream = client.ask(sent + sent)
    assert stream.done
    assert still_serves(client, echo)
    assert not notes.exists() or notes.read_text(encoding="utf-8").count("begin") == 1


@pytest.mark.parametrize("flag", [0x80, 0xFF])
def test_unknown_flag_of_a_message_is_internal(client, echo, flag):
    stream = client.ask(message(echo, flag))
    assert stream.grpc_status == INTERNAL, stream
    assert still_serves(client, echo)


@pytest.mark.parametrize("path", ["/utils.XsfCall/call", CHECK, STREAM, "/utils.ToolBox/cmdserver"])
def test_too_long_a_message_is_resource_exhausted(client, echo, path):
    stream = client.begin(path)
    client.send(stream, message(bytes(MIB + 1))[: MIB // 2])
    if not stream.done:
        client.send(stream, message(bytes(MIB + 1))[MIB // 2 :], end=True)
    assert client.wait(stream).grpc_status == RESOURCE_EXHAUSTED
    assert str(MIB) in stream.grpc_message
    # Whoever has not said all is told that nobody listens.
    assert stream.reset in (None, NO_ERROR, CANCEL)
    assert still_serves(client, echo)


@pytest.mark.parametrize("size", [MIB + 1, 0xFFFFFFFF])
def test_too_long_a_message_is_refused_when_it_says_so(client, size):
    stream = client.begin()
    client.send(stream, struct.pack(">BI", 0, size))
    assert client.wait(stream, timeout_s=2).grpc_status == RESOURCE_EXHAUSTED


def test_longest_message_is_served(shared, client):
    room = MIB - len(xsf_bytes(shared, bytes(MIB - 500)))
    longest = xsf_bytes(shared, bytes(MIB - 500 + room))
    assert len(longest) == MIB
    assert len(answer(client.ask(message(longest))).data("data")) == MIB - 500 + room


def test_answers_have_no_limit_of_their_own(shared, client):
    sent = message(xsf_bytes(shared, do="size", bytes=str(8 * MIB)))
    assert len(answer(client.ask(sent)).data("result")) == 8 * MIB


def test_padded_frames_are_counted_as_such(client, echo):
    """The padding takes room in the windows, and is given back with the rest."""
    from hyperframe.frame import DataFrame

    for _ in range(3):
        stream = client.begin()
        sent = message(echo)
        for at in range(len(sent)):
            piece = DataFrame(stream.number, sent[at : at + 1], pad_length=255, flags=["PADDED"])
            client.frame(piece)
        client.send(stream, b"", end=True)
        assert answer(client.wait(stream)).data("data") == b"hello"


# --- Compression.

PACK = {"gzip": gzip.compress, "deflate": zlib.compress, "identity": lambda data: data}


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
def test_compressed_message_is_unpacked(client, echo, coding):
    headers = {**GRPC, "grpc-encoding": coding}
    stream = client.ask(message(PACK[coding](echo), compressed=1), headers=headers)
    assert answer(stream).data("data") == b"hello"


@pytest.mark.parametrize("coding", ["gzip", "deflate", "identity"])
def test_message_that_is_not_compressed_is_taken_whatever_the_coding(client, echo, coding):
    stream = client.ask(message(echo), headers={**GRPC, "grpc-encoding": coding})
    assert answer(stream).data("data") == b"hello"


@pytest.mark.parametrize("coding", ["snappy", "GZIP"])
def test_unknown_coding_is_unimplemented_and_the_known_ones_are_told(client, echo, coding):
    stream = client.ask(message(echo, 1), headers={**GRPC, "grpc-encoding": coding})
    assert stream.grpc_status == UNIMPLEMENTED
    assert coding in stream.grpc_message
    assert "gzip" in stream.headers["grpc-accept-encoding"]


@pytest.mark.parametrize("coding", [None, "identity"])
def test_compressed_message_without_a_coding_is_internal(client, echo, coding):
    headers = GRPC if coding is None else {**GRPC, "grpc-encoding": coding}
    assert client.ask(message(gzip.compress(echo), 1), headers=headers).grpc_status == INTERNAL


@pytest.mark.parametrize(
    ("coding", "data"),
    [
        ("gzip", b"no gzip at all"),
        ("gzip", gzip.compress(b"x" * 1000)[:-4]),
        ("gzip", gzip.compress(b"x" * 1000)[:-8] + bytes(8)),  # Neither its sum nor its length.
        ("deflate", gzip.compress(b"x" * 1000)),
    ],
    # gzip writes the time: by default it would be in the test's name, and differ.
    ids=["no gzip", "cut", "wrong sum", "gzip for deflate"],
)
def test_message_that_cannot_be_unpacked_costs_its_call_only(client, echo, coding, data):
    stream = client.ask(message(data, 1), headers={**GRPC, "grpc-encoding": coding})
    assert not_answered(stream), stream
    assert stream.reset != REFUSED_STREAM  # That would be repeated by the client.
    assert still_serves(client, echo)


@pytest.mark.parametrize("accepts", [None, "identity", "snappy", "deflate, gzip"])
def test_answer_is_compressed_only_for_those_who_accept_it(shared, client, accepts):
    headers = GRPC if accepts is None else {**GRPC, "grpc-accept-encoding": accepts}
    sent = message(xsf_bytes(shared, do="size", bytes="100000"))
    stream = client.ask(sent, headers=headers)
    ((compressed, data),) = messages(stream.body)
    coding = stream.headers.get("grpc-encoding", "identity")
    assert coding == "identity" or coding in (accepts or "")
    if compressed:
        data = {"gzip": gzip.decompress, "deflate": zlib.decompress}[coding](data)
    assert b"x" * 100_000 in data


def test_answer_to_a_compressed_request_is_compressed(shared, client):
    """Where the client takes that: compressing for everybody who could would cost them more."""
    sent = gzip.compress(xsf_bytes(shared, do="size", bytes="100000"))
    headers = {**GRPC, "grpc-encoding": "gzip", "grpc-accept-encoding": "identity, gzip"}
    stream = client.ask(message(sent, 1), headers=headers)
    assert stream.headers["grpc-encoding"] == "gzip"
    ((compressed, data),) = messages(stream.body)
    assert compressed == 1
    assert len(data) < 10_000
    assert b"x" * 100_000 in gzip.decompress(data)


def test_streams_are_unpacked_message_by_message(shared, client):
    """Each message is compressed by itself, or not."""
    loader_input = shared.xsf.input(
        shared.xsf.payload("in", b"one", status="1"), state=0, params={"do": "echo"}
    )
    end = shared.xsf.input(shared.xsf.payload("in", b"two", status="2"), state=0)
    first, second = loader_input.SerializeToString(), end.SerializeToString()
    body = message(gzip.compress(first), 1) + message(second)
    stream = client.ask(body, path=STREAM, headers={**GRPC, "grpc-encoding": "gzip"})
    from loader_pb2 import LoaderOutput

    outputs = [LoaderOutput.FromString(data) for _, data in messages(stream.body)]
    assert [p.data for output in outputs for p in output.pl] == [b"one", b"two"]
    assert stream.grpc_status == OK
