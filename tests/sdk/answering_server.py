# SPDX-License-Identifier: Apache-2.0
"""A server over HTTP/1.1 that answers as a test says, and keeps what it was sent."""

import http.server
import socketserver
import threading
from dataclasses import dataclass


@dataclass
class Sent:
    """A request. ``peer`` names its connection."""

    method: str
    path: str
    headers: dict
    body: bytes
    peer: object


class AnsweringServer:
    """``answer(handler, sent)`` writes each answer; ``requests`` has them all."""

    def __init__(self, answer, context=None):
        self.requests, self._answer = [], answer
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                headers = {name.lower(): value for name, value in self.headers.items()}
                sent = Sent(self.command, self.path, headers, body, self.client_address)
                outer.requests.append(sent)
                outer._answer(self, sent)

            do_GET = do_POST

            def say(self, status, body=b"", **headers):
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name.replace("_", "-"), value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def piece(self, data):
                self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
                self.wfile.flush()

            def log_message(self, *_):
                pass

        class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
            daemon_threads, block_on_close = True, False

            def handle_error(self, *_):
                pass  # A client that has gone.

        self._server = Server(("127.0.0.1", 0), Handler)
        self.port = self._server.server_address[1]
        if context is not None:
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.url = f"{'https' if context else 'http'}://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def echo(handler, sent):
    """Answers with what came, as JSON."""
    handler.say(200, sent.body or b"{}", Content_Type="application/json", X_Request_Id="r1")
