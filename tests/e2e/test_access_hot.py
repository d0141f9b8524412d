# SPDX-License-Identifier: Apache-2.0
"""[access] in a changed aiges.toml: in force after a reload, for connections that are open, too."""

import json
import time

import pytest
from certificates import Authority
from signers import GatewaySigner, KeyServer, TokenSigner, jwks
from test_access import WHO, bearer, line
from waiting import wait_until


@pytest.fixture
def hot(start, tmp_path):
    """A loader with a key of an administrator, and a connection that stays."""
    (tmp_path / "keys").write_text(line("ops", "k-ops", "call,admin"))
    loader = start(WHO, config={"access": {"keys_file": str(tmp_path / "keys")}})
    made = Hot(loader, tmp_path)
    yield made
    made.connection.close()


class Hot:
    def __init__(self, loader, folder):
        self.loader, self.folder = loader, folder
        self.connection = loader.web.connect()

    def file(self, name, text):
        (self.folder / name).write_text(text)
        return str(self.folder / name)

    def change(self, status=200, **access):
        self.loader.change({"access": access})
        answer = self.loader.web.request("POST", "/-/admin/reload", b"", bearer("k-ops"))
        assert answer.status == status, answer.body
        return answer

    def ask(self, headers=None, path="/v1/raw/svcName"):
        """The status of a call on the connection that stays."""
        socket = self.connection.sock
        answer = self.loader.web.request("POST", path, b"x", headers, connection=self.connection)
        # A refusal does not wait for the body, and so ends the connection by itself.
        if answer.status == 200 and socket is not None:
            assert self.connection.sock is socket, "the connection was dropped"
        return answer.status


def test_keys_and_certificates(hot):
    assert (hot.ask(bearer("k-ops")), hot.ask(bearer("k-new"))) == (200, 401)
    more = line("ops", "k-ops", "call,admin") + line("new", "k-new")
    hot.change(keys_file=hot.file("more", more))
    assert hot.ask(bearer("k-new")) == 200
    hot.change(certificates_file=hot.file("names", "alice call\n"))
    answer = hot.loader.web.raw_mode(b"x")
    assert answer.message.endswith(
        "or a certificate that [access] certificates_file names, got none"
    )
    # The new file is looked at from now on, and the old one is not.
    hot.file("more", line("ops", "k-ops", "admin"))
    wait_until(lambda: hot.ask(bearer("k-new")) == 401, "k-new is gone")
    hot.loader.change({"access": {"keys_file": None, "certificates_file": None}})
    assert hot.loader.web.request("POST", "/-/admin/reload", b"", bearer("k-ops")).status == 200
    assert hot.ask() == 200, "everybody may"
    assert "restart" not in hot.loader.log()


def test_tokens(hot, tmp_path):
    signer, second = TokenSigner(tmp_path), TokenSigner(tmp_path, name="k2")
    token = signer.sign({"iss": "a", "aud": "asr", "cid": "c", "roles": []})
    assert hot.ask(bearer(token)) == 401
    hot.change(jwks=hot.file("jwks", jwks(signer)))
    assert hot.ask(bearer(token)) == 200
    for key, value in (
        ("jwt_issuers", ["b"]),
        ("jwt_audience", ["tts"]),
        ("jwt_id_claim", "nothing"),
        ("jwt_rights_claim", "roles"),
    ):
        hot.change(**{key: value})
        assert hot.ask(bearer(token)) in (401, 403), key
        hot.change(**{key: None})
        assert hot.ask(bearer(token)) == 200, key
    bare = signer.sign({"scope": None})
    late = signer.sign({"exp": time.time() - 100})
    none = bearer(signer.sign({"aud": "x"}).replace("x", "x"))
    assert hot.ask(none) == 200
    assert (hot.ask(bearer(bare)), hot.ask(bearer(late))) == (401, 401)
    hot.change(jwt_leeway_s=200)
    assert hot.ask(bearer(late)) == 200
    hot.change(jwt_rights_claim="rights", jwt_rights="call")
    assert hot.ask(bearer(token)) == 200
    hot.change(jwt_rights="admin")
    assert hot.ask(bearer(token)) == 403
    hot.change(jwt_rights_claim=None)
    with KeyServer(jwks(second)) as server:
        hot.change(jwks=server.url, jwt_refresh_s=1)
        wait_until(lambda: hot.ask(bearer(second.sign())) == 200, "keys of the URL")
        assert hot.ask(bearer(token)) == 401
        asked = server.asked
        wait_until(lambda: server.asked > asked + 1, "refreshed")
        hot.change(jwks=str(hot.folder / "jwks"))
        assert hot.ask(bearer(token)) == 200
        time.sleep(0.1)  # What was asked before has come by then.
        asked = server.asked
        wait_until(lambda: hot.ask(bearer(token)) == 200, "a call")
        assert server.asked <= asked + 1, "nobody asks the URL any more"


def test_a_ca_of_ones_own_for_the_keys(hot, tmp_path):
    signer, authority = TokenSigner(tmp_path), Authority(tmp_path / "ca")
    with KeyServer(jwks(signer), certificate=authority.issue("server")) as server:
        hot.change(jwks=server.url)
        hot.loader.wait_log("tokens are refused until its keys are there")
        assert hot.ask(bearer(signer.sign())) == 401
        hot.change(jwt_ca_file=str(authority.file))
        wait_until(lambda: hot.ask(bearer(signer.sign())) == 200, "the keys")


def test_signatures(hot):
    signer = GatewaySigner("app", "app-secret")
    moment = iter(range(1, 200))

    def ask(host="a.example", ago=None):
        at = time.time() - (next(moment) if ago is None else ago)
        return hot.ask(path=signer.url(host, "POST", "/v1/raw/svcName", at=at))

    assert ask() == 401
    hot.change(hmac_file=hot.file("secrets", "app app-secret call\n"))
    assert ask() == 200
    hot.change(hmac_hosts=["b.example"])
    assert (ask(), ask("b.example")) == (401, 200)
    hot.change(hmac_hosts=[])
    assert (ask(ago=299), ask(ago=299)) == (200, 200)
    hot.change(hmac_once=True)
    assert (ask(ago=298), ask(ago=298)) == (200, 401)
    hot.change(hmac_skew_s=100)
    assert ask(ago=200) == 401
    hot.change(hmac_skew_s=400, hmac_once=False)
    at = time.time() - 350
    path = signer.url("a.example", "POST", "/v1/raw/svcName", at=at)
    assert (hot.ask(path=path), hot.ask(path=path)) == (200, 200)
    hot.change(hmac_file=hot.file("others", "other app-secret call\n"))
    assert ask() == 401


def test_the_audit_log(hot):
    first, second = hot.folder / "first.jsonl", hot.folder / "second.jsonl"
    hot.change(audit_log=str(first))
    assert hot.ask(bearer("k-one")) == 401
    wait_until(lambda: "not known" in first.read_text(), "a line")
    hot.change(audit_log=str(second))
    assert hot.ask(bearer("k-two")) == 401
    wait_until(lambda: "not known" in second.read_text(), "a line in the other file")
    lines = [json.loads(text) for text in second.read_text().splitlines()]
    assert {"what": "[access] audit_log", "decision": "changed"}.items() <= lines[0].items()
    assert first.read_text().count("not known") == 1


def test_what_workers_refuse_does_not_hold_later(hot):
    wrapper = hot.loader.wrapper_folder / "wrapper.py"
    before, good = hot.loader.settings["access"], wrapper.read_text()
    wrapper.write_text("raise ValueError('broken')")
    more = line("ops", "k-ops", "call,admin") + line("new", "k-new")
    hot.loader.change({"access": {"keys_file": hot.file("more", more)}})
    reload = ("POST", "/-/admin/reload", b"", bearer("k-ops"))
    assert hot.loader.web.request(*reload).status >= 400
    assert hot.ask(bearer("k-new")) == 401
    wrapper.write_text(good)
    hot.change(**before)
    assert (hot.ask(bearer("k-ops")), hot.ask(bearer("k-new"))) == (200, 401)


def test_what_cannot_be_used_is_refused_as_a_whole(hot):
    for access, said in (
        ({"keys_file": "/nowhere"}, "[access] keys_file /nowhere: No such file"),
        ({"jwks": hot.file("bad", "{}")}, '[access] jwks .*expected a list \\\\"keys'),
        ({"hmac_file": hot.file("bad2", "a\n")}, "[access] hmac_file"),
        ({"certificates_file": hot.file("bad3", "a\n")}, "[access] certificates_file"),
        ({"jwt_rights": "all"}, "[access] jwt_rights: expected call"),
        ({"audit_log": "/nowhere/at/all"}, "[access] audit_log: cannot open"),
        ({"limits_share": "all"}, "[access] limits_share: expected one of"),
    ):
        before = hot.loader.settings["access"]
        answer = hot.change(status=400, **access)
        assert said.split(" .*")[0] in answer.message
        assert hot.ask(bearer("k-ops")) == 200, "the old ones stay in force"
        hot.loader.settings["access"] = before
