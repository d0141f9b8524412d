# SPDX-License-Identifier: Apache-2.0
"""A servicer for clients of baidu_std (brpc), on the port that speaks HTTP and gRPC, too."""

import gzip
import os
import signal
import socket
import struct
import zlib

import pytest
from tried import message, served
from waiting import wait_until

HEAD = struct.Struct("!4sII")
SERVICE = b"tryout.Tryout"


def varint(number):
    out = b""
    while number > 0x7F:
        out, number = out + bytes([number & 0x7F | 0x80]), number >> 7
    return out + bytes([number])


def field(number, value):
    if isinstance(value, int):
        return varint(number << 3) + varint(value & (1 << 64) - 1)
    return varint(number << 3 | 2) + varint(len(value)) + value


def fields(data):
    """{number: value} of a message."""
    found, at = {}, 0

    def read():
        nonlocal at
        number = shift = 0
        while True:
            byte = data[at]
            at, number, shift = at + 1, number | (byte & 0x7F) << shift, shift + 7
            if byte < 0x80:
                return number

    while at < len(data):
        tag = read()
        value = read()
        if tag & 7 == 2:
            value, at = data[at : at + value], at + value
        found[tag >> 3] = value
    return found


class Client:
    def __init__(self, address):
        host, _, port = address.rpartition(":")
        self.socket = socket.create_connection((host, int(port)), timeout=30)

    def send(self, data, number=1, method=b"Once", service=SERVICE, **more):
        request = field(1, service) + field(2, method)
        if "timeout_ms" in more:
            request += field(8, more["timeout_ms"])
        meta = field(1, request) + field(4, number)
        if "compress" in more:
            meta += field(3, more["compress"])
        self.socket.sendall(HEAD.pack(b"PRPC", len(meta) + len(data), len(meta)) + meta + data)

    def read(self, size):
        got = b""
        while len(got) < size:
            piece = self.socket.recv(size - len(got))
            if not piece:
                raise EOFError
            got += piece
        return got

    def receive(self):
        """(number of the call, error code, error text, message)"""
        magic, body, meta_size = HEAD.unpack(self.read(12))
        assert magic == b"PRPC"
        data = self.read(body)
        meta = fields(data[:meta_size])
        error = fields(meta[2])
        return meta[4], error.get(1, 0), error.get(2, b"").decode(), data[meta_size:]

    def ask(self, task, data=b"", count=0, **more):
        self.send(message(task, data, count).SerializeToString(), **more)
        return self.receive()

    def close(self):
        self.socket.close()


def said(data):
    return __import__("tryout_pb2").Said.FromString(data)


@pytest.fixture(scope="module", params=["sync", "aio"])
def loader(request, binaries, tmp_path_factory, tryout_stubs):
    folder = tmp_path_factory.mktemp("loader")
    with served(binaries, folder, tryout_stubs, request.param) as loader:
        yield loader


@pytest.fixture(params=["grpc", "http"])
def client(request, loader):
    client = Client(getattr(loader, request.param))
    yield client
    client.close()


@pytest.mark.parametrize("size", [0, 1, 5000, 100_000, 5_000_000])
def test_a_message_of_any_size_comes_and_goes(client, size):
    number, code, text, answer = client.ask("echo", b"x" * size, 7, number=(1 << 40) + 3)
    assert (number, code, text) == ((1 << 40) + 3, 0, "")
    assert said(answer).data == b"x" * size and said(answer).count == 7


def test_a_thousand_calls_one_behind_the_other(client):
    for number in range(1, 1001):
        client.send(message("echo", b"%d" % number).SerializeToString(), number)
    answers = dict(
        (number, answer) for number, _, _, answer in (client.receive() for _ in range(1000))
    )
    assert {number: said(answer).data for number, answer in answers.items()} == {
        number: b"%d" % number for number in range(1, 1001)
    }


@pytest.mark.parametrize(("kind", "pack"), [(2, gzip.compress), (3, zlib.compress)])
def test_packed_messages_are_unpacked(client, kind, pack):
    client.send(pack(message("echo", b"x" * 10_000).SerializeToString()), compress=kind)
    assert said(client.receive()[3]).data == b"x" * 10_000


def test_errors_have_numbers_of_brpc(client):
    number, code, text, answer = client.ask("echo", method=b"Nothing", number=5)
    assert (number, code, answer) == (5, 1002, b"")
    assert text == "Method not found!"  # As grpcio says it.
    assert client.ask("echo", service=b"no.Such")[1] == 1002
    assert client.ask("time", timeout_ms=20_000)[1] == 0
    assert client.ask("echo", b"still here")[1] == 0


def test_bytes_that_are_no_frame_end_the_connection(client):
    client.ask("echo")
    client.socket.sendall(b"PRPC" + b"\xff" * 100)
    with pytest.raises((EOFError, ConnectionResetError)):
        client.receive()


def test_a_client_that_leaves_is_no_trouble(loader, client):
    client.send(message("echo", b"x" * 1000).SerializeToString()[:100] + b"y" * 10)
    client.close()
    other = Client(loader.grpc)
    assert other.ask("echo", b"z")[1] == 0
    other.close()


def test_the_death_of_the_worker_is_an_answer(binaries, tmp_path, tryout_stubs):
    with served(binaries, tmp_path / "loader", tryout_stubs, "sync") as loader:
        client = Client(loader.grpc)
        client.send(message("wait", b"never").SerializeToString())
        wait_until(lambda: loader.metric("aiges_in_flight") == 1, "the call in hand")
        os.kill(loader.workers()[0], signal.SIGKILL)
        _, code, text, _ = client.receive()
        assert code == 2003 and "died" in text
        wait_until(lambda: client.ask("echo", b"z")[1] == 0, "another worker")
        client.send(message("echo", b"z").SerializeToString())
        loader.stop()
        client.close()
