# SPDX-License-Identifier: Apache-2.0
"""[access] certificates_file: what clients may by the names in their certificates."""

import http.client

import pytest
from certificates import Authority, tls
from signers import GatewaySigner, TokenSigner, jwks
from test_access import WHO, line
from test_tls import ask, call, context
from waiting import wait_until

NAMES = """
alice                    call
DNS:worker.example       call:svcName
URI:spiffe://cluster/a   call,admin
CN:Bob%20Smith           call:other
"""


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture
def named(start, authority, tmp_path):
    """named(access={..}) -> a loader that knows NAMES."""
    file = tmp_path / "names"

    def make(access=None):
        file.write_text(NAMES)
        mutual = tls(authority.issue("server"), client_ca=str(authority.file))
        access = {"certificates_file": str(file), **(access or {})}
        return start(WHO, config={"tls": mutual, "access": access})

    make.file = file
    return make


def test_each_kind_of_name(named, authority):
    loader = named()
    for subject, alternative, status, said in (
        ("alice", "DNS:x", 200, b"alice"),
        ("somebody", "DNS:worker.example", 200, b"worker.example"),
        ("worker.example", "DNS:y", 401, b"has no name that may do something here"),
        (None, "URI:spiffe://cluster/a", 200, b"spiffe://cluster/a"),
        ("alice", "URI:spiffe://cluster/a,DNS:worker.example", 200, b"spiffe://cluster/a"),
        ("Bob Smith", "DNS:z", 403, b"the certificate of Bob Smith may not call svcName"),
        ("nobody", "DNS:n", 401, b"has no name that may do something here"),
    ):
        own = authority.issue("client", alternative, subject=subject)
        answer = ask(loader.http, authority, client=own)
        assert answer[0] == status, (subject, alternative, answer)
        assert said in answer[1]
    own = authority.issue("alice", "DNS:x")
    assert call(loader, loader.grpc, authority, own).data("result") == b"alice"
    admin = authority.issue("admin", "URI:spiffe://cluster/a")
    assert ask(loader.http, authority, None, admin, "/-/status.json")[0] == 200
    assert ask(loader.http, authority, None, own, "/-/status.json")[0] == 403


def test_a_wrong_proof_is_not_made_good_by_a_certificate(named, authority, tmp_path):
    signer = TokenSigner(tmp_path)
    (tmp_path / "jwks").write_text(jwks(signer))
    (tmp_path / "keys").write_text(line("bob", "k-bob"))
    (tmp_path / "hmac").write_text("app app-secret call\n")
    loader = named(
        access={
            "keys_file": str(tmp_path / "keys"),
            "jwks": str(tmp_path / "jwks"),
            "hmac_file": str(tmp_path / "hmac"),
        }
    )
    gateway = GatewaySigner("app", "app-secret")
    own = authority.issue("alice", "DNS:x")
    host, _, port = loader.http.rpartition(":")

    def status(headers, path="/v1/raw/svcName"):
        made = context(authority, own)
        link = http.client.HTTPSConnection(host, int(port), timeout=20, context=made)
        link.request("POST", path, b"x", headers)
        answer = link.getresponse()
        text = answer.read()
        link.close()
        return answer.status, text

    signed = gateway.headers(loader.http, "POST", "/v1/raw/svcName")
    broken = gateway.headers(loader.http, "GET", "/v1/raw/svcName")
    assert status({}) == (200, b"alice")
    assert status({"X-Api-Key": "k-bob"}) == (200, b"bob")
    assert status({"Authorization": f"Bearer {signer.sign({'sub': 'carol'})}"}) == (200, b"carol")
    assert status(signed) == (200, b"app")
    for wrong in (
        {"X-Api-Key": "k-nobody"},
        {"X-Api-Key": ""},
        {"Authorization": "Bearer k-nobody"},
        {"Authorization": f"Bearer {signer.sign()[:-6]}"},
        broken,
    ):
        assert status(wrong)[0] == 401, wrong
    url = gateway.url(loader.http, "GET", "/v1/raw/svcName")
    assert status({}, url)[0] == 401


def test_names_change_while_it_runs(named, authority):
    loader = named()
    own = authority.issue("carol", "DNS:x")
    assert ask(loader.http, authority, client=own)[0] == 401
    named.file.write_text(NAMES + "carol call\n")
    wait_until(lambda: ask(loader.http, authority, client=own)[0] == 200, "the new name")
    named.file.write_text("carol\n")
    loader.wait_log("line 1: expected a name and what it may, got 1 words")
    assert ask(loader.http, authority, client=own)[0] == 200


def test_without_the_file_a_certificate_says_who_it_is_and_is_no_key(start, authority, tmp_path):
    (tmp_path / "keys").write_text(line("bob", "k-bob"))
    mutual = tls(authority.issue("server"), client_ca=str(authority.file))
    own = authority.issue("alice", "DNS:x")
    loader = start(WHO, config={"tls": mutual})
    assert ask(loader.http, authority, client=own) == (200, b"alice")
    keys = {"keys_file": str(tmp_path / "keys")}
    loader = start(WHO, config={"tls": mutual, "access": keys})
    assert ask(loader.http, authority, client=own)[0] == 401
