# SPDX-License-Identifier: Apache-2.0
"""An agent that speaks https and wants certificates: clients, aiges.registry and loaders use it."""

import json
import re
import shutil
import socket
import ssl
import struct
import subprocess
import threading
import warnings

import pytest
from aiges.balance.consul import TlsConnection
from aiges.client import Client, Unavailable
from aiges.registry import Registry, RegistryError, Scope
from command import Command
from consul_agent import ConsulAgent
from free_ports import free_ports
from loader_process import default_config, toml
from prerequisites import need
from waiting import wait_until

TOKEN = "topsecret"
SCOPE = Scope("svcName")
WHO = {"message": "m", "author": "a"}
UNKNOWN_ISSUER = "unable to get local issuer certificate"
WRAPPER = """
CONFIG = {}
def wrapperInit(config):
    CONFIG.update(config)
    return 0
def wrapperOnceExec(usrTag, params, reqData, respData, psrIds, psrCnt):
    text = CONFIG.get("color", "-")
    respData.append({"key": "value", "data": text, "len": len(text), "status": 3, "type": 0})
    return 0
"""


class Authority:
    """A certificate authority in a folder; `file` is what others trust."""

    def __init__(self, folder):
        need("" if shutil.which("openssl") else "openssl", "TLS")
        folder.mkdir()
        self.folder, self.file = folder, folder / "ca.pem"
        self._openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256")

    def _openssl(self, *command, name="ca", subject="/CN=test authority", more=()):
        out = ["-nodes", "-keyout", f"{name}.key", "-out", f"{name}.pem", "-days", "2"]
        done = subprocess.run(
            ["openssl", *command, *out, "-subj", subject, *more],
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr

    def issue(self, name):
        """(certificate, key) for 127.0.0.1, as files."""
        self._openssl(
            *("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
            name=name,
            subject=f"/CN={name}",
            more=[
                *("-CA", "ca.pem", "-CAkey", "ca.key"),
                *("-addext", "subjectAltName=IP:127.0.0.1"),
                *("-addext", "basicConstraints=critical,CA:FALSE"),
            ],
        )
        return str(self.folder / f"{name}.pem"), str(self.folder / f"{name}.key")


class SecureAgent(ConsulAgent):
    """Its https port wants a token, and a certificate of the same authority from everybody.

    The http port is there for the test's own questions.
    """

    def __init__(self, folder, authority):
        cert, key = authority.issue("agent")
        acl = {
            "enabled": True,
            "default_policy": "deny",
            "tokens": {"initial_management": TOKEN, "agent": TOKEN},
        }
        super().__init__(folder, token=TOKEN, acl=acl)
        (port,) = free_ports(1)
        self.https = f"https://{self.host}:{port}"
        file = self.folder / "consul.json"
        settings = json.loads(file.read_text())
        settings["ports"]["https"] = port
        settings["verify_incoming_https"] = True
        settings |= {"ca_file": str(authority.file), "cert_file": cert, "key_file": key}
        file.write_text(json.dumps(settings))


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("tls") / "ours")


@pytest.fixture(scope="module")
def stranger(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("tls") / "theirs")


@pytest.fixture
def agent(authority, tmp_path):
    with SecureAgent(tmp_path / "consul", authority) as found:
        yield found


@pytest.fixture(scope="module")
def own(authority):
    """Our certificate and its key, as the options of a target and of Registry are called."""
    cert, key = authority.issue("own")
    return {"cert": cert, "key": key}


@pytest.fixture(scope="module")
def good(authority, own):
    return {"ca": str(authority.file), **own}


@pytest.fixture
def with_token(monkeypatch):
    monkeypatch.setenv("CONSUL_HTTP_TOKEN", TOKEN)


def target(agent, files):
    options = "".join(f"&{name}={path}" for name, path in files.items())
    return f"consul://svcName?agent={agent.https}{options}"


def section(agent, files):
    named = {f"{name}_file": path for name, path in files.items()}
    return {"backend": "consul", "url": agent.https, "token": TOKEN, **named}


def environment_of(files):
    names = {"ca": "CONSUL_CACERT", "cert": "CONSUL_CLIENT_CERT", "key": "CONSUL_CLIENT_KEY"}
    return {"CONSUL_HTTP_TOKEN": TOKEN, **{names[name]: path for name, path in files.items()}}


def wait_registered(agent, loader):
    def ids():
        rows = agent.ask("GET", "/v1/health/service/svcName?passing=true")
        return [row["Service"]["ID"] for row in rows]

    wait_until(lambda: any(loader.grpc.rpartition(":")[2] in each for each in ids()), "registered")


def test_a_loader_registers_and_a_client_finds_it(start, agent, good, with_token):
    loader = start(WRAPPER, config={"registry": section(agent, good)})
    wait_registered(agent, loader)
    with Client(target(agent, good)) as client:
        assert client.once("x").host == loader.grpc
    assert loader.metric("aiges_registry_failures_total") == 0


def test_the_environment_names_the_files_for_all(start, agent, good, monkeypatch):
    for name, value in environment_of(good).items():
        monkeypatch.setenv(name, value)
    loader = start(WRAPPER, config={"registry": {"backend": "consul", "url": agent.https}})
    wait_registered(agent, loader)
    with Client(f"consul://svcName?agent={agent.https}") as client:
        assert client.once("x").host == loader.grpc
    with Registry(agent.https) as registry:
        assert [each.address for each in registry.services("svcName")] == [loader.grpc]


def test_a_loader_takes_its_configuration_by_https(start, agent, good):
    first = {**default_config(), "wrapper": {"http_listen": "127.0.0.1:0", "color": "red"}}
    second = {**first, "wrapper": {**first["wrapper"], "color": "green"}}
    with Registry(agent.https, TOKEN, **good) as registry:
        registry.push(SCOPE, {"aiges.toml": toml(first)}, **WHO)
        arguments = ["-m=1", f"-u={agent.https}"]
        loader = start(WRAPPER, arguments=arguments, env=environment_of(good))
        assert loader.xsf.once().text("value") == "red"
        revision = registry.push(SCOPE, {"aiges.toml": toml(second)}, **WHO)
        wait_until(
            lambda: (
                [(s.revision, s.result) for s in registry.status(SCOPE)] == [(revision, "applied")]
            ),
            "the verdict",
        )
        assert loader.xsf.once().text("value") == "green"
        seen = []
        with registry.watch(SCOPE, lambda config: seen.append(config.revision)):
            wait_until(lambda: seen == [revision], "the watch, which has a connection of its own")


# What goes wrong is named, and a loader serves meanwhile.


def wait_unavailable(client, pattern):
    """The text of the error, once it has what Consul's first answer, or the lack of it, was."""

    def told():
        with pytest.raises(Unavailable) as error:
            client.once("x")
        return re.search(pattern, error.value.text) and error.value.text

    return wait_until(told, f"an error with {pattern}", 20)


def test_a_client_with_a_wrong_ca_says_so(agent, stranger, own, with_token):
    with Client(target(agent, {"ca": stranger.file, **own}), timeout_s=1) as client:
        text = wait_unavailable(client, UNKNOWN_ISSUER)
    assert agent.https in text
    assert f"trusted: CA file {stranger.file}" in text


def test_the_certificates_of_the_system_do_not_vouch_for_it(agent, own, with_token):
    with Client(target(agent, own), timeout_s=1) as client:
        wait_unavailable(client, "trusted: the CA certificates of the system")
    with Registry(agent.https, TOKEN, **own) as registry:
        with pytest.raises(RegistryError, match="trusted: the CA certificates of the system"):
            registry.pull(SCOPE)


def test_a_registry_with_a_wrong_ca_says_so(agent, stranger, own):
    with Registry(agent.https, TOKEN, ca=str(stranger.file), **own) as registry:
        with pytest.raises(RegistryError) as error:
            registry.pull(SCOPE)
    assert f"read aiges/{SCOPE}/ at {agent.https}: " in str(error.value)
    assert UNKNOWN_ISSUER in str(error.value)
    assert f"trusted: CA file {stranger.file}" in str(error.value)


def test_a_loader_with_a_wrong_ca_says_so_and_serves(start, agent, stranger, own):
    files = {"ca": str(stranger.file), **own}
    loader = start(WRAPPER, config={"registry": section(agent, files)})
    loader.wait_log(f"SSL certificate problem: {UNKNOWN_ISSUER}")
    assert loader.xsf.once().code == 0
    assert loader.metric("aiges_registry_registered") == 0
    assert loader.metric("aiges_ready") == 1


def test_a_loader_without_a_configuration_and_with_a_wrong_ca_says_so(
    binaries, tmp_path, agent, stranger, own
):
    command = Command(binaries, tmp_path / "command", WRAPPER)
    env = environment_of({"ca": str(stranger.file), **own})
    ended = command.run("-m=1", f"-u={agent.https}", "-s=svcName", env=env)
    assert ended.code == 2
    assert f"SSL certificate problem: {UNKNOWN_ISSUER}" in ended.err


def test_an_agent_that_wants_our_certificate_and_gets_none_is_named(start, agent, authority):
    ours = {"ca": str(authority.file)}
    with Registry(agent.https, TOKEN, **ours) as registry:
        with pytest.raises(RegistryError, match="(?i)certificate.required|bad.certificate"):
            registry.pull(SCOPE)
    with Client(target(agent, ours), timeout_s=1) as client:
        wait_unavailable(client, "(?i)certificate.required|bad.certificate")
    loader = start(WRAPPER, config={"registry": section(agent, ours)})
    wait_until(
        lambda: re.search("alert (certificate required|bad certificate)", loader.log()),
        "the reason in the log",
    )
    assert loader.xsf.once().code == 0


def test_a_file_that_is_not_there_is_named(start, agent, own, tmp_path):
    files = {"ca": str(tmp_path / "none.pem"), **own}
    with pytest.raises(ValueError, match=f"CA file {files['ca']}: .*No such file"):
        Client(target(agent, files))
    with pytest.raises(ValueError, match=f"CA file {files['ca']}: .*No such file"):
        Registry(agent.https, TOKEN, **files)
    loader = start(WRAPPER, config={"registry": section(agent, files)})
    loader.wait_log(files["ca"])
    assert loader.xsf.once().code == 0


def test_a_certificate_without_its_key_is_named(agent, good, authority):
    files = {**good, "key": str(authority.file)}
    with pytest.raises(ValueError, match=f"client certificate {good['cert']}, key {files['key']}"):
        Registry(agent.https, TOKEN, **files)


@pytest.fixture
def resetting(monkeypatch):
    """The port of a server that resets each connection, which then waits until it is reset."""
    reset, create = threading.Semaphore(0), socket.create_connection

    def serve():
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            with connection:
                at_once = struct.pack("ii", 1, 0)
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, at_once)
            reset.release()

    def connect(*args, **options):
        made = create(*args, **options)
        reset.acquire(timeout=10)
        return made

    monkeypatch.setattr(socket, "create_connection", connect)
    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield server.getsockname()[1]
        finally:
            server.shutdown(socket.SHUT_RDWR)
            thread.join()


def test_a_connection_that_is_reset_leaves_no_socket_unclosed(resetting):
    """A ResourceWarning failed another test here, now and then.

    An agent died just when a closed client, of the test before, still connected to it: Python 3.11
    does not close a socket that is reset before it is wrapped.
    """
    context = ssl.create_default_context()
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        for _ in range(20):
            with pytest.raises(OSError):
                TlsConnection("127.0.0.1", resetting, timeout=5, context=context).connect()
    assert [str(warning.message) for warning in warned] == []
