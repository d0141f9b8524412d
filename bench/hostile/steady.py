# SPDX-License-Identifier: Apache-2.0
"""The steady load: right calls over every protocol, each counted, each answer compared.

    steady.py --grpc HOST:PORT --http HOST:PORT --out FILE

Runs until SIGTERM, then writes one JSON list: [protocol, when it was sent (CLOCK_MONOTONIC, s), how
long it took (s), verdict, detail]. A verdict is "right"; "refused": an answer that names a limit,
or that the worker died; "wrong": any other answer; "unanswered": none came.
"""

import argparse
import base64
import http.client
import json
import signal
import sys
import threading
import time
from pathlib import Path

from aiges.client import AigesError, Client
from websockets.sync.client import connect

SERVICE = "svcName"
PERIOD_S = 0.05
TIMEOUT_S = 10
# Licences and queue, the worker's death, memory and connections: what errors.md calls a refusal.
REFUSALS = {10109, 10110}
REFUSING_STATUS = {429, 503}


class Refused(Exception):
    """An answer that names a limit."""


class Wrong(Exception):
    """An answer that it should not be."""


def expect(got, wanted):
    if got != wanted:
        raise Wrong(f"expected {wanted!r}, got {got!r}"[:300])


def check_status(answer, body):
    if answer.status in REFUSING_STATUS:
        raise Refused(body[:200].decode("utf-8", "replace"))
    if answer.status != 200:
        raise Wrong(f"status {answer.status}: {body[:200]!r}")


class Xsf:
    name = "xsf"

    def __init__(self, grpc, http):
        self.client = Client(grpc, service=SERVICE, timeout_s=TIMEOUT_S, retries=0)

    def call(self, data):
        expect(self.client.once(data).data(), data)

    def close(self):
        self.client.close()


class NativeStream(Xsf):
    name = "stream"

    def call(self, data):
        expect(b"".join(p.data for p in self.client.stream(data, timeout_s=TIMEOUT_S)), data)


class Raw:
    name = "raw"

    def __init__(self, grpc, http):
        self.address, self.connection = http, None

    def connected(self):
        if self.connection is None:
            host, port = self.address.rsplit(":", 1)
            self.connection = http.client.HTTPConnection(host, int(port), timeout=TIMEOUT_S)
        return self.connection

    def post(self, path, body, headers):
        connection = self.connected()
        connection.request("POST", path, body, headers)
        answer = connection.getresponse()
        body = answer.read()
        check_status(answer, body)
        return body

    def call(self, data):
        expect(self.post(f"/v1/raw/{SERVICE}?key=data", data, {}), data)

    def close(self):
        if self.connection is not None:
            self.connection.close()
        self.connection = None


class Envelope(Raw):
    name = "json"
    headers = {"Content-Type": "application/json"}

    def body(self, data):
        payload = {"data": {"text": base64.b64encode(data).decode(), "status": 3}}
        return json.dumps({"header": {"status": 3}, "payload": payload})

    def call(self, data):
        answer = json.loads(self.post(f"/v1/private/{SERVICE}", self.body(data), self.headers))
        expect(answer["payload"]["data"]["text"], data.decode())


class Events(Envelope):
    name = "events"
    headers = {**Envelope.headers, "Accept": "text/event-stream"}

    def call(self, data):
        body = self.post(f"/v1/private/{SERVICE}", self.body(data), self.headers)
        lines = [line[6:] for line in body.splitlines() if line.startswith(b"data: ")]
        texts = []
        for message in map(json.loads, lines):
            refuse(message)
            texts += [item["text"] for item in (message.get("payload") or {}).values()]
        expect("".join(texts), data.decode())


def refuse(message):
    code = message["header"]["code"]
    if code in REFUSALS:
        raise Refused(message["header"]["message"])
    if code != 0:
        raise Wrong(f"code {code}: {message['header']['message']}")


class WebSocket:
    name = "ws"

    def __init__(self, grpc, http):
        self.url = f"ws://{http}/v1/private/{SERVICE}"

    def call(self, data):
        text = base64.b64encode(data).decode()
        frame = {"header": {"status": 3}, "payload": {"data": {"text": text, "status": 3}}}
        got = b""
        with connect(self.url, open_timeout=TIMEOUT_S) as ws:
            ws.send(json.dumps(frame))
            while True:
                message = json.loads(ws.recv(timeout=TIMEOUT_S))
                refuse(message)
                for item in (message.get("payload") or {}).values():
                    got += base64.b64decode(item["text"])
                if message["header"]["status"] in (2, 3):
                    break
        expect(got, data)

    def close(self):
        pass


PROTOCOLS = [Xsf, NativeStream, Raw, Envelope, Events, WebSocket]


def verdict_of(error):
    if isinstance(error, Refused):
        return "refused"
    if isinstance(error, Wrong):
        return "wrong"
    if isinstance(error, AigesError):
        return "refused" if error.code in REFUSALS else "wrong"
    return "unanswered"


def run(protocol, arguments, stop, records):
    """One call each period; a late one is followed by the next at once, none is left out."""
    caller, number, due = protocol(arguments.grpc, arguments.http), 0, time.monotonic()
    while not stop.is_set():
        number += 1
        data = f"{protocol.name} {number}".encode()
        begin, verdict, detail = time.monotonic(), "right", ""
        try:
            caller.call(data)
        except Exception as error:  # Whatever a client raises is a verdict.
            verdict, detail = verdict_of(error), f"{type(error).__name__}: {error}"[:300]
            caller.close()
            if isinstance(caller, Xsf):
                caller = protocol(arguments.grpc, arguments.http)
        records.append((protocol.name, begin, time.monotonic() - begin, verdict, detail))
        due = max(due + PERIOD_S, time.monotonic() - 1)
        stop.wait(max(0.0, due - time.monotonic()))
    caller.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--grpc", required=True)
    parser.add_argument("--http", required=True)
    parser.add_argument("--out", required=True, type=Path)
    arguments = parser.parse_args()
    stop, records = threading.Event(), []
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    threads = [
        threading.Thread(target=run, args=(protocol, arguments, stop, records))
        for protocol in PROTOCOLS
    ]
    for thread in threads:
        thread.start()
    print("steady", flush=True)
    stop.wait()
    for thread in threads:
        thread.join()
    arguments.out.write_text(json.dumps(records), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
