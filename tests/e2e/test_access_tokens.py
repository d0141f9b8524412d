# SPDX-License-Identifier: Apache-2.0
"""[access] jwks: who a signed token is of, and where its keys come from."""

import json
import time

import pytest
from h2_client import GRPC, H2Client, message
from signers import KeyServer, TokenSigner, b64url, jwks
from test_access import WHO, bearer, line
from waiting import wait_until

INVALID = 'Bearer realm="AIService", error="invalid_token"'


@pytest.fixture(scope="module")
def signer(tmp_path_factory):
    return TokenSigner(tmp_path_factory.mktemp("signer"))


@pytest.fixture
def with_keys(start, tmp_path, signer):
    """with_keys(signers.., access={..}) -> a loader that takes their tokens, by a file."""
    file = tmp_path / "jwks.json"

    def make(*signers, access=None, **config):
        file.write_text(jwks(*(signers or (signer,))))
        return start(WHO, config={"access": {"jwks": str(file), **(access or {})}, **config})

    make.file = file
    return make


def ask(loader, token):
    return loader.web.raw_mode(b"x", headers=bearer(token))


@pytest.mark.parametrize("algorithm", ["RS256", "ES256", "EdDSA"])
def test_a_token_says_who_calls(with_keys, tmp_path, algorithm):
    own = TokenSigner(tmp_path, algorithm)
    loader = with_keys(own)
    for _ in range(3):
        answer = ask(loader, own.sign({"sub": "auth0|7", "scope": "openid call"}))
        assert (answer.status, answer.body) == (200, b"auth0|7")
    assert ask(loader, own.sign({"scope": "call:svcName"})).body == b"alice"
    for scope in ("call:other", "openid", ""):
        answer = ask(loader, own.sign({"scope": scope}))
        assert (answer.status, answer.code) == (403, 10421)
        assert answer.message == "the token of alice may not call svcName"
        assert answer.headers["www-authenticate"].endswith('error="insufficient_scope"')
    assert loader.web.raw_mode(b"x", headers={"X-Api-Key": own.sign()}).status == 200


def test_a_wrong_token_is_refused_as_standards_want_it(with_keys, signer, tmp_path):
    loader = with_keys()
    stranger = TokenSigner(tmp_path, name=signer.name)
    good = signer.sign()
    head, claims, signature = good.split(".")
    more = b64url(json.dumps({"sub": "root", "exp": time.time() + 60, "scope": "admin"}).encode())
    none = b64url(b'{"alg":"none"}')
    for wrong in (
        stranger.sign(),
        f"{head}.{more}.{signature}",
        f"{none}.{claims}.",
        f"{none}.{claims}.{signature}",
        good[:-8],
        signer.sign({"exp": time.time() - 61}),
        signer.sign({"nbf": time.time() + 90}),
        signer.sign(alg="HS256"),
        "ey.a.b",
    ):
        answer = ask(loader, wrong)
        assert (answer.status, answer.code) == (401, 10420), answer.body
        assert answer.headers["www-authenticate"] == INVALID
        assert wrong not in answer.body.decode()
    answer = loader.web.raw_mode(b"x")
    assert answer.headers["www-authenticate"] == 'Bearer realm="AIService"'
    assert answer.message == "expected a token (Authorization: Bearer <JWT>), got none"
    assert signature not in loader.log()


def test_times_have_the_leeway(with_keys, signer):
    loader = with_keys(access={"jwt_leeway_s": 30})
    assert ask(loader, signer.sign({"exp": time.time() - 10})).status == 200
    assert ask(loader, signer.sign({"exp": time.time() - 31})).status == 401
    assert ask(loader, signer.sign({"nbf": time.time() + 10})).status == 200


def test_claims_are_those_that_are_named(with_keys, signer):
    loader = with_keys(
        access={
            "jwt_issuers": ["https://login.example"],
            "jwt_audience": ["asr"],
            "jwt_id_claim": "client_id",
            "jwt_rights_claim": "roles",
            "jwt_rights": "call",
        }
    )
    good = {"iss": "https://login.example", "aud": ["asr", "x"], "client_id": "c7"}
    assert ask(loader, signer.sign(good)).body == b"c7"
    assert ask(loader, signer.sign({**good, "roles": ["call:svcName"]})).body == b"c7"
    assert ask(loader, signer.sign({**good, "roles": ["reader"]})).status == 403
    for wrong in ({"iss": "https://x"}, {"aud": "tts"}, {"client_id": ""}):
        assert ask(loader, signer.sign({**good, **wrong})).status == 401


def test_tokens_and_keys_side_by_side(with_keys, signer, tmp_path):
    (tmp_path / "keys").write_text(line("bob", "k-bob"))
    loader = with_keys(access={"keys_file": str(tmp_path / "keys")})
    assert ask(loader, signer.sign()).body == b"alice"
    assert ask(loader, "k-bob").body == b"bob"
    wrong = {**bearer(signer.sign()[:-4]), "X-Api-Key": "k-bob"}
    assert loader.web.raw_mode(b"x", headers=wrong).status == 401
    assert loader.web.raw_mode(b"x").message == (
        "expected a key (Authorization: Bearer <key>, or X-Api-Key), "
        "or a token (Authorization: Bearer <JWT>), got none"
    )


def test_grpc_and_pages_take_them(with_keys, signer):
    loader = with_keys()
    inner = loader.xsf.input(loader.xsf.payload("data", b"x"))
    body = message(loader.xsf.request(inner, param={"SeqNo": "1"}).SerializeToString())
    with H2Client(loader.grpc) as client:
        fields = [*GRPC.items(), ("authorization", f"Bearer {signer.sign()}")]
        stream = client.ask(body, headers=fields)
        assert (stream.grpc_status, b"alice" in stream.body) == (0, True)
        fields = [*GRPC.items(), ("authorization", f"Bearer {signer.sign()[:-4]}")]
        assert client.ask(body, headers=fields).grpc_status == 16
    admin = signer.sign({"scope": "admin"})
    web = loader.web
    assert web.request("GET", "/-/status.json", None, bearer(admin)).status == 200
    assert web.request("GET", "/-/status.json", None, bearer(signer.sign())).status == 403
    assert web.request("POST", "/-/admin/reload", None, bearer(admin)).status == 200


def test_keys_of_a_file_change_while_it_runs(with_keys, signer, tmp_path):
    loader = with_keys()
    second = TokenSigner(tmp_path, name="k2")
    old, new = signer.sign(), second.sign()
    assert (ask(loader, old).status, ask(loader, new).status) == (200, 401)
    with_keys.file.write_text(jwks(signer, second))
    wait_until(lambda: ask(loader, new).status == 200, "the new key")
    with_keys.file.write_text("{")
    loader.wait_log("[access] jwks")
    assert ask(loader, old).status == 200
    with_keys.file.write_text(jwks(second))
    wait_until(lambda: ask(loader, old).status == 401, "the old key is gone")


def test_a_file_that_cannot_be_used_ends_the_start(start, tmp_path, signer):
    secret = {**signer.jwk(), "d": "c2VjcmV0"}
    for text, said in (
        ("{}", 'expected a list "keys"'),
        (json.dumps({"keys": []}), "none that can be used among 0"),
        (json.dumps({"keys": [secret]}), "expected public keys, got a secret one"),
    ):
        (tmp_path / "jwks").write_text(text)
        with pytest.raises(AssertionError, match=said):
            start(WHO, config={"access": {"jwks": str(tmp_path / "jwks")}}, ready=False)
    wrong = {"jwks": str(tmp_path / "jwks"), "jwt_rights": "all"}
    with pytest.raises(AssertionError, match="jwt_rights: expected call, call:<service> or admin"):
        start(WHO, config={"access": wrong}, ready=False)


def test_keys_of_a_url_come_by_themselves(start, signer, tmp_path):
    second = TokenSigner(tmp_path, name="k2")
    with KeyServer(jwks(signer)) as server:
        loader = start(WHO, config={"access": {"jwks": server.url, "jwt_refresh_s": 1}})
        wait_until(lambda: ask(loader, signer.sign()).status == 200, "the keys")
        assert ask(loader, second.sign()).status == 401
        server.text = jwks(second)
        wait_until(lambda: ask(loader, second.sign()).status == 200, "the new keys")
        assert ask(loader, signer.sign()).status == 401
        server.status = 500
        loader.wait_log("HTTP 500; the keys of before stay in force")
        assert ask(loader, second.sign()).status == 200
        server.status, server.text = 200, "x" * (2 << 20)
        asked = server.asked
        wait_until(lambda: server.asked > asked + 1, "an answer that is too long")
        assert ask(loader, second.sign()).status == 200


def test_keys_of_a_url_stay_over_a_change_of_access(start, signer):
    with KeyServer(jwks(signer)) as server:
        access = {"jwks": server.url, "jwt_refresh_s": 3600}
        loader = start(WHO, config={"access": access})
        wait_until(lambda: ask(loader, signer.sign()).status == 200, "the keys")
        admin = {"Authorization": f"Bearer {signer.sign({'scope': 'call admin'})}"}
        server.status = 500
        loader.change({"access": {**access, "jwt_leeway_s": 30}})
        assert loader.web.request("POST", "/-/admin/reload", None, admin).status == 200
        assert ask(loader, signer.sign({"exp": time.time() - 40})).status == 401, "it is in force"
        assert ask(loader, signer.sign()).status == 200


def test_an_unknown_key_asks_the_url_again_but_not_each_time(start, signer, tmp_path):
    second = TokenSigner(tmp_path, name="k2")
    with KeyServer(jwks(signer)) as server:
        loader = start(WHO, config={"access": {"jwks": server.url, "jwt_refresh_s": 3600}})
        wait_until(lambda: ask(loader, signer.sign()).status == 200, "the keys")
        for _ in range(20):
            assert ask(loader, second.sign()).status == 401
        assert server.asked <= 2, "at most every ten seconds"


def test_a_url_that_is_not_there_refuses_tokens_until_it_is(start, signer):
    with KeyServer("") as server:
        url, port = server.url, server.port
    loader = start(WHO, config={"access": {"jwks": url}})
    loader.wait_log("tokens are refused until its keys are there")
    answer = ask(loader, signer.sign())
    assert (answer.status, answer.message) == (
        401,
        "no token can be checked yet: the keys of [access] jwks have not come",
    )
    with KeyServer(jwks(signer), port=port):
        wait_until(lambda: ask(loader, signer.sign()).status == 200, "the keys", timeout_s=30)
