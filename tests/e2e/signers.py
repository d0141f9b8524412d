# SPDX-License-Identifier: Apache-2.0
"""Who signs tokens and requests, written from the standards and the gateway's description, not from
the loader's code."""

import base64
import hashlib
import hmac
import json
import re
import ssl
import subprocess
import threading
import time
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlencode


def b64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _der_to_raw(der):
    """ECDSA's two numbers (RFC 7518, section 3.4)."""
    numbers, at = [], 2
    while len(numbers) < 2:
        size = der[at + 1]
        numbers.append(int.from_bytes(der[at + 2 : at + 2 + size], "big"))
        at += 2 + size
    return b"".join(number.to_bytes(32, "big") for number in numbers)


class TokenSigner:
    """A key of one algorithm, made and used by openssl."""

    OPTIONS = {
        "RS256": ("-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"),
        "ES256": ("-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"),
        "EdDSA": ("-algorithm", "ED25519"),
    }

    def __init__(self, folder, algorithm="EdDSA", name="k1"):
        self.algorithm, self.name = algorithm, name
        self.key = folder / f"{name}.{algorithm}.pem"
        self._run("genpkey", *self.OPTIONS[algorithm], "-out", self.key)

    def _run(self, *command, given=None):
        command = ["openssl", *map(str, command)]
        return subprocess.run(command, input=given, capture_output=True, check=True).stdout

    def jwk(self):
        der = self._run("pkey", "-in", self.key, "-pubout", "-outform", "DER")
        if self.algorithm == "RS256":
            text = self._run("rsa", "-in", self.key, "-noout", "-modulus").decode()
            modulus = bytes.fromhex(text.strip().partition("=")[2])
            own = {"kty": "RSA", "n": b64url(modulus), "e": "AQAB"}
        elif self.algorithm == "ES256":
            own = {"kty": "EC", "crv": "P-256", "x": b64url(der[-64:-32]), "y": b64url(der[-32:])}
        else:
            own = {"kty": "OKP", "crv": "Ed25519", "x": b64url(der[-32:])}
        return {"kid": self.name, "use": "sig", "alg": self.algorithm, **own}

    def sign(self, claims=None, **more):
        """A token: alice's, who may call, for ten minutes, where `claims` say nothing else."""
        claims = {"sub": "alice", "scope": "call", "exp": int(time.time()) + 600, **(claims or {})}
        header = {"alg": self.algorithm, "kid": self.name, **more}
        text = ".".join(b64url(json.dumps(part).encode()) for part in (header, claims))
        return f"{text}.{b64url(self._signature(text.encode()))}"

    def _signature(self, text):
        if self.algorithm == "EdDSA":
            file = self.key.with_suffix(".in")
            file.write_bytes(text)
            return self._run("pkeyutl", "-sign", "-inkey", self.key, "-rawin", "-in", file)
        der = self._run("dgst", "-sha256", "-sign", self.key, given=text)
        return der if self.algorithm == "RS256" else _der_to_raw(der)


def jwks(*signers):
    return json.dumps({"keys": [signer.jwk() for signer in signers]})


class KeyServer:
    """Has the keys at a URL. ``text``, ``status``: what is answered; ``asked``: how often."""

    def __init__(self, text, port=0, certificate=None):
        self.text, self.status, self.asked = text, 200, 0
        owner = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                owner.asked += 1
                self.send_response(owner.status)
                self.end_headers()
                self.wfile.write(owner.text.encode())

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.port = self.server.server_address[1]
        self.url = f"http{'s' if certificate else ''}://127.0.0.1:{self.port}/keys"
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate.pair)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


class GatewaySigner:
    """Signs requests as clients of the iFlytek gateway do: header form and URL form."""

    def __init__(self, api_key, secret, name="api_key"):
        self.api_key, self.secret, self.name = api_key, secret, name

    def authorization(self, lines, order):
        digest = hmac.new(self.secret.encode(), "\n".join(lines).encode(), hashlib.sha256).digest()
        return (
            f'{self.name}="{self.api_key}", algorithm="hmac-sha256", '
            f'headers="{order}", signature="{base64.b64encode(digest).decode()}"'
        )

    def url(self, host, method, path, at=None, zone="GMT", **query):
        """The path with the query that signs it."""
        date = http_date(at, zone)
        lines = [f"host: {host}", f"date: {date}", f"{method} {path} HTTP/1.1"]
        plain = self.authorization(lines, "host date request-line")
        form = base64.b64encode(plain.encode()).decode()
        return f"{path}?{urlencode({**query, 'host': host, 'date': date, 'authorization': form})}"

    def headers(self, host, method, path, body=None, at=None, zone="GMT", host_header=None):
        """The header fields; with a body its digest is signed, too."""
        date = http_date(at, zone)
        fields = {"Host": host_header or host, "Date": date}
        lines = [f"host: {host}", f"date: {date}", f"{method} {path} HTTP/1.1"]
        order = "host date request-line"
        if body is not None:
            fields["Digest"] = digest_of(body)
            lines.append(f"digest: {fields['Digest']}")
            order += " digest"
        return {**fields, "Authorization": "hmac " + self.authorization(lines, order)}


def digest_of(body):
    return "SHA-256=" + base64.b64encode(hashlib.sha256(body).digest()).decode()


def http_date(at=None, zone="GMT"):
    return re.sub("GMT$", zone, formatdate(time.time() if at is None else at, usegmt=True))
