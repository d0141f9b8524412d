# SPDX-License-Identifier: Apache-2.0
"""Our SeldonClient where servers want certificates, or answer with what is no HTTP."""

import contextlib
import http.server
import socket
import ssl
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest
from certificates import Authority
from seldon_core.proto import prediction_pb2, prediction_pb2_grpc
from seldon_core.seldon_client import (
    SeldonChannelCredentials,
    SeldonClient,
    SeldonClientException,
)


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def server(authority):
    return authority.issue("server")


class Echo(prediction_pb2_grpc.SeldonServicer):
    def Predict(self, request, context):
        return prediction_pb2.SeldonMessage(strData=request.strData)


@pytest.fixture(scope="module")
def grpc_address(authority, server):
    """A server that serves clients with a certificate only."""
    own = grpc.server(ThreadPoolExecutor(2))
    prediction_pb2_grpc.add_SeldonServicer_to_server(Echo(), own)
    pair = (server.key.read_bytes(), server.cert.read_bytes())
    terms = grpc.ssl_server_credentials([pair], authority.file.read_bytes(), True)
    port = own.add_secure_port("127.0.0.1:0", terms)
    own.start()
    yield f"127.0.0.1:{port}"
    own.stop(None).wait(10)


class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def rest_address(authority, server):
    """The same over HTTP."""
    own = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    own.handle_error = lambda *_: None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(authority.file))
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_cert_chain(*server.pair)
    own.socket = context.wrap_socket(own.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=own.serve_forever)
    thread.start()
    yield f"127.0.0.1:{own.server_address[1]}"
    own.shutdown()
    own.server_close()
    thread.join()


@pytest.fixture(params=["rest", "grpc"])
def asked(request):
    """asked(credentials): what a call of a gateway that wants a certificate brings."""
    address = request.getfixturevalue(f"{request.param}_address")

    def ask(**files):
        given = {name: str(file) for name, file in files.items()}
        return SeldonClient(
            gateway="seldon",
            transport=request.param,
            gateway_endpoint=address,
            ssl=True,
            channel_credentials=SeldonChannelCredentials(**given),
        ).predict(str_data="a")

    return ask


def test_a_client_shows_its_certificate(asked, authority, tmp_path):
    own = authority.issue("client")
    both = tmp_path / "both.pem"
    both.write_bytes(own.cert.read_bytes() + own.key.read_bytes())
    root = {"root_certificates_file": authority.file}
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always", ResourceWarning)
        done = asked(**root, certificate_chain_file=own.cert, private_key_file=own.key)
    assert done.success and done.response["strData"] == "a", done
    assert not [each for each in warned if "unclosed file" in str(each.message)]
    assert asked(**root, certificate_chain_file=both).success
    assert not asked(**root).success


def test_files_that_are_not_there_are_told(asked, authority):
    missing = asked(root_certificates_file="/nowhere.pem")
    assert not missing.success and "No such file" in missing.msg
    with pytest.raises(SeldonClientException, match="expected certificate_chain_file"):
        asked(root_certificates_file=authority.file, private_key_file=authority.file)


@pytest.mark.parametrize(
    "answer",
    [b"nonsense\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{}", b""],
)
def test_an_answer_that_is_none_is_no_success(answer):
    with socket.create_server(("127.0.0.1", 0)) as own:
        own.settimeout(20)

        def serve():
            with contextlib.closing(own.accept()[0]) as connection:
                connection.settimeout(20)
                connection.recv(1 << 16)
                connection.sendall(answer)
                connection.shutdown(socket.SHUT_WR)
                while connection.recv(1 << 16):  # The rest of the request, and its end.
                    pass

        thread = threading.Thread(target=serve)
        thread.start()
        address = f"127.0.0.1:{own.getsockname()[1]}"
        done = SeldonClient(gateway="seldon", gateway_endpoint=address).predict(json_data={})
        thread.join()
    assert not done.success and done.response is None and done.msg
