# SPDX-License-Identifier: Apache-2.0
"""A session over each protocol, with one face, for tests of what holds in all of them.

write() gives a piece of one input stream; iterating gives each Item of the output until the session
has ended; leave() goes without a word. ServerSentEvents has its whole input at once, from
write_all().
"""

import base64
import http.client
import json
import queue
import socket
from typing import NamedTuple

from websockets.exceptions import ConnectionClosedOK
from websockets.sync.client import connect
from xsf_client import STREAM, XsfSession

BEGIN, CONTINUE, END, ONCE = range(4)


class Item(NamedTuple):
    key: str
    text: str
    status: int


def of_protobuf(payload):
    return Item(payload.meta.name, payload.data.decode(), int(payload.meta.attribute["status"]))


def of_json(message):
    for key, value in message.get("payload", {}).items():
        text = base64.b64decode(value["text"]).decode()
        yield Item(key, text, int(value["status"]))


class Xsf:
    def __init__(self, loader, **params):
        self.session = XsfSession(loader.xsf)
        answer = self.session.open(params=params)
        assert answer.code == 0, answer.error
        self.taken = 0

    def write(self, data, status, key="in"):
        self.session.write(data, status, key)

    def __iter__(self):
        while True:
            while self.taken < len(self.session.got):
                self.taken += 1
                yield of_protobuf(self.session.got[self.taken - 1])
            if self.session.ended:
                return
            answer = self.session.out()
            assert answer.code == 0, answer.error


class NativeStream:
    def __init__(self, loader, **params):
        import loader_pb2

        self.xsf, self.inputs = loader.xsf, queue.SimpleQueue()
        method = loader.xsf.channel.stream_stream(
            "/aiges.v1.Stream/Run",
            request_serializer=loader_pb2.LoaderInput.SerializeToString,
            response_deserializer=loader_pb2.LoaderOutput.FromString,
        )
        self.call = method(iter(self.inputs.get, None), timeout=60)
        self.inputs.put(self.xsf.input(state=STREAM, params=params))

    def write(self, data, status, key="in"):
        payload = self.xsf.payload(key, data, status=str(status))
        self.inputs.put(self.xsf.input(payload, state=STREAM))

    def leave(self):
        self.call.cancel()

    def half_close(self):
        self.inputs.put(None)

    def __iter__(self):
        for output in self.call:
            assert output.code == 0, output.err
            yield from map(of_protobuf, output.pl)


class WebSocket:
    def __init__(self, loader, **params):
        self.ws = connect(f"ws://{loader.http}/v1/private/svcName", open_timeout=20, max_size=None)
        self.ws.send(json.dumps({"header": {"status": 0}, "parameter": {"group": params}}))

    def write(self, data, status, key="in"):
        text = base64.b64encode(data).decode()
        payload = {key: {"encoding": "utf8", "text": text, "status": status}}
        self.ws.send(json.dumps({"header": {"status": 1}, "payload": payload}))

    def leave(self):
        self.ws.socket.shutdown(socket.SHUT_RDWR)  # Its reader holds a mere close() back.

    def __iter__(self):
        while True:
            try:
                message = json.loads(self.ws.recv(timeout=20))
            except ConnectionClosedOK:
                return
            assert message["header"]["code"] == 0, message
            yield from of_json(message)


class ServerSentEvents:
    def __init__(self, loader, **params):
        self.connection = http.client.HTTPConnection(loader.web.host, loader.web.port, timeout=20)
        self.params = params

    def write(self, data, status, key="in"):
        self.write_all({key: data})

    def write_all(self, pieces):
        payload = {k: {"text": base64.b64encode(d).decode()} for k, d in pieces.items()}
        body = {"header": {}, "parameter": {"group": self.params}, "payload": payload}
        headers = {"Accept": "text/event-stream", "Content-Type": "application/json"}
        self.connection.request("POST", "/v1/private/svcName", json.dumps(body), headers)
        self.answer = self.connection.getresponse()

    def leave(self):
        self.connection.sock.shutdown(socket.SHUT_RDWR)
        self.answer.close()
        self.connection.close()

    def __iter__(self):
        for line in self.answer:
            if line.startswith(b"data: "):
                message = json.loads(line[6:])
                for key, value in message.get("payload", {}).items():
                    yield Item(key, value["text"], int(value["status"]))
        self.connection.close()


FRONTS = [Xsf, NativeStream, WebSocket, ServerSentEvents]
