# SPDX-License-Identifier: Apache-2.0
"""An XSF client as those in the field: /utils.XsfCall/call with LoaderInput in data[0]."""

import os

# The tests start processes; gRPC's own handlers for fork only get in the way.
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")

import grpc

CALL = "/utils.XsfCall/call"
TEXT, AUDIO, IMAGE, VIDEO, OTHER = range(5)
STREAM, ONCE = 0, 1
UNLIMITED = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]


def _messages():
    import loader_pb2
    import xsf_pb2

    return xsf_pb2, loader_pb2


class Answer:
    """ResData with the LoaderOutput in it."""

    def __init__(self, message, trailing=()):
        _, loader = _messages()
        self.res = message
        self.trailing = {key: value for key, value in trailing or ()}
        self.output = loader.LoaderOutput()
        if message.data:
            self.output.ParseFromString(message.data[0].data)

    @property
    def code(self):
        return self.output.code

    @property
    def error(self):
        return self.output.err

    @property
    def payloads(self):
        return {p.meta.name: p for p in self.output.pl}

    def data(self, name):
        assert self.code == 0, f"expected code 0, got {self.code}: {self.error}"
        return self.payloads[name].data

    def text(self, name="result"):
        return self.data(name).decode("utf-8")


class XsfClient:
    def __init__(self, address, service="svcName"):
        self.address, self.service = address, service
        self.wait_for_ready = True  # False: a server that is gone is told at once.
        self.channel = grpc.insecure_channel(address, options=UNLIMITED)
        self.raw = self.channel.unary_unary(CALL)  # Bytes in, bytes out.

    def close(self):
        self.channel.close()

    @staticmethod
    def payload(name="data", data=b"", kind=TEXT, **attributes):
        _, loader = _messages()
        attributes.setdefault("status", "3")
        meta = loader.MetaDesc(name=name, dataType=kind, attribute=attributes)
        return loader.Payload(meta=meta, data=data)

    @staticmethod
    def expect(name, kind=TEXT, **attributes):
        _, loader = _messages()
        return loader.MetaDesc(name=name, dataType=kind, attribute=attributes)

    def input(self, *payloads, params=None, headers=None, expect=(), state=ONCE, service=None):
        _, loader = _messages()
        return loader.LoaderInput(
            serviceId=service or self.service,
            state=state,
            params=params or {},
            headers=headers or {},
            expect=list(expect),
            pl=list(payloads),
        )

    def request(self, inner, *, op="AIIn", param=None, wait_ms="5000", handle="", trace=""):
        """`inner`: LoaderInput, bytes, or None for a request without data."""
        xsf, _ = _messages()
        if param is None:
            param = {"SeqNo": "1", "version": "v2", "baseId": "0"}
            if wait_ms is not None:
                param["waitTime"] = str(wait_ms)
        message = xsf.ReqData(op=op, param=param)
        message.s.h, message.s.t = handle, trace
        if inner is not None:
            data = inner if isinstance(inner, bytes) else inner.SerializeToString()
            message.data.add(data=data)
        return message

    def send(self, request, timeout_s=30, metadata=()):
        """The future of a call that is on its way. Dropping the future cancels the call."""
        return self.raw.future(
            request.SerializeToString(),
            timeout=timeout_s,
            metadata=list(metadata),
            wait_for_ready=self.wait_for_ready,
        )

    def answer(self, future):
        xsf, _ = _messages()
        message = xsf.ResData()
        message.ParseFromString(future.result())
        return Answer(message, future.trailing_metadata())

    def begin(self, *payloads, wait_ms="5000", handle="", trace="", timeout_s=30, **fields):
        """Sends a once call; without payloads, one empty text payload `data`."""
        inner = self.input(*(payloads or (self.payload(),)), **fields)
        return self.send(
            self.request(inner, wait_ms=wait_ms, handle=handle, trace=trace), timeout_s
        )

    def once(self, *payloads, **options):
        return self.answer(self.begin(*payloads, **options))

    def do(self, action, data=b"", wait_ms="5000", **params):
        """One call of the toolbox wrapper."""
        return self.answer(self.begin_do(action, data, wait_ms, **params))

    def begin_do(self, action, data=b"", wait_ms="5000", **params):
        text = {"do": action, **{key: str(value) for key, value in params.items()}}
        return self.begin(self.payload("data", data), wait_ms=wait_ms, params=text)


class XsfSession:
    """A stream session: open(), write(..) and out() return Answers.

    Any answer may carry output, also that of a write: `got` has all payloads so far.
    """

    def __init__(self, client, handle=""):
        self.client, self.handle, self.sync_id = client, handle, 0
        self.got, self.ended, self.failed = [], False, None

    def _ask(self, op, inner, param):
        request = self.client.request(inner, op=op, param=param, handle=self.handle)
        answer = self.client.answer(self.client.send(request))
        self.handle = answer.res.s.h
        if answer.code and self.failed is None:
            self.failed = answer
        self.got += answer.output.pl
        self.ended = self.ended or answer.output.status in (2, 3)
        return answer

    def _input(self, payloads, **fields):
        message = self.client.input(*payloads, state=STREAM, **fields)
        message.sync_id = self.sync_id
        self.sync_id += 1
        return message

    def open(self, *payloads, **fields):
        return self._ask("AIIn", self._input(payloads, **fields), {"SeqNo": "1"})

    def write(self, data, status=1, key="in", sync_id=None, **attributes):
        payload = self.client.payload(key, data, status=str(status), **attributes)
        if sync_id is not None:
            self.sync_id = sync_id
        return self._ask("AIIn", self._input([payload]), {})

    def out(self, wait_ms=5000):
        return self._ask("AIOut", None, {"waitTime": str(wait_ms)})

    def stop(self):
        return self._ask("AIExcp", None, {})

    def failure(self):
        """The answer with the session's error: that of any operation, also of the first."""
        while self.failed is None:
            self.out()
        return self.failed

    def all(self, key="out"):
        """Texts of the stream, from the session's begin to its end."""
        while not self.ended:
            answer = self.out()
            assert answer.code == 0, answer.error
        return [p.data.decode() for p in self.got if p.meta.name == key]
