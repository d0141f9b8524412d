# SPDX-License-Identifier: Apache-2.0
"""Frames of baidu_std and messages, against bytes written by hand from their numbers."""

import gzip
import random
import socket
import struct
import zlib

import paddle_peer
import pytest
from aiges.contracts.paddle import _prpc, _tensors, _wire

SERVICE = b"baidu.paddle_serving.predictor.general_model.GeneralModelService"
# request = 1 { service_name = 1, method_name = 2 }, correlation_id = 4
META = (
    b"\x0a" + bytes([2 + len(SERVICE) + 2 + 9])
    + b"\x0a" + bytes([len(SERVICE)]) + SERVICE
    + b"\x12\x09inference"
    + b"\x20\x01"
)  # fmt: skip
# tensor = 1 { float_data = 2, elem_type = 10, shape = 11, name = 13, alias_name = 14 }, packed
TENSOR = b"\x12\x08" + struct.pack("<2f", 1.5, -2) + b"\x50\x01\x5a\x02\x01\x02\x6a\x01x\x72\x01y"
REQUEST = b"\x0a" + bytes([len(TENSOR)]) + TENSOR + b"\x12\x05price" + b"\x20\x07"
# outputs = 1 { tensor = 1 { .. lod = 12 packed }, engine_name = 2 }
OUT = (
    b"\x12\x08"
    + struct.pack("<2f", 3, 4)
    + b"\x50\x01\x5a\x02\x02\x01\x62\x02\x00\x02\x72\x05price"
)
RESPONSE_INNER = b"\x0a" + bytes([len(OUT)]) + OUT + b"\x12\x10GeneralInferOp_0"
RESPONSE = b"\x0a" + bytes([len(RESPONSE_INNER)]) + RESPONSE_INNER
XY = paddle_peer.UCI.replace('alias_name: "x"', 'alias_name: "y"').replace("shape: 13", "shape: 2")


def plain_server(answer_to):
    """A server of one connection without any code of ours: what came is in the list."""
    server, came = socket.create_server(("127.0.0.1", 0)), []

    def serve():
        connection, _ = server.accept()
        with connection:
            head = connection.recv(12, socket.MSG_WAITALL)
            body = connection.recv(struct.unpack(">I", head[4:8])[0], socket.MSG_WAITALL)
            came.append(head + body)
            connection.sendall(answer_to)

    return server, came, serve


def test_a_client_sends_and_reads_frames_that_were_written_by_hand(tmp_path):
    import threading

    from paddle_serving_client import Client

    file = tmp_path / "client.prototxt"
    file.write_text(XY)
    # response = 2 { }, correlation_id = 4
    server, came, serve = plain_server(paddle_peer.golden(b"\x12\x00\x20\x01", RESPONSE))
    with server:
        thread = threading.Thread(target=serve)
        thread.start()
        with Client() as client:
            client.load_client_config(str(file))
            client.connect([f"127.0.0.1:{server.getsockname()[1]}"])
            result = client.predict({"y": [1.5, -2]}, ["price"], log_id=7)
        thread.join(5)
    assert came == [paddle_peer.golden(META, REQUEST)]
    assert result["price"].tolist() == [[3.0], [4.0]]
    assert result["price.lod"].tolist() == [0, 2]


def test_a_frame_by_hand_is_read_with_all_its_parts():
    body = paddle_peer.golden(META + b"\x28\x03", REQUEST + b"end")  # attachment_size = 5
    (frame,) = _prpc.Decoder().feed(body)
    assert frame.meta.request.service_name == SERVICE.decode() == _wire.SERVICE
    assert frame.meta.request.method_name == "inference" == _wire.METHOD
    assert frame.meta.correlation_id == 1
    assert (frame.message, frame.attachment) == (REQUEST, b"end")
    meta = _wire.frame().RpcMeta.FromString(META)
    assert b"".join(_prpc.pack(meta, REQUEST, b"end")) == body


def test_frames_come_whole_however_the_bytes_are_cut():
    stream = paddle_peer.golden(META, REQUEST) * 3
    for size in (1, 2, 7, 12, 13, 100, len(stream)):
        decoder, got = _prpc.Decoder(), []
        for at in range(0, len(stream), size):
            got += decoder.feed(stream[at : at + size])
        assert [frame.message for frame in got] == [REQUEST] * 3


@pytest.mark.parametrize(("kind", "pack"), [(2, gzip.compress), (3, zlib.compress)])
def test_a_compressed_message_is_read(kind, pack):
    frame = paddle_peer.golden(META + bytes([0x18, kind]), pack(REQUEST))
    assert _prpc.Decoder().feed(frame)[0].message == REQUEST
    assert _prpc.decompress(_prpc.compress(REQUEST, kind), kind) == REQUEST


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"HTTP/1.1 200 OK\r\n", "begins with PRPC"),
        (b"PRPC" + struct.pack(">II", 4, 5) + b"....", "RpcMeta inside"),
        (b"PRPC" + struct.pack(">II", 0xFFFFFFFF, 5), "at most 536870912 bytes"),
        (b"PRPC" + struct.pack(">II", 500 << 20, 400 << 20), "bytes of RpcMeta"),
        (paddle_peer.golden(b"\xff\xff\xff", b""), "expected RpcMeta"),
        (paddle_peer.golden(META + b"\x28\x09", b"short"), "attachment inside"),
        (paddle_peer.golden(META + b"\x18\x01", b"x"), "got snappy"),
        (paddle_peer.golden(META + b"\x18\x09", b"x"), "got compression 9"),
        (paddle_peer.golden(META + b"\x18\x02", b"x"), "compressed message"),
        (paddle_peer.golden(META + b"\x18\x02", gzip.compress(b"abc" * 99)[:-9]), "ends early"),
        (paddle_peer.golden(META + b"\x32\x02\x08\x01", b""), "a chunk"),
    ],
)
def test_what_is_no_frame_is_refused_with_its_reason(data, said):
    with pytest.raises(_prpc.FrameError, match=said):
        _prpc.Decoder().feed(data)


def test_a_message_that_grows_without_bound_is_refused():
    bomb = zlib.compress(bytes(4 << 20))
    with pytest.raises(_prpc.FrameError, match="at most 1048576 bytes after"):
        _prpc.decompress(bomb, _prpc.ZLIB, 1 << 20)


def test_random_bytes_end_in_frames_or_in_one_clear_error():
    random_ = random.Random(20260729)
    whole = paddle_peer.golden(META, REQUEST)
    for _ in range(3000):
        data = bytearray(whole * 2)
        for _ in range(random_.randrange(1, 6)):
            data[random_.randrange(len(data))] = random_.randrange(256)
        if random_.random() < 0.3:
            del data[random_.randrange(len(data)) :]
        decoder = _prpc.Decoder(most_body=1 << 16)
        try:
            for frame in decoder.feed(bytes(data)):
                assert len(frame.message) <= 1 << 16
        except _prpc.FrameError as fault:
            assert len(str(fault)) < 500


def test_random_messages_end_in_values_or_in_one_clear_error():
    random_ = random.Random(4)
    for _ in range(3000):
        data = bytearray(RESPONSE)
        for _ in range(random_.randrange(1, 5)):
            data[random_.randrange(len(data))] = random_.randrange(256)
        try:
            response = _wire.raw().Response.FromString(bytes(data))
        except Exception:
            continue  # protobuf's own refusal.
        for output in response.outputs:
            for tensor in output.tensor:
                try:
                    _tensors.read_v3(tensor)
                except ValueError as fault:
                    assert len(str(fault)) < 1000


def test_numbers_with_a_tag_each_are_read_as_packed_ones_are():
    unpacked = b"\x15" + struct.pack("<f", 3) + b"\x15" + struct.pack("<f", 4) + b"\x50\x01\x58\x02"
    tensor = _wire.raw().Tensor.FromString(unpacked)
    assert _tensors.read_v3(tensor).array.tolist() == [3.0, 4.0]


@pytest.mark.parametrize(
    ("flat", "levels"),
    [
        ([0, 3, 7], [[0, 3, 7]]),
        ([0, 2, 0, 3, 7], [[0, 2], [0, 3, 7]]),
        ([0, 0, 3], [[0, 0, 3]]),  # The first sequence is empty.
        ([0, 2, 0, 0, 5], [[0, 2], [0, 0, 5]]),
        ([], []),
    ],
)
def test_lod_on_the_wire_is_one_list_of_all_levels(flat, levels):
    assert _tensors.levels_of(flat) == levels
    assert _tensors.flat_of(levels) == flat


@pytest.mark.parametrize("flat", [[1, 2], [0, 3, 2], [-1]])
def test_offsets_that_fall_are_refused(flat):
    with pytest.raises(ValueError, match="begin with 0 and never fall"):
        _tensors.levels_of(flat)


def test_the_messages_are_in_no_pool_that_others_use():
    from google.protobuf import descriptor_pool

    _wire.v3(), _wire.v2(), _wire.frame(), _wire.conf()
    with pytest.raises(KeyError):
        descriptor_pool.Default().FindMessageTypeByName(
            "baidu.paddle_serving.predictor.general_model.Request"
        )


# What paddle-serving-client 0.9.0 sends, as it came in: predict of a row with log_id 7, of words
# with LoD, of three bytes, and of a text. Its meta says log_id = 0 and compress_type = 0, and its
# correlation ids are large.
RECORDED = {
    "row": (
        "50525043000000a6000000590a4f0a40",
        "65180018002082808080200a4212340000003f0000003f0000003f0000003f0000003f0000003f0000003f"
        "0000003f0000003f0000003f0000003f0000003f0000003f50015a02010d6a0178720178120570726963652007",
        [0.5] * 13,
    ),
    "words": (
        "5052504300000083000000590a4f0a40",
        "65180018002082808080600a1c0a0408e901345a020301620200036a05776f7264737205776f726473120a70"
        "726564696374696f6e",
        [8, 233, 52],
    ),
    "bytes": (
        "50525043000000730000005a0a4f0a40",
        "6518001800208280808080010a1050075a01036a01787201787a030102ff12057072696365",
        [1, 2, 255],
    ),
    "text": (
        "50525043000000810000005a0a4f0a40",
        "65180018002082808080a0010a194a0361626350145a0affffffffffffffffff016a0174720174120a707265"
        "64696374696f6e",
        [b"abc"],
    ),
}


@pytest.mark.parametrize("name", RECORDED)
def test_what_the_original_client_sends_is_read(name):
    head, rest, values = RECORDED[name]
    stream = bytes.fromhex(head) + SERVICE + b"\x12\x09inferenc" + bytes.fromhex(rest)
    (frame,) = _prpc.Decoder().feed(stream)
    assert frame.meta.request.service_name == _wire.SERVICE
    request = _wire.raw().Request.FromString(frame.message)
    value = _tensors.read_v3(request.tensor[0])
    assert list(value.array.ravel() if name != "text" else value.array) == values
    assert value.lod == ([[0, 3]] if name == "words" else [])
    assert request.log_id == (7 if name == "row" else 0)


def test_our_client_sends_the_same_messages_as_the_original(tmp_path):
    import numpy as np
    from aiges.contracts.paddle import _conf, _feed
    from aiges.contracts.paddle.client import _answers

    for name, text, feed in (
        ("row", paddle_peer.UCI, {"x": [0.5] * 13}),
        ("words", paddle_peer.IMDB, {"words": np.array([[8], [233], [52]]), "words.lod": [0, 3]}),
    ):
        conf = _conf.read_text(text)
        values = _feed.values_of(conf, feed, name == "words")
        fetch = [conf.fetches[0].alias]
        message = _answers.write_request("0.9", values, fetch, 7 if name == "row" else 0)
        assert bytes.fromhex(RECORDED[name][1]).endswith(message)


def test_a_request_of_0_6_by_hand():
    # Tensor { int64_data = 3, elem_type = 5, shape = 6, lod = 7 }, each number with its tag.
    tensor = b"\x18\x08\x18\xe9\x01\x28\x00\x30\x02\x30\x01\x38\x00\x38\x02"
    inst = b"\x0a" + bytes([len(tensor)]) + tensor
    message = b"\x0a" + bytes([len(inst)]) + inst + b"\x12\x0aprediction\x18\x00\x20\x00"
    from aiges.contracts.paddle import _conf, _feed
    from aiges.contracts.paddle.client import _answers

    values = _feed.values_of(_conf.read_text(paddle_peer.IMDB), {"words": [8, 233]}, False)
    assert _answers.write_request("0.6", values, ["prediction"], 0) == message
    for sent in (message, message[:-4]):  # Old clients may leave out what is 0.
        request = _wire.v2().Request.FromString(sent)
        (read,) = request.insts[0].tensor_array
        value = _tensors.read_v2(read, "words", "words", 0)
        assert (value.array.tolist(), value.lod) == ([[8], [233]], [[0, 2]])
        assert (request.profile_server, request.log_id) == (False, 0)


@pytest.mark.filterwarnings("ignore:.*escape:DeprecationWarning")  # protobuf reads "\\_" so.
def test_random_prototxt_ends_in_a_configuration_or_in_one_clear_error():
    from aiges.contracts.paddle import _conf

    random_, text = random.Random(11), paddle_peer.UCI + paddle_peer.IMDB
    for _ in range(500):
        data = list(text)
        for _ in range(random_.randrange(1, 4)):
            data[random_.randrange(len(data))] = random_.choice('{}:"\\x9-\n\0 ')
        try:
            _conf.read_text("".join(data), "file")
        except ValueError as fault:
            assert str(fault).startswith("file: ") and "expected" in str(fault)
            assert len(str(fault)) < 500
