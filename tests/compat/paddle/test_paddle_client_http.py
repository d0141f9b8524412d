# SPDX-License-Identifier: Apache-2.0
"""HttpClient: JSON, proto and gRPC, compression, headers, failures."""

import gzip
import http.server
import json
import logging
import threading
from concurrent import futures

import numpy as np
import pytest
from aiges.contracts.paddle import _wire
from paddle_peer import IMDB, UCI, price
from paddle_serving_client import HttpClient

FEED = {"x": [0.5] * 13}
PAIR = """
feed_var { name: "a_0" alias_name: "a" feed_type: 1 shape: 2 }
feed_var { name: "b_0" alias_name: "b" feed_type: 0 shape: 1 }
fetch_var { name: "c" alias_name: "c" fetch_type: 1 shape: 1 }
"""


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        server = self.server
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        server.came.append((self.path, dict(self.headers), body))
        status, kind, content = server.says
        self.send_response(status)
        if kind:
            self.send_header("Content-Type", kind)
        if server.packs:
            content = gzip.compress(content)
            self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
        if server.closes:
            self.close_connection = True

    def setup(self):
        super().setup()
        self.server.connections += 1

    def log_message(self, *_arguments):
        pass


@pytest.fixture
def service():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.came, server.packs, server.closes, server.connections = [], False, False, 0
    server.says = (200, "application/proto", price(18.5).SerializeToString())
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join(5)
    server.server_close()


@pytest.fixture
def client(tmp_path, service):
    made = client_of(tmp_path, UCI)
    made.connect([f"127.0.0.1:{service.server_port}"])
    yield made
    made.release()


def client_of(tmp_path, text):
    (tmp_path / "c.prototxt").write_text(text)
    made = HttpClient()
    made.load_client_config(str(tmp_path / "c.prototxt"))
    return made


def test_proto_is_what_it_speaks_at_first(client, service):
    result = client.predict(FEED, ["price"], log_id=3)
    assert result.outputs[0].tensor[0].float_data[0] == 18.5
    path, headers, body = service.came[0]
    assert path == "/GeneralModelService/inference"
    assert headers["Content-Type"] == "application/proto"
    request = _wire.v3().Request.FromString(body)
    assert (list(request.fetch_var_names), request.log_id) == (["price"], 3)
    assert list(request.tensor[0].shape) == [1, 13]


def test_json_has_the_names_of_the_messages(client, service):
    service.says = (200, "application/json", b'{"outputs":[]}')
    client.set_http_proto(False)
    assert client.predict(FEED, "price") == {"outputs": []}
    _, headers, body = service.came[0]
    assert headers["Content-Type"] == "application/json"
    assert json.loads(body) == {
        "tensor": [
            {
                "float_data": [0.5] * 13,
                "elem_type": 1,
                "shape": [1, 13],
                "name": "x",
                "alias_name": "x",
            }
        ],
        "fetch_var_names": ["price"],
        "log_id": 0,
    }


def test_json_of_lod_and_of_bytes(tmp_path, service):
    service.says = (200, "application/json", b"{}")
    made = client_of(tmp_path, IMDB)
    made.connect([f"127.0.0.1:{service.server_port}"])
    made.set_http_proto(False)
    assert made.predict({"words": [8, 233]}) == {}
    tensor = json.loads(service.came[0][2])["tensor"][0]
    assert (tensor["int64_data"], tensor["lod"], tensor["shape"]) == ([8, 233], [0, 2], [2, 1])
    text = UCI.replace("shape: 13", "shape: 1")
    for kind, value, field in ((20, "ab", ["ab"]), (7, [255], "/w=="), (5, [1.0], "ADw=")):
        (tmp_path / "c.prototxt").write_text(text.replace("feed_type: 1", f"feed_type: {kind}"))
        made.load_client_config(str(tmp_path / "c.prototxt"))
        made.predict({"x": value})
        tensor = json.loads(service.came[-1][2])["tensor"][0]
        assert tensor["data" if kind == 20 else "tensor_content"] == field
    (tmp_path / "c.prototxt").write_text(text.replace("feed_type: 1", "feed_type: 20"))
    made.load_client_config(str(tmp_path / "c.prototxt"))
    with pytest.raises(ValueError, match="text in UTF-8"):
        made.predict({"x": b"\xff"})
    with pytest.raises(ValueError, match="numbers that JSON has"):
        (tmp_path / "c.prototxt").write_text(text)
        made.load_client_config(str(tmp_path / "c.prototxt"))
        made.predict({"x": [float("nan")]})
    made.release()


def test_the_type_of_the_answer_says_how_it_is_read(client, service):
    service.says = (200, "application/proto; charset=utf-8", b'{"a": 1}')
    assert client.predict(FEED) == {"a": 1}


def test_compression_both_ways(client, service):
    client.set_request_compress(True)
    client.set_response_compress(True)
    service.packs = True
    assert client.predict(FEED).outputs[0].engine_name == "GeneralInferOp_0"
    headers = service.came[0][1]
    assert (headers["Content-Encoding"], headers["Accept-Encoding"]) == ("gzip", "gzip")


def test_headers_and_path_of_the_user(tmp_path, service, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    made = HttpClient("127.0.0.1", str(service.server_port), "/other/inference")
    (tmp_path / "c.prototxt").write_text(UCI)
    made.load_client_config([str(tmp_path / "c.prototxt")])
    made.add_http_headers({"X-Key": "abc"})
    assert made.predict(FEED) is not None  # The proxy of the environment is not asked.
    path, headers, _ = service.came[0]
    assert (path, headers["X-Key"]) == ("/other/inference", "abc")
    made.release()


def test_connections_are_kept_and_replaced_when_closed(client, service):
    for _ in range(3):
        client.predict(FEED)
    assert service.connections == 1
    service.closes = True
    for _ in range(3):
        assert client.predict(FEED) is not None
    assert service.connections >= 3


@pytest.mark.parametrize(
    ("says", "said"),
    [
        ((500, "text/plain", b"[E-5000]input missing"), "HTTP 500: .E-5000.input missing"),
        ((200, "application/proto", b"\xff\xff"), "expected a Response"),
        ((200, "text/html", b"<html>"), "expected JSON, got text/html"),
        ((200, None, b""), "expected JSON, got no type"),
    ],
)
def test_a_failed_call_is_none_and_one_line_in_the_log(client, service, caplog, says, said):
    service.says = says
    assert client.predict(FEED) is None
    (record,) = caplog.records
    import re

    assert re.search(said, record.getMessage())


def test_a_dead_or_silent_server_is_none(tmp_path, caplog):
    import socket

    caplog.set_level(logging.ERROR)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        made = client_of(tmp_path, UCI)
        made.connect([f"127.0.0.1:{port}"])
        made.set_timeout_ms(50)
        assert made.predict(FEED) is None
    assert made.predict(FEED) is None
    assert len(caplog.records) == 2


@pytest.mark.parametrize(
    ("text", "feed"),
    [
        (PAIR, [np.array([1, 2], "float32"), [7]]),
        (PAIR, {"a": [1, 2], "b": [7]}),
        (PAIR, {"a_0": (1, 2), "b_0": np.array([7])}),
    ],
)
def test_one_item_for_each_variable(tmp_path, service, text, feed):
    made = client_of(tmp_path, text)
    made.connect([f"127.0.0.1:{service.server_port}"])
    made.predict(feed)
    a, b = _wire.v3().Request.FromString(service.came[0][2]).tensor
    assert (a.name, a.alias_name, list(a.float_data)) == ("a_0", "a", [1, 2])
    assert (b.name, list(b.int64_data), list(b.shape)) == ("b_0", [7], [1, 1])
    made.release()


def test_a_wrong_feed_raises(client, service):
    with pytest.raises(ValueError, match="Wrong feed name: y"):
        client.predict({"y": [1]})
    with pytest.raises(ValueError, match="expected True or False"):
        client.set_http_proto("yes")
    with pytest.raises(ValueError, match="milliseconds"):
        client.set_timeout_ms(0.5)
    assert not service.came


@pytest.fixture
def grpc_service():
    grpc = pytest.importorskip("grpc")
    came = []

    def inference(request, context):
        came.append((request, dict(context.invocation_metadata())))
        if request.log_id == 5:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, "input missing")
        return price(request.tensor[0].float_data[0])

    handler = grpc.method_handlers_generic_handler(
        _wire.SERVICE,
        {
            "inference": grpc.unary_unary_rpc_method_handler(
                inference,
                _wire.v3().Request.FromString,
                lambda message: message.SerializeToString(),
            )
        },
    )
    server = grpc.server(futures.ThreadPoolExecutor(2))
    server.add_generic_rpc_handlers((handler,))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield port, came
    server.stop(None)


def test_limits_and_the_path_can_be_set(client, service, caplog):
    client.set_service_name("GeneralModelService/debug")
    assert client.predict(FEED) is not None
    assert service.came[0][0] == "/GeneralModelService/debug"
    client.set_max_body_size(40)
    assert client.predict(FEED) is None
    assert "a request of 75 bytes, set_max_body_size allows 40" in caplog.records[0].getMessage()
    assert len(service.came) == 1


def test_grpc_when_it_is_asked_for(tmp_path, grpc_service, caplog):
    port, came = grpc_service
    made = client_of(tmp_path, UCI)
    made.connect([f"127.0.0.1:{port}"])
    assert made.grpc_client_predict(FEED, "price").outputs[0].tensor[0].float_data[0] == 0.5
    came.clear()
    made.set_use_grpc_client(True)
    made.add_http_headers({"X-Key": "abc"})
    assert made.predict(FEED, "price").outputs[0].tensor[0].float_data[0] == 0.5
    assert came[0][1]["x-key"] == "abc"
    assert made.predict(FEED, log_id=5) is None
    assert "gRPC INVALID_ARGUMENT: input missing" in caplog.records[0].getMessage()
    made.release()
