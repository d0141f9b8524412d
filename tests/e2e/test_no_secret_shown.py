# SPDX-License-Identifier: Apache-2.0
"""A loader that has every kind of secret says none of them in any of its outputs."""

import contextlib
import http.client
import secrets
import signal
import ssl
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlencode

import pytest
from certificates import Authority, tls
from loader_process import environment
from signers import GatewaySigner, TokenSigner, jwks
from test_access import WHO, line
from test_access_login import FORM, HTML
from waiting import wait_until

RAW = "/v1/raw/svcName"


class Refuser:
    """Has what was sent to it, and takes nothing: who asks tells its log."""

    def __init__(self):
        self.heard = ""
        owner = self

        class Handler(BaseHTTPRequestHandler):
            def answer(self):
                owner.heard += str(self.headers)
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                self.send_response(500)
                self.end_headers()

            do_GET = do_POST = do_PUT = answer

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def refuser():
    made = Refuser()
    with contextlib.closing(made):
        yield made


class Secrets(dict):
    """name -> a text that stands nowhere else; keys of files by the lines between their marks."""

    def plant(self, name):
        self[name] = f"planted-{name}-{secrets.token_hex(8)}"
        return self[name]

    def in_text(self, text):
        return sorted(name for name, value in self.items() if value in text)


def key_material(file):
    return file.read_text().splitlines()[2]


@pytest.mark.parametrize("form", ["text", "json"])
def test_every_secret_and_every_output(start, tmp_path, refuser, form):
    planted = Secrets()
    signer, gateway = TokenSigner(tmp_path), GatewaySigner("app", planted.plant("hmac"))
    authority = Authority(tmp_path / "ca")
    server, own = authority.issue("server"), authority.issue("client")
    planted["tls"] = key_material(server.key)
    key, second = planted.plant("key"), planted.plant("hmac-file")
    (tmp_path / "second").write_text(second)
    for name, text in {
        "keys": line("alice", key, "call,admin"),
        "jwks": jwks(signer),
        "hmac": f"app {gateway.secret} call\napp2 @{tmp_path / 'second'} call\n",
        "names": "nobody call\n",
    }.items():
        (tmp_path / name).write_text(text)
    audit, usage = tmp_path / "audit.jsonl", tmp_path / "usage"
    config = {
        "wrapper": {"http_listen": "127.0.0.1:0", "db_password": planted.plant("engine")},
        "tls": tls(server, client_ca=str(authority.file)),
        "access": {
            "keys_file": str(tmp_path / "keys"),
            "jwks": str(tmp_path / "jwks"),
            "hmac_file": str(tmp_path / "hmac"),
            "hmac_once": True,
            "certificates_file": str(tmp_path / "names"),
            "audit_log": str(audit),
        },
        "admin": {"token": planted.plant("admin")},
        "metering": {
            "folder": str(usage),
            "sink": f"{refuser.url}/usage",
            "token": planted.plant("metering"),
        },
        "otlp": {
            "endpoint": f"{refuser.url}/v1/traces",
            "headers": [f"x-api-key={planted.plant('otlp')}"],
            "delay_ms": 20,
        },
        "registry": {"backend": "consul", "url": refuser.url, "token": planted.plant("consul")},
        "log": {"level": "debug", "format": form, "access": True},
    }
    loader = start(WHO, config=config)

    context = ssl.create_default_context(cafile=authority.file)
    context.load_cert_chain(*own.pair)
    said = []

    def ask(method, path, body=None, headers=None):
        host, _, port = loader.http.rpartition(":")
        link = http.client.HTTPSConnection(host, int(port), timeout=20, context=context)
        link.request(method, path, body, headers or {})
        answer = link.getresponse()
        headers = {name: value for name, value in answer.getheaders() if name != "Set-Cookie"}
        said.append(f"{answer.status} {headers} {answer.read().decode(errors='replace')}")
        link.close()
        return answer.status

    token = signer.sign()
    planted["token"] = token.rpartition(".")[2]
    for value in (key, token, "no-" + key, token[:-3], planted["admin"]):
        ask("POST", RAW, b"x", {"Authorization": f"Bearer {value}"})
        ask("POST", RAW, b"x", {"X-Api-Key": value})
    good = gateway.url(loader.http, "POST", RAW)
    planted["url"] = good.partition("authorization=")[2].rstrip("%3D")[-40:]
    assert ask("POST", good, b"x") == 200
    assert ask("POST", good, b"x") == 401
    assert ask("POST", good + "&unknown=1", b"x") == 401
    later = gateway.url(loader.http, "POST", RAW, at=1_700_000_000)
    assert ask("POST", later, b"x") == 401
    for value in (key, "no-" + key):
        ask("POST", "/-/login", urlencode({"key": value}), FORM)
    bearer = {"Authorization": f"Bearer {key}"}
    for path in (
        *("/-/status", "/-/status.json", "/-/metrics", "/-/docs", "/-/openapi.json", "/-/login"),
        *("/metrics", "/status.json", "/v2", "/v2/models/svcName/config", "/v1/models"),
    ):
        ask("GET", path, None, bearer)
        ask("GET", path, None, HTML)
    ask("POST", "/-/admin/reload", b"", bearer)
    loader.change({"access": {"hmac_file": str(tmp_path / "second")}})
    ask("POST", "/-/admin/reload", b"", bearer)  # A secret where lines should be.
    (tmp_path / "hmac").write_text(f"{second}\napp {second}\n")
    (tmp_path / "keys").write_text(f"alice {key} call\n")
    loader.wait_log("[access] keys_file")
    loader.wait_log("[access] hmac_file")
    wait_until(lambda: planted["metering"] in refuser.heard, "usage records are sent")
    wait_until(lambda: planted["consul"] in refuser.heard, "the registry is asked")
    wait_until(lambda: planted["otlp"] in refuser.heard, "spans are sent")
    wait_until(lambda: audit.exists() and "refused" in audit.read_text(), "an audit log")
    loader.process.send_signal(signal.SIGHUP)

    shown = subprocess.run(
        [loader.binaries.loader, "-show-config", "-m=0", "-c", "aiges.toml", "-s", "svcName"],
        cwd=loader.folder,
        env=environment(loader.wrapper_folder),
        capture_output=True,
        text=True,
        check=False,
    )
    assert "hmac_file" in shown.stdout, shown
    loader.stop()
    outputs = {
        "log": loader.log(),
        "stdout": "\n".join(loader.lines),
        "answers": "\n".join(said),
        "-show-config": shown.stdout + shown.stderr,
        "audit log": audit.read_text(),
        "usage": "".join(
            file.read_bytes().decode(errors="replace")
            for file in usage.rglob("*")
            if file.is_file()
        ),
    }
    assert all(outputs.values()), {name: len(text) for name, text in outputs.items()}
    found = {name: planted.in_text(text) for name, text in outputs.items()}
    assert found == {name: [] for name in outputs}
