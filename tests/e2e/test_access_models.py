# SPDX-License-Identifier: Apache-2.0
"""Whoever may call one model of several may call that one, whatever proves who it is and whatever
protocol it speaks."""

import http.client
import json
import ssl

import grpc
import pytest
from certificates import Authority, tls
from loader_process import Loader
from signers import GatewaySigner, TokenSigner, jwks
from test_access import line
from test_models import write_model
from tritonclient.grpc import service_pb2
from waiting import wait_until
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect
from xsf_client import UNLIMITED, XsfClient

APPLICATION = """
async def app(scope, receive, send):
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"bob"})
"""
CHAT = "def chat(messages):\n    yield NAME\n"
MAY = "call:alice"
DENIED = grpc.StatusCode.PERMISSION_DENIED
KINDS = ("key", "token", "signature", "certificate")


class Asker:
    """One client of the loader, with one kind of proof."""

    def __init__(self, loader, kind, signer, authority=None, certificate=None):
        self.loader, self.kind, self.signer = loader, kind, signer
        self.gateway = GatewaySigner("app", "app-secret")
        self.context, credentials = None, None
        if certificate:
            self.context = ssl.create_default_context(cafile=authority.file)
            self.context.load_cert_chain(*certificate.pair)
            files = (authority.file, certificate.key, certificate.cert)
            credentials = grpc.ssl_channel_credentials(*(file.read_bytes() for file in files))
        self.channel = (
            grpc.secure_channel(loader.grpc, credentials, options=UNLIMITED)
            if credentials
            else grpc.insecure_channel(loader.grpc, options=UNLIMITED)
        )

    def close(self):
        self.channel.close()

    def proof(self, method, path, host):
        if self.kind == "key":
            return {"Authorization": "Bearer k-alice"}
        if self.kind == "token":
            return {"Authorization": f"Bearer {self.signer.sign({'scope': MAY})}"}
        if self.kind == "signature":
            return self.gateway.headers(host, method, path)
        return {}

    def http(self, path, body):
        """The status of a POST, and its text."""
        host, _, port = self.loader.http.rpartition(":")
        if self.context:
            link = http.client.HTTPSConnection(host, int(port), timeout=60, context=self.context)
        else:
            link = http.client.HTTPConnection(host, int(port), timeout=60)
        headers = {**self.proof("POST", path, self.loader.http), "Content-Type": "application/json"}
        link.request("POST", path, json.dumps(body), headers)
        answer = link.getresponse()
        text = answer.read().decode()
        link.close()
        return answer.status, text

    def websocket(self, path):
        scheme = "wss" if self.context else "ws"
        headers = self.proof("GET", path, self.loader.http)
        headers.pop("Host", None)  # The client's own.
        try:
            with connect(
                f"{scheme}://{self.loader.http}{path}",
                additional_headers=headers,
                ssl=self.context,
                open_timeout=60,
            ):
                return 101, ""
        except InvalidStatus as refused:
            return refused.response.status_code, refused.response.body.decode()

    def grpc(self, path, message, stream=False):
        """The code of a call, and its text or its answer's bytes."""
        fields = self.proof("POST", path, self.loader.grpc)
        metadata = [(name.lower(), value) for name, value in fields.items() if name != "Host"]
        text = message.SerializeToString()
        try:
            if stream:
                call = self.channel.stream_stream(path)(iter([text]), 60, metadata=metadata)
                return grpc.StatusCode.OK, b"".join(call).decode(errors="replace")
            answer = self.channel.unary_unary(path)(text, timeout=60, metadata=metadata)
            return grpc.StatusCode.OK, answer.decode(errors="replace")
        except grpc.RpcError as error:
            return error.code(), error.details()


@pytest.fixture(scope="module")
def askers(binaries, tmp_path_factory, xsf_stubs):
    """kind -> Asker, who may call alice and not bob."""
    folder = tmp_path_factory.mktemp("askers")
    for name in ("alice", "bob"):
        write_model(folder / "models", name, wrapper=CHAT)
    signer = TokenSigner(folder)
    authority = Authority(folder / "ca")
    files = {"keys": line("alice", "k-alice", MAY), "hmac": f"app app-secret {MAY}\n"}
    files |= {"jwks": jwks(signer), "names": f"URI:spiffe://cluster/alice {MAY}\n"}
    for name, text in files.items():
        (folder / name).write_text(text)
    access = {
        "keys_file": str(folder / "keys"),
        "jwks": str(folder / "jwks"),
        "hmac_file": str(folder / "hmac"),
    }
    models = {"repository": str(folder / "models")}
    mutual = tls(authority.issue("server"), client_ca=str(authority.file))
    names = {"certificates_file": str(folder / "names")}
    own = authority.issue("client", "URI:spiffe://cluster/alice", subject=None)
    plain = Loader(binaries, folder / "plain", config={"models": models, "access": access})
    secure = Loader(
        binaries,
        folder / "secure",
        config={"models": models, "access": {**access, **names}, "tls": mutual},
    )
    with plain, secure:
        made = {kind: Asker(plain, kind, signer) for kind in KINDS[:3]}
        made["certificate"] = Asker(secure, "certificate", signer, authority, own)
        yield made
        for asker in made.values():
            asker.close()


@pytest.fixture(params=KINDS)
def asker(request, askers):
    return askers[request.param]


def assert_denied(asker, status, text):
    assert status == 403, (status, text)
    assert f"the {asker.kind} of " in text
    assert "may not call bob" in text


def test_paths_of_http(asker):
    message = {"role": "user", "content": "hi"}
    tensor = {"name": "x", "datatype": "BYTES", "shape": [1], "data": ["hi"]}
    for path, body in (
        ("/v1/raw/{}", {}),
        ("/v1/json/{}", {}),
        ("/v1/private/{}", {"header": {"app_id": "a", "status": 3}}),
        ("/v2/models/{}/infer", {"inputs": [tensor]}),
        ("/v2/models/{}/generate", {"text_input": "hi"}),
        ("/v1/models/{}:predict", {"instances": ["hi"]}),
        ("/m/{}/predict", {}),
    ):
        status, text = asker.http(path.format("alice"), body)
        assert status not in (401, 403), (path, text)
        assert_denied(asker, *asker.http(path.format("bob"), body))
    for path, body in (("chat/completions", {"messages": [message]}),):
        status, text = asker.http(f"/v1/{path}", {"model": "alice", **body})
        assert (status, "alice" in text) == (200, True), text
        assert_denied(asker, *asker.http(f"/v1/{path}", {"model": "bob", **body}))


PREDICT = """
def predict(name: str) -> str:
    return f"{NAME} {name}"
"""


@pytest.mark.parametrize("engine", ["typed", "application"])
def test_paths_of_the_default_model_name_none(binaries, tmp_path, engine):
    """So it is asked where they begin whether it may be called."""
    write_model(tmp_path / "models", "alice", wrapper=CHAT)
    folder = write_model(tmp_path / "models", "bob", wrapper=PREDICT)
    if engine == "application":
        (folder / "wrapper.py").unlink()
        (folder / "main.py").write_text(APPLICATION)
        (folder.parent / "model.toml").write_text('contract = "asgi"\napp = "main:app"\n')
    (tmp_path / "keys").write_text(line("alice", "k-alice", MAY) + line("bob", "k-bob", "call:bob"))
    config = {
        "models": {"repository": str(tmp_path / "models"), "default": "bob"},
        "access": {"keys_file": str(tmp_path / "keys")},
    }
    path, body = ("/predict", {"name": "x"}) if engine == "typed" else ("/x", {})
    with Loader(binaries, tmp_path / "loader", config=config) as loader:

        def ask(key, path):
            sent = {"Content-Type": "application/json", "Authorization": f"Bearer {key}"}
            return loader.web.request("POST", path, json.dumps(body), sent)

        answer = wait_until(lambda: (a := ask("k-bob", path)).status == 200 and a, "the model")
        assert b"bob" in answer.body
        for place in (path, f"/m/bob{path}"):
            refused = ask("k-alice", place)
            assert (refused.status, "may not call bob" in refused.body.decode()) == (403, True)


def test_websockets(asker):
    assert asker.websocket("/v1/private/alice")[0] == 101
    assert_denied(asker, *asker.websocket("/v1/private/bob"))


def test_open_inference_by_grpc(asker):
    service = "/inference.GRPCInferenceService"
    for method, stream in (("ModelInfer", False), ("ModelStreamInfer", True)):
        results = {}
        for name in ("alice", "bob"):
            request = service_pb2.ModelInferRequest(model_name=name)
            tensor = request.inputs.add(name="x", datatype="BYTES", shape=[1])
            tensor.contents.bytes_contents.append(b"hi")
            results[name] = asker.grpc(f"{service}/{method}", request, stream)
        assert "may not call" not in results["alice"][1], results
        assert results["alice"][0] != DENIED
        code, text = results["bob"]
        assert stream or code == DENIED, results
        assert f"the {asker.kind} of " in text
        assert "may not call bob" in text


def test_xsf(asker):
    from loader_pb2 import LoaderInput, LoaderOutput
    from xsf_pb2 import ResData

    def ask(name):
        inner = LoaderInput(serviceId=name, state=1)
        inner.pl.append(XsfClient.payload("data", b"hi"))
        request = XsfClient.request(None, inner)
        fields = asker.proof("POST", "/utils.XsfCall/call", asker.loader.grpc)
        metadata = [(name.lower(), value) for name, value in fields.items() if name != "Host"]
        call = asker.channel.unary_unary("/utils.XsfCall/call")
        answer = ResData.FromString(
            call(request.SerializeToString(), timeout=60, metadata=metadata)
        )
        return LoaderOutput.FromString(answer.data[0].data)

    assert ask("alice").code not in (10420, 10421)
    refused = ask("bob")
    assert refused.code == 10421, refused
    assert f"the {asker.kind} of " in refused.err
    assert not refused.pl


def test_native_streams(asker):
    from loader_pb2 import LoaderInput, LoaderOutput

    def ask(name):
        inner = LoaderInput(serviceId=name, state=1)
        inner.pl.append(XsfClient.payload("data", b"hi"))
        fields = asker.proof("POST", "/aiges.v1.Stream/Run", asker.loader.grpc)
        metadata = [(name.lower(), value) for name, value in fields.items() if name != "Host"]
        call = asker.channel.stream_stream("/aiges.v1.Stream/Run")
        try:
            sent = iter([inner.SerializeToString()])
            answers = [LoaderOutput.FromString(e) for e in call(sent, 60, metadata=metadata)]
            return answers[-1].err
        except grpc.RpcError as error:
            return error.details()

    assert "may not call" not in ask("alice")
    assert f"the {asker.kind} of " in ask("bob")
    assert "may not call bob" in ask("bob")
