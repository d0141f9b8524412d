# SPDX-License-Identifier: Apache-2.0
"""The messages by hand are those of protobuf, and hostile bytes are refused."""

import json
import random

import pytest
from aiges.contracts._options import flag
from aiges.contracts.aipod._data import decode, encode
from aiges.contracts.aipod._settings import listen_port, read_settings
from aiges.contracts.aipod._versions import version_problem
from aiges.contracts.aipod._wire import descriptor, framed_output, read_input
from aipod_host import COMPAT, ROOT
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory


@pytest.fixture(scope="module")
def messages():
    """(Input, Output) of protobuf, made of what describes ours."""
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(descriptor())
    names = ("ai.Input", "ai.Output")
    return [message_factory.GetMessageClass(pool.FindMessageTypeByName(n)) for n in names]


def test_descriptor_is_that_of_the_proto_file(tmp_path):
    from grpc_tools import protoc

    folder = COMPAT / "aipod" / "rpc" / "proto"
    out = tmp_path / "set"
    arguments = [f"-I{COMPAT}", f"--descriptor_set_out={out}", str(folder / "ai.proto")]
    assert protoc.main(["protoc", *arguments]) == 0
    made = descriptor_pb2.FileDescriptorSet.FromString(out.read_bytes()).file[0]
    ours = descriptor_pb2.FileDescriptorProto.FromString(descriptor())
    assert ours == made


@pytest.mark.parametrize("size", [0, 1, 127, 128, 70_000])
def test_input_of_protobuf_is_read(messages, size):
    given = {"kwargs_json": b"{}" * size, "version": "版本" * size, "binary_data": bytes(size)}
    assert read_input(messages[0](**given).SerializeToString())._asdict() == given


@pytest.mark.parametrize("size", [0, 1, 127, 128, 16_383, 16_384, 2_100_000])
def test_output_is_read_by_protobuf(messages, size):
    framed = framed_output(b"x" * size)
    assert framed[:1] == b"\0" and int.from_bytes(framed[1:5], "big") == len(framed) - 5
    assert messages[1].FromString(framed[5:]).data_json == b"x" * size


def test_random_bytes_are_taken_and_refused_as_by_protobuf(messages):
    from google.protobuf.message import DecodeError

    dice = random.Random(7)
    sound = messages[0](
        kwargs_json=b'{"a": 1}', version="v1", binary_data=b"12"
    ).SerializeToString()
    taken = 0
    for _ in range(4000):
        data = bytearray(sound + dice.randbytes(dice.randrange(6)))
        for _ in range(dice.randrange(4)):
            data[dice.randrange(len(data))] = dice.randrange(256)
        data = bytes(data[: dice.randrange(len(data) + 1)])
        try:
            theirs = messages[0].FromString(data)
        except DecodeError:
            with pytest.raises(ValueError):
                read_input(data)
            continue
        assert tuple(read_input(data)) == (theirs.kwargs_json, theirs.version, theirs.binary_data)
        taken += 1
    assert taken > 400


@pytest.mark.parametrize(
    "data",
    [
        b"\x0a\xff\xff\xff\xff\x0f",  # 4 GiB of what is not there.
        b"\x0a" + b"\xff" * 10 + b"\x01",  # A number without an end.
        b"\x23" * 100_000,  # Groups in groups.
        b"\xfb\xff\xff\xff\xff\x01",  # No number of a field.
    ],
)
def test_hostile_bytes_are_refused_at_once(data):
    with pytest.raises(ValueError):
        read_input(data)


def test_json_is_that_of_python():
    value = {"a": [1, None, 2.5, "中\u0000"], "b": (1, 2), 3: float("inf")}
    assert encode(value) == json.dumps(value).encode()
    assert decode(b'{"a": NaN}')["a"] != 0


def test_arrays_are_lists():
    numpy = pytest.importorskip("numpy")
    value = {"scores": numpy.array([[0.5, 1]]), "best": numpy.int64(3), "sure": numpy.bool_(True)}
    assert decode(encode(value)) == {"scores": [[0.5, 1.0]], "best": 3, "sure": True}
    with pytest.raises(TypeError, match="^Object of type set is not JSON serializable$"):
        encode({1})


@pytest.mark.parametrize("version", ["v1", "default", "a/b", "版本 1", "..a", "a..b", "-", " "])
def test_version_that_is_a_folder(version):
    assert version_problem(version) == ""


@pytest.mark.parametrize(
    "version",
    ["..", ".", "../x", "a/../b", "/etc", "a//b", "a/", "/", "a\0b", "a/.", ".aiges", "x/.aiges-1"],
)
def test_version_that_leads_elsewhere_is_refused(version):
    assert "version " in version_problem(version)


def test_environment_is_read_when_asked_for(monkeypatch):
    for name in ("MAX_WORKERS", "POOL_SIZE", "DATA_PATH"):
        monkeypatch.delenv(f"AIPOD_{name}", raising=False)
    monkeypatch.delenv("AIPOD_RPC_MAX_WORKERS", raising=False)
    monkeypatch.delenv("AIPOD_MODEL_POOL_SIZE", raising=False)
    monkeypatch.delenv("AIPOD_LISTEN_PORT", raising=False)
    assert read_settings() == (12, 1, None) and listen_port(0) == listen_port(None) == 50051
    monkeypatch.setenv("AIPOD_RPC_MAX_WORKERS", "3")
    monkeypatch.setenv("AIPOD_MODEL_POOL_SIZE", "-1")
    monkeypatch.setenv("AIPOD_DATA_PATH", "")
    monkeypatch.setenv("AIPOD_LISTEN_PORT", "6000")
    assert read_settings() == (3, -1, "") and (listen_port(0), listen_port(7)) == (6000, 7)
    monkeypatch.setenv("AIPOD_RPC_MAX_WORKERS", "")
    monkeypatch.setenv("AIPOD_LISTEN_PORT", "")
    assert read_settings().workers == 12 and listen_port(0) == 50051
    monkeypatch.setenv("AIPOD_MODEL_POOL_SIZE", "")
    with pytest.raises(ValueError, match="invalid literal for int"):
        read_settings()


def test_proto_file_is_where_clients_look_for_it():
    assert (ROOT / "compat/aipod/aipod/rpc/proto/ai.proto").is_file()


def test_json_has_the_words_of_python_for_what_it_cannot_hold():
    circle = []
    circle.append(circle)
    deep = []
    for _ in range(100_000):
        deep = [deep]
    for value in ({1}, b"x", {"a": object()}, {(1, 2): 3}, circle):
        with pytest.raises((TypeError, ValueError)) as theirs:
            json.dumps(value)
        with pytest.raises(theirs.type) as ours:
            encode(value)
        assert str(ours.value) == str(theirs.value)
    with pytest.raises(RecursionError):
        encode(deep)
    for data in (b"", b" ", b"{", b"1 2", b"\xef\xbb\xbf{}", b'{"a" 1}', b"[1,]", b"nul", b"\xff"):
        with pytest.raises(ValueError) as theirs:
            json.loads(data.decode("utf-8"))
        with pytest.raises(theirs.type) as ours:
            decode(data)
        assert str(ours.value) == str(theirs.value)
    for data in (b" {} ", b"\n[1, 2]\n", b"null", b'"\\ud800"', b"-0", b"1e5", b"Infinity"):
        assert decode(data) == json.loads(data)
    for value in ("text", 1, None, True, -0.0, float("inf"), [], {}, {None: 1, True: 2, 3.5: 4}):
        assert encode(value) == json.dumps(value).encode()


@pytest.mark.parametrize("word", ["true", "1", "yes", "on", "True"])
def test_debug_is_asked_for(word):
    assert flag({"debug": word}, "debug") is True


@pytest.mark.parametrize("config", [{}, *({"debug": word} for word in ("false", "0", "no", "off"))])
def test_debug_is_not_asked_for(config):
    assert flag(config, "debug") is False


def test_debug_that_is_neither_is_a_mistake():
    with pytest.raises(ValueError, match=r"^\[wrapper\] debug: expected true or false, got 'tru'$"):
        flag({"debug": "tru"}, "debug")
