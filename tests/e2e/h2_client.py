# SPDX-License-Identifier: Apache-2.0
"""HTTP/2 by hand, for what gRPC's own client hides or would never send.

One connection over which any frame can be sent. Frames are read only while a test waits for
something, so a client that does not read is simply one that does not wait. A stream's window grows
with what has been read, unless the stream is held.
"""

import contextlib
import socket
import struct
import time

import hpack
from hyperframe import frame as frames

CALL = "/utils.XsfCall/call"
GRPC = {"content-type": "application/grpc", "te": "trailers"}
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
Settings = frames.SettingsFrame
NO_ERROR, PROTOCOL_ERROR, INTERNAL_ERROR, FLOW_CONTROL_ERROR = 0, 1, 2, 3
REFUSED_STREAM, CANCEL, COMPRESSION_ERROR, ENHANCE_YOUR_CALM = 7, 8, 9, 11


def message(data=b"", compressed=0):
    """A length-prefixed message of gRPC."""
    return struct.pack(">BI", compressed, len(data)) + data


def xsf_bytes(loader, data=b"x", wait_ms=20000, **params):
    """A ReqData of the toolbox's echo, or of params["do"]."""
    params = {key: str(value) for key, value in params.items()}
    inner = loader.xsf.input(loader.xsf.payload("data", data), params=params)
    return loader.xsf.request(inner, wait_ms=wait_ms).SerializeToString()


def xsf_message(loader, data=b"x", **options):
    return message(xsf_bytes(loader, data, **options))


def messages(body):
    """[(compressed, data)] of the messages that have come whole."""
    found = []
    while len(body) >= 5:
        compressed, size = struct.unpack_from(">BI", body)
        if len(body) < 5 + size:
            break
        found.append((compressed, body[5 : 5 + size]))
        body = body[5 + size :]
    return found


def block(pairs):
    """{name: value} of header fields, repeats joined by ", "."""
    found = {}
    for name, value in pairs:
        found[name] = f"{found[name]}, {value}" if name in found else value
    return found


class Stream:
    """What has come of one answer."""

    def __init__(self, number, window):
        self.number, self.window, self.held = number, window, False
        self.headers = self.trailers = self.reset = None
        self.body, self.ended = b"", False

    @property
    def done(self):
        return self.ended or self.reset is not None

    @property
    def status(self):
        return None if self.headers is None else int(self.headers[":status"])

    def field(self, name):
        """Of the last block: the trailers, or the headers of an answer that has nothing else."""
        last = self.headers if self.trailers is None else self.trailers
        return (last or {}).get(name)

    @property
    def grpc_status(self):
        """The number, or None."""
        text = self.field("grpc-status")
        return None if text is None else int(text)

    @property
    def grpc_message(self):
        return self.field("grpc-message") or ""

    def __repr__(self):
        return (
            f"stream {self.number}: headers {self.headers}, {len(self.body)} bytes, "
            f"trailers {self.trailers}, reset {self.reset}"
        )


class H2Client:
    """`window`: what a stream may bring unread; the connection has room for all of them."""

    def __init__(self, address, window=1 << 20, timeout_s=20):
        host, _, port = address.rpartition(":")
        self.address, self.timeout_s = address, timeout_s
        self.socket = socket.create_connection((host, int(port)), timeout=timeout_s)
        self.encoder, self.decoder = hpack.Encoder(), hpack.Decoder()
        self.decoder.max_header_list_size = 1 << 20
        self.settings = {Settings.INITIAL_WINDOW_SIZE: 65535, Settings.MAX_FRAME_SIZE: 16384}
        self.window, self.streams, self.next = 65535, {}, 1
        self.pongs, self.goaways, self.closed = [], [], False
        self.partial, self.fragments = b"", b""
        self.socket.sendall(PREFACE)
        self.frame(Settings(0, settings={Settings.INITIAL_WINDOW_SIZE: window}))
        self.frame(frames.WindowUpdateFrame(0, window_increment=1 << 28))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def frame(self, *sent):
        """Sends frames as they are."""
        self.socket.sendall(b"".join(one.serialize() for one in sent))

    def begin(self, path=CALL, *, method="POST", headers=GRPC, end=False):
        """Sends a head; `headers`: a dict or pairs, behind HTTP/2's own."""
        own = [(":method", method), (":scheme", "http"), (":path", path)]
        own.append((":authority", self.address))
        return self.head(own + list(headers.items() if isinstance(headers, dict) else headers), end)

    def head(self, pairs, end=False):
        """Sends exactly these fields, in as many frames as it takes."""
        stream = Stream(self.next, self.settings[Settings.INITIAL_WINDOW_SIZE])
        self.streams[stream.number] = stream
        self.next += 2
        data, flags = self.encoder.encode(pairs), ["END_STREAM"] if end else []
        pieces = [data[at : at + 16384] for at in range(0, len(data), 16384)]
        for index, piece in enumerate(pieces):
            last = ["END_HEADERS"] if index == len(pieces) - 1 else []
            if index == 0:
                self.frame(frames.HeadersFrame(stream.number, piece, flags=flags + last))
            else:
                self.frame(frames.ContinuationFrame(stream.number, piece, flags=last))
        return stream

    def send(self, stream, data, end=False):
        """As the server's windows allow; not on where it has ended the stream."""
        while True:
            room = min(stream.window, self.window, self.settings[Settings.MAX_FRAME_SIZE])
            piece, data = data[: max(room, 0)], data[max(room, 0) :]
            stream.window -= len(piece)
            self.window -= len(piece)
            if piece or (end and not data):
                flags = ["END_STREAM"] if end and not data else []
                self.frame(frames.DataFrame(stream.number, piece, flags=flags))
            if not data:
                return stream
            if room <= 0:
                assert self.read() or stream.done, f"cannot send all: {stream}"
                if stream.done:
                    return stream

    def ask(self, body=b"", path=CALL, **options):
        """One whole exchange, up to the end of the answer."""
        return self.wait(self.send(self.begin(path, **options), body, end=True))

    def reset(self, stream, code=CANCEL):
        self.frame(frames.RstStreamFrame(stream.number, error_code=code))

    def ping(self, data=b"12345678"):
        self.frame(frames.PingFrame(0, data))

    def release(self, stream):
        """Lets a held stream go on."""
        stream.held = False
        self._enlarge(stream, len(stream.body))

    def _enlarge(self, stream, size):
        if size > 0 and not stream.held and not stream.done:
            self._reply(frames.WindowUpdateFrame(stream.number, window_increment=size))

    def _reply(self, one):
        with contextlib.suppress(OSError):  # The server may have closed: what came counts.
            self.frame(one)

    def read(self, timeout_s=None):
        """What comes next. False: nothing more will."""
        self.socket.settimeout(self.timeout_s if timeout_s is None else timeout_s)
        try:
            data = self.socket.recv(65536)
        except ConnectionResetError:
            data = b""
        self.closed = not data
        self.partial += data
        while len(self.partial) >= 9:
            size = 9 + int.from_bytes(self.partial[:3], "big")
            if len(self.partial) < size:
                break
            one, _ = frames.Frame.parse_frame_header(memoryview(self.partial[:9]))
            one.parse_body(memoryview(self.partial[9:size]))
            self.partial = self.partial[size:]
            self._on(one)
        return not self.closed

    def _on(self, one):
        stream = self.streams.get(one.stream_id)
        if stream is None and one.stream_id != 0:  # Of a frame that was made by hand.
            stream = self.streams[one.stream_id] = Stream(one.stream_id, 0)
        if isinstance(one, Settings) and "ACK" not in one.flags:
            before = self.settings[Settings.INITIAL_WINDOW_SIZE]
            self.settings.update(one.settings)
            for other in self.streams.values():
                other.window += self.settings[Settings.INITIAL_WINDOW_SIZE] - before
            self._reply(Settings(0, flags=["ACK"]))
        elif isinstance(one, frames.PingFrame):
            if "ACK" in one.flags:
                self.pongs.append(one.opaque_data)
            else:
                self._reply(frames.PingFrame(0, one.opaque_data, flags=["ACK"]))
        elif isinstance(one, frames.GoAwayFrame):
            self.goaways.append(one)
        elif isinstance(one, frames.WindowUpdateFrame):
            (stream or self).window += one.window_increment
        elif isinstance(one, (frames.HeadersFrame, frames.ContinuationFrame)):
            self.fragments += one.data
            if "END_HEADERS" in one.flags:
                fields = block(self.decoder.decode(self.fragments))
                self.fragments = b""
                if stream.headers is None:
                    stream.headers = fields
                else:
                    stream.trailers = fields
        elif isinstance(one, frames.RstStreamFrame):
            stream.reset = one.error_code
        elif isinstance(one, frames.DataFrame):
            stream.body += one.data
        if "END_STREAM" in one.flags:
            stream.ended = True
        if isinstance(one, frames.DataFrame):
            self._enlarge(stream, one.flow_controlled_length)

    def wait_for(self, condition, what, timeout_s=20):
        end = time.monotonic() + timeout_s
        while not condition():
            left = end - time.monotonic()
            assert left > 0, f"expected within {timeout_s} s: {what}"
            try:
                alive = self.read(left)
            except TimeoutError:
                continue
            assert alive or condition(), f"expected {what}, the connection has been closed"

    def wait(self, stream, timeout_s=20):
        self.wait_for(lambda: stream.done, f"the end of {stream}", timeout_s)
        return stream
