# SPDX-License-Identifier: Apache-2.0
"""A small server of baidu_std, and prototxt files, for tests of the clients."""

import contextlib
import socket
import struct
import threading

from aiges.contracts.paddle import _prpc, _wire

UCI = """feed_var {
  name: "x"
  alias_name: "x"
  is_lod_tensor: false
  feed_type: 1
  shape: 13
}
fetch_var {
  name: "fc_0.tmp_1"
  alias_name: "price"
  is_lod_tensor: false
  fetch_type: 1
  shape: 1
}
"""
IMDB = """feed_var {
  name: "words"
  alias_name: "words"
  is_lod_tensor: true
  feed_type: 0
  shape: -1
}
fetch_var {
  name: "fc_2.tmp_2"
  alias_name: "prediction"
  is_lod_tensor: false
  fetch_type: 1
  shape: 2
}
"""


class Peer:
    """Answers each frame with what ``handler(frame)`` returns: (meta, message), bytes, or None.

    None closes the connection. A meta gets the request's correlation_id where it has none.
    """

    def __init__(self, handler):
        self.handler, self.frames, self.accepted = handler, [], 0
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = self._server.getsockname()[1]
        self.endpoint = f"127.0.0.1:{self.port}"
        self._open, self._lock = set(), threading.Lock()
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def _accept(self):
        while True:
            try:
                connection, _ = self._server.accept()
            except OSError:
                return
            with self._lock:
                self.accepted += 1
                self._open.add(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        decoder = _prpc.Decoder()
        with contextlib.suppress(OSError), connection:
            while data := connection.recv(1 << 16):
                for frame in decoder.feed(data):
                    self.frames.append(frame)
                    answer = self.handler(frame)
                    if answer is None:
                        return
                    if isinstance(answer, tuple):
                        meta, message = answer
                        if not meta.correlation_id:
                            meta.correlation_id = frame.meta.correlation_id
                        answer = b"".join(_prpc.pack(meta, message))
                    connection.sendall(answer)
        with self._lock:
            self._open.discard(connection)

    def drop(self):
        """Close the connections that are open."""
        with self._lock:
            connections = list(self._open)
        for connection in connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def close(self):
        with contextlib.suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        self.drop()
        self._thread.join(5)

    @property
    def requests(self):
        """The requests that came, as messages of 0.9."""
        return [_wire.v3().Request.FromString(frame.message) for frame in self.frames]


def ok():
    meta = _wire.frame().RpcMeta()
    meta.response.error_code = 0
    return meta


def refused(code, text):
    meta = _wire.frame().RpcMeta()
    meta.response.error_code, meta.response.error_text = code, text
    return meta


def respond(*tensors, engine="GeneralInferOp_0"):
    """A Response of 0.9 of one engine; each tensor is a dict of fields."""
    response = _wire.v3().Response()
    output = response.outputs.add(engine_name=engine)
    for fields in tensors:
        output.tensor.add(**fields)
    return response


def price(*rows):
    return respond(
        {
            "float_data": rows,
            "elem_type": 1,
            "shape": [len(rows), 1],
            "name": "fc_0.tmp_1",
            "alias_name": "price",
        }
    )


def answers(message):
    """A handler that always gives this message."""
    return lambda _frame: (ok(), message.SerializeToString())


def golden(meta: bytes, message: bytes) -> bytes:
    """A frame by hand: no code of ours."""
    return b"PRPC" + struct.pack(">II", len(meta) + len(message), len(meta)) + meta + message
