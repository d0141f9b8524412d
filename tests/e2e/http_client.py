# SPDX-License-Identifier: Apache-2.0
"""HTTP the plain way (http.client), and raw sockets for what a proper client would never send."""

import http.client
import json
import re
import socket
from dataclasses import dataclass, field


@dataclass
class HttpAnswer:
    status: int
    headers: dict = field(default_factory=dict)  # Lower-case names.
    body: bytes = b""

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def code(self):
        return self.json["header"]["code"]

    @property
    def message(self):
        return self.json["header"].get("message", "")


class HttpClient:
    def __init__(self, address):
        self.address = address
        host, _, port = address.rpartition(":")
        self.host, self.port = host, int(port)

    def connect(self, timeout_s=30):
        return http.client.HTTPConnection(self.host, self.port, timeout=timeout_s)

    def request(self, method, path, body=None, headers=None, connection=None, **options):
        own = connection is None
        connection = connection or self.connect()
        try:
            connection.request(method, path, body, headers or {}, **options)
            answer = connection.getresponse()
            names = {name.lower(): value for name, value in answer.getheaders()}
            return HttpAnswer(answer.status, names, answer.read())
        finally:
            if own:
                connection.close()

    def get(self, path):
        return self.request("GET", path)

    def raw_mode(self, body=b"", query="", service="svcName", headers=None):
        return self.request("POST", f"/v1/raw/{service}{query}", body, headers)

    def envelope(self, body, service="svcName", query=""):
        text = body if isinstance(body, bytes) else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"}
        return self.request("POST", f"/v1/private/{service}{query}", text, headers)

    def metric(self, name, **labels):
        """The value of one series of /metrics; 0.0 when it is not there."""
        wanted = sorted(f'{key}="{value}"' for key, value in labels.items())
        for line in self.get("/metrics").body.decode().splitlines():
            match = re.match(r"([a-zA-Z_:]+)(?:\{(.*)\})? (\S+)", line)
            if (
                match
                and match[1] == name
                and sorted((match[2] or "").split(",")) == (wanted or [""])
            ):
                return float(match[3])
        return 0.0

    def socket(self, timeout_s=15):
        connection = socket.create_connection((self.host, self.port), timeout=timeout_s)
        connection.settimeout(timeout_s)
        return connection

    def exchange(self, sent, timeout_s=15):
        """Sends bytes, then reads until the server closes."""
        with self.socket(timeout_s) as connection:
            connection.sendall(sent)
            return read_to_end(connection)


def read_to_end(connection):
    out = b""
    while True:
        try:
            piece = connection.recv(65536)
        except ConnectionResetError:
            return out
        if not piece:
            return out
        out += piece


def read_answer(stream):
    """One answer from a socket's makefile("rb"), by its Content-Length."""
    status = int(stream.readline().split()[1])
    headers = {}
    while (line := stream.readline().strip()) != b"":
        name, _, value = line.decode("latin-1").partition(":")
        headers[name.lower()] = value.strip()
    return HttpAnswer(status, headers, stream.read(int(headers.get("content-length", 0))))


def parse_answer(data):
    """The single answer in `data`."""
    head, _, body = data.partition(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines[1:])
    names = {name.lower(): value for name, value in headers.items()}
    return HttpAnswer(int(lines[0].split()[1]), names, body)
