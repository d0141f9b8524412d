# SPDX-License-Identifier: Apache-2.0
"""[access] audit_log: a line for each refusal and each act of administration, none for calls."""

import json
import signal

import pytest
from h2_client import GRPC, H2Client, message
from test_access import WHO, bearer, line
from test_models import write_model
from tritonclient.grpc import service_pb2
from waiting import wait_until

KEYS = line("alice", "k-alice") + line("ops", "k-ops", "call,admin") + line("m", "k-m", "call:a")


class Audit:
    def __init__(self, file):
        self.file = file

    def lines(self, **wanted):
        if not self.file.exists():
            return []
        text = self.file.read_text()
        lines = [json.loads(each) for each in text.splitlines() if text.endswith("\n")]
        return [each for each in lines if wanted.items() <= each.items()]

    def wait(self, **wanted):
        return wait_until(lambda: self.lines(**wanted), f"a line with {wanted}")[-1]


@pytest.fixture
def audited(start, tmp_path):
    """audited(..) -> a loader, and its audit log."""
    (tmp_path / "keys").write_text(KEYS)

    def make(wrapper=WHO, keys=True, **config):
        file = tmp_path / "audit.jsonl"
        access = {"audit_log": str(file)}
        if keys:
            access["keys_file"] = str(tmp_path / "keys")
        return start(wrapper, config={"access": access, **config}), Audit(file)

    make.keys = tmp_path / "keys"
    return make


def test_refusals_say_who_and_what(audited):
    loader, audit = audited(admin={"token": "t-admin"})
    web = loader.web
    assert web.raw_mode(b"x", headers=bearer("k-alice")).status == 200
    assert web.raw_mode(b"x", headers=bearer("k-nobody")).status == 401
    found = audit.wait(decision="refused", code=10420)
    assert found["why"] == "the key is not known"
    assert found["path"] == "/v1/raw/svcName"
    assert found["peer"].startswith("127.0.0.1:")
    assert "who" not in found
    assert web.request("GET", "/-/status.json", None, bearer("k-alice")).status == 403
    found = audit.wait(code=10421, path="/-/status.json")
    assert (found["who"], found["proof"]) == ("alice", "key")
    assert found["why"] == "the key of alice may not administer"
    assert web.raw_mode(b"x", headers=bearer("t-admin")).status == 403
    assert audit.wait(who="admin")["proof"] == "[admin] token"
    web.raw_mode(b"x", "?authorization=topsecret", headers=bearer("k-nobody"))
    wait_until(lambda: len(audit.lines(code=10420)) == 2, "another line")
    text = audit.file.read_text()
    assert "topsecret" not in text
    assert "k-" not in text
    assert not audit.lines(decision="allowed"), "calls have no lines"


def test_acts_of_administration(audited):
    loader, audit = audited()
    web = loader.web
    ops = bearer("k-ops")
    assert web.request("POST", "/-/admin/reload", b"", ops).status == 200
    assert audit.wait(path="/-/admin/reload", decision="allowed")["who"] == "ops"
    web.request("POST", "/v1/resources/svcName?key=a", b"x", ops)
    assert audit.wait(path="/v1/resources/svcName", decision="allowed")["who"] == "ops"
    inner = loader.xsf.input(loader.xsf.payload("data", b"x"))
    for op in ("AILoad", "AIUnLoad"):
        unload = {"params": {"res_id": "1"}} if op == "AIUnLoad" else {}
        inner = loader.xsf.input(loader.xsf.payload("data", b"x"), **unload)
        body = message(loader.xsf.request(inner, op=op).SerializeToString())
        for key, decision in (("k-ops", "allowed"), ("k-alice", "refused")):
            with H2Client(loader.grpc) as client:
                client.ask(body, headers=[*GRPC.items(), ("authorization", f"Bearer {key}")])
            found = audit.wait(what=op, decision=decision)
            assert found["path"] == "/utils.XsfCall/call"
    loader.process.send_signal(signal.SIGHUP)
    assert audit.wait(what="reload")["proof"] == "signal"
    loader.change({"instances": {"drain_ms": 4000}})
    assert web.request("POST", "/-/admin/reload", b"", ops).status == 200
    audit.wait(what="[instances] drain_ms", decision="changed")
    audited.keys.write_text(KEYS + line("new", "k-new"))
    audit.wait(what="[access] keys_file", decision="changed")
    loader.stop()
    audit.wait(what="drain", proof="signal")


def test_models_are_named(audited, tmp_path):
    for name in ("a", "b"):
        write_model(tmp_path / "models", name)
    loader, audit = audited(models={"repository": str(tmp_path / "models")})
    assert loader.web.raw_mode(b"x", service="a", headers=bearer("k-m")).status == 200
    assert loader.web.raw_mode(b"x", service="b", headers=bearer("k-m")).status == 403
    found = audit.wait(what="b", decision="refused")
    assert (found["who"], found["code"]) == ("m", 10421)
    path = "/v2/repository/models/b/unload"
    assert loader.web.request("POST", path, b"{}", bearer("k-ops")).status == 200
    assert audit.wait(path=path, decision="allowed")["who"] == "ops"
    assert loader.web.request("POST", path, b"{}", bearer("k-m")).status == 403
    assert audit.wait(path=path, decision="refused")["who"] == "m"
    request = service_pb2.RepositoryModelLoadRequest(model_name="b")
    with H2Client(loader.grpc) as client:
        fields = [*GRPC.items(), ("authorization", "Bearer k-ops")]
        path = "/inference.GRPCInferenceService/RepositoryModelLoad"
        stream = client.ask(message(request.SerializeToString()), path=path, headers=fields)
        assert stream.grpc_status == 0
    assert audit.wait(path=path, what="b", decision="allowed")["who"] == "ops"


def test_without_keys_acts_are_told_too(audited):
    loader, audit = audited(keys=False)
    assert loader.web.raw_mode(b"x").status == 200
    assert loader.web.request("POST", "/-/admin/reload", b"").status == 200
    assert "who" not in audit.wait(path="/-/admin/reload", decision="allowed")
    page = {"Origin": "http://evil.example"}
    assert loader.web.request("POST", "/-/admin/reload", b"", page).status == 403
    assert "is not for web pages" in audit.wait(decision="refused")["why"]


def test_a_rotated_file_is_begun_anew(audited):
    loader, audit = audited()
    loader.web.raw_mode(b"x")
    audit.wait(decision="refused")
    audit.file.rename(audit.file.with_suffix(".1"))
    loader.web.raw_mode(b"x")
    audit.wait(decision="refused")
    assert len(audit.lines()) == 1


def test_a_file_that_cannot_be_written_ends_the_start(start):
    with pytest.raises(AssertionError, match="audit_log: cannot open /nowhere/at/all"):
        start(WHO, config={"access": {"audit_log": "/nowhere/at/all"}}, ready=False)
