# SPDX-License-Identifier: Apache-2.0
"""Calls of Client that fail, connections, retries, variants, keys, threads and forks."""

import base64
import http.server
import json
import logging
import os
import socket
import threading
import time

import pytest
from aiges.contracts.paddle import _wire
from aiges.contracts.paddle.client import _channel
from paddle_peer import UCI, answers, ok, price, refused
from paddle_serving_client import Client

FEED = {"x": [0.0] * 13}


def logged(caplog):
    return [record.getMessage() for record in caplog.records]


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def client_of(tmp_path, *endpoints):
    file = tmp_path / "c.prototxt"
    file.write_text(UCI)
    client = Client()
    client.load_client_config(str(file))
    if endpoints:
        client.connect(list(endpoints))
    return client


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ((refused(1003, "no such method"), b""), "error 1003: no such method"),
        ((refused(2001, ""), b""), "error 2001: no text"),
        ((ok(), b"\xff\xff\xff"), "expected a Response"),
        ((ok(), b""), "got none"),
        ((ok(), b"\x28\x88\x27\x32\x03bad"), "error 5000: bad"),  # 0.9: err_no 5, err_msg 6
        ((ok(), b"\x18\x88\x27\x22\x03bad"), "error 5000: bad"),  # 0.7: err_no 3, err_msg 4
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "begins with PRPC"),
    ],
)
def test_a_failed_call_is_none_and_one_line_in_the_log(connected, caplog, answer, said):
    client, peer = connected(UCI, lambda _frame: answer)
    assert client.predict(FEED, log_id=31) is None
    (line,) = logged(caplog)
    assert said in line and "log_id 31" in line
    assert len(peer.frames) == 1


def test_a_dead_server_is_none(tmp_path, caplog):
    port = free_port()
    client = client_of(tmp_path, f"127.0.0.1:{port}")
    assert client.predict(FEED, need_variant_tag=True) is None
    (line,) = logged(caplog)
    assert f"127.0.0.1:{port}" in line and "tried 3 times" in line


def test_a_server_that_is_silent_is_given_up_in_time(connected, caplog):
    release = threading.Event()
    client, _ = connected(UCI, lambda _frame: release.wait(5) and None)
    client.set_rpc_timeout_ms(80)
    began = time.monotonic()
    assert client.predict(FEED) is None
    assert time.monotonic() - began < 2
    release.set()
    assert "no answer within 80 ms" in logged(caplog)[0]


def test_an_answer_to_another_call_is_no_answer(connected, caplog):
    meta = ok()
    meta.correlation_id = 12345
    client, _ = connected(UCI, lambda _frame: (meta, price(1).SerializeToString()))
    assert client.predict(FEED) is None
    assert "got that to 12345" in logged(caplog)[0]


def test_a_connection_that_breaks_is_tried_again(connected):
    turns = iter([None, None, (ok(), price(4).SerializeToString())])
    client, peer = connected(UCI, lambda _frame: next(turns))
    assert client.predict(FEED)["price"].item() == 4
    assert len(peer.frames) == 3


def test_connections_are_kept_and_replaced_when_the_server_closed_them(connected):
    client, peer = connected(UCI, answers(price(1)))
    for _ in range(5):
        client.predict(FEED)
    assert peer.accepted == 1
    peer.drop()
    assert client.predict(FEED) is not None
    assert peer.accepted == 2
    client.release()
    with pytest.raises(ValueError, match="expected connect"):
        client.predict(FEED)


def test_calls_go_to_all_endpoints_and_past_a_dead_one(tmp_path, serve):
    peers = [serve(answers(price(1))) for _ in range(2)]
    dead = f"127.0.0.1:{free_port()}"
    with client_of(tmp_path, peers[0].endpoint, dead, peers[1].endpoint) as client:
        assert all(client.predict(FEED) is not None for _ in range(20))
    assert all(len(peer.frames) >= 5 for peer in peers)


def test_threads_share_a_client(connected):
    def handler(frame):
        request = _wire.v3().Request.FromString(frame.message)
        time.sleep(0.002)
        return ok(), price(request.tensor[0].float_data[0]).SerializeToString()

    client, peer = connected(UCI, handler)
    wrong = []

    def run(number):
        for _ in range(20):
            result = client.predict({"x": [float(number)] * 13})
            if result is None or result["price"].item() != number:
                wrong.append(number)

    threads = [threading.Thread(target=run, args=(at,)) for at in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert not wrong and len(peer.frames) == 160 and peer.accepted <= 8


def test_after_a_fork_the_child_has_connections_of_its_own(connected):
    client, peer = connected(UCI, answers(price(1)))
    client.predict(FEED)
    channel = client._variants[0].channel
    channel._process = os.getpid() + 1  # As if this were the child.
    assert client.predict(FEED) is not None
    assert peer.accepted == 2


def test_variants_get_calls_by_their_weight(tmp_path, serve):
    first, second = serve(answers(price(1))), serve(answers(price(2)))
    client = client_of(tmp_path)
    client.add_variant("a", [first.endpoint], 90)
    client.add_variant("b", [second.endpoint], 10)
    client.connect()
    seen = {"a": 0, "b": 0}
    for _ in range(200):
        result, tag = client.predict(FEED, need_variant_tag=True)
        assert result["price"].item() == {"a": 1, "b": 2}[tag]
        seen[tag] += 1
    assert 150 < seen["a"] < 200
    client.release()


def test_without_variants_there_is_a_tag_all_the_same(connected):
    client, _ = connected(UCI, answers(price(1)))
    result, tag = client.predict(FEED, need_variant_tag=True)
    assert (result["price"].item(), tag) == (1, "default_tag")


@pytest.mark.parametrize("endpoint", ["", "host", "host:", "host:0", "host:99999", ":80", "h:8o"])
def test_what_is_no_endpoint_is_refused(tmp_path, endpoint):
    with pytest.raises(ValueError, match="endpoints: expected"):
        client_of(tmp_path).connect([endpoint])


def test_an_ipv6_endpoint_has_brackets():
    assert _channel.endpoint_of("[::1]:9292") == ("::1", 9292)
    assert str(_channel.Channel(["[::1]:9292"])._endpoints[0]) == "[::1]:9292"


def test_times_of_a_call_go_to_stderr(tmp_path, serve, monkeypatch, capsys):
    monkeypatch.setenv("FLAGS_profile_client", "1")
    with client_of(tmp_path, serve(answers(price(1))).endpoint) as client:
        client.predict(FEED)
    out, err = capsys.readouterr()
    assert not out and err.startswith("PROFILE pid:") and "call:" in err


def test_wrong_settings_raise(tmp_path):
    client = client_of(tmp_path)
    for call in (
        lambda: client.set_rpc_timeout_ms(0),
        lambda: client.add_variant("a", ["h:1"], 0),
        lambda: client.connect([]),
        lambda: client.load_client_config(str(tmp_path / "none")),
        lambda: client.load_client_config([]),
        lambda: Client().connect(["h:1"]),
        lambda: Client(generation="0.5"),
    ):
        with pytest.raises(ValueError, match="expected"):
            call()


class Keeper(http.server.BaseHTTPRequestHandler):
    """Takes a key, and names the port of the service."""

    def do_POST(self):
        size = int(self.headers["Content-Length"])
        self.server.came.append((self.path, json.loads(self.rfile.read(size))))
        body = json.dumps(self.server.says).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments):
        pass


@pytest.fixture
def keeper():
    server = http.server.HTTPServer(("127.0.0.1", 0), Keeper)
    server.came, server.says = [], {}
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join(5)
    server.server_close()


def test_a_key_opens_the_service(tmp_path, keeper, serve):
    peer = serve(answers(price(3)))
    keeper.says = {"endpoint_list": [peer.port]}
    (tmp_path / "key").write_bytes(b"\x01\xffsecret")
    with client_of(tmp_path) as client:
        client.use_key(str(tmp_path / "key"))
        client.connect([f"127.0.0.1:{keeper.server_port}"], encryption=True)
        assert client.predict(FEED)["price"].item() == 3
    key = base64.b64encode(b"\x01\xffsecret").decode()
    assert keeper.came == [("/", {"key": key})]


def test_a_service_that_is_not_opened_raises(tmp_path, keeper):
    client = client_of(tmp_path)
    with pytest.raises(ValueError, match="expected use_key"):
        client.connect(["127.0.0.1:1"], encryption=True)
    (tmp_path / "key").write_bytes(b"k")
    client.use_key(str(tmp_path / "key"))
    keeper.says = {"message": "start serving failed"}
    with pytest.raises(Exception, match="is not served: start serving failed"):
        client.connect([f"127.0.0.1:{keeper.server_port}"], encryption=True)
    keeper.says = {"endpoint_list": ["9"]}
    with pytest.raises(Exception, match="no endpoint_list"):
        client.connect([f"127.0.0.1:{keeper.server_port}"], encryption=True)
    with pytest.raises(Exception, match="the key was not taken"):
        client.connect([f"127.0.0.1:{free_port()}"], encryption=True)


def test_messages_of_many_megabytes_go_and_come(tmp_path, serve):
    import numpy as np

    def handler(frame):
        request = _wire.v3().Request.FromString(frame.message)
        return ok(), price(*request.tensor[0].float_data[:1]).SerializeToString()

    with client_of(tmp_path, serve(handler).endpoint) as client:
        big = np.full((1 << 17, 13), 2.5, "float32")  # 6.8 MB
        assert client.predict({"x": big}, batch=True)["price"].item() == 2.5


def test_the_log_is_silent_when_calls_succeed(connected, caplog):
    caplog.set_level(logging.DEBUG)
    client, _ = connected(UCI, answers(price(1)))
    client.predict(FEED)
    assert not logged(caplog)
