# SPDX-License-Identifier: Apache-2.0
"""Sends a case of triton_cases and gives the answer in a form that can be kept and compared.

What changes from run to run is taken out: durations, times of day, places in tracebacks, the
server's version. JSON is compared as the values that it says, binary blocks as bytes.
"""

import base64
import gzip
import http.client
import json
import re
import zlib

import grpc
import numpy as np
from google.protobuf import json_format
from tritonclient.grpc import service_pb2

SERVICE = "/inference.GRPCInferenceService/"
LIMIT_S = 30
KEPT_HEADERS = ("content-type", "content-encoding")
# Durations and times; a count says something only where nobody else counts.
_TIMED = ("ns", "last_inference")


class Server:
    """The two ports of a server under test."""

    def __init__(self, http_port, grpc_port):
        self.http_port = http_port
        unlimited = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
        self.channel = grpc.insecure_channel(f"127.0.0.1:{grpc_port}", unlimited)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.channel.close()

    def ask(self, case):
        return {"http": self._http, "grpc": self._grpc, "stream": self._stream}[case["by"]](case)

    def _http(self, case):
        connection = http.client.HTTPConnection("127.0.0.1", self.http_port, timeout=LIMIT_S)
        try:
            connection.request(case["method"], case["path"], case["body"], case["headers"])
            answer = connection.getresponse()
            return read_http(answer, answer.read())
        finally:
            connection.close()

    def _grpc(self, case):
        call = self.channel.unary_unary(
            SERVICE + case["method"],
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=message_of(case["method"], "Response").FromString,
        )
        try:
            metadata = list(case["metadata"].items())
            answer = call(request_of(case), timeout=LIMIT_S, metadata=metadata)
        except grpc.RpcError as fault:
            return {"code": fault.code().name, "details": plain_text(fault.details())}
        return {"message": plain(as_json(answer))}

    def _stream(self, case):
        call = self.channel.stream_stream(
            SERVICE + "ModelStreamInfer",
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=service_pb2.ModelStreamInferResponse.FromString,
        )
        messages = [
            json_format.ParseDict(request, service_pb2.ModelInferRequest())
            for request in case["requests"]
        ]
        found, metadata = [], list(case["metadata"].items())
        stream = call(iter(messages), timeout=LIMIT_S, metadata=metadata)
        try:
            found += [plain(as_json(answer)) for answer in stream]
        except grpc.RpcError as fault:
            fault = {"code": fault.code().name, "details": plain_text(fault.details())}
            return {"responses": found, **fault}
        return {"responses": found}


def message_of(method, kind):
    """The class of a method's request or response."""
    return getattr(service_pb2, f"{method}{kind}")


def request_of(case):
    return json_format.ParseDict(case["request"], message_of(case["method"], "Request")())


def as_json(message):
    return json_format.MessageToDict(message, preserving_proto_field_name=True)


def read_http(answer, body):
    """Status, kept headers, and the body: its JSON, its binary blocks, its events or its text."""
    found = {"status": answer.status}
    kept = {k: answer.getheader(k) for k in KEPT_HEADERS if answer.getheader(k)}
    found |= kept if answer.status == 200 and body else {}
    encoding, head = (
        found.get("content-encoding"),
        answer.getheader("inference-header-content-length"),
    )
    if encoding == "gzip":
        body = gzip.decompress(body)
    elif encoding == "deflate":
        body = zlib.decompress(body)
    if head is not None:
        found["blocks"] = base64.b64encode(body[int(head) :]).decode()
        body = body[: int(head)]
    text = body.decode("utf-8", "backslashreplace")
    if found.get("content-type", "").startswith("text/event-stream"):
        events = [event for event in text.split("\n\n") if event]
        found["events"] = [plain(value_of(each.removeprefix("data: "))) for each in events]
    elif text:
        found["json"] = plain(value_of(text))  # The original calls much of its JSON text/plain.
    return found


def value_of(text):
    try:
        return json.loads(text, parse_constant=lambda name: f"number {name}")
    except ValueError:
        return f"no JSON: {text}"


def plain(value, key=""):
    """The value without what changes from run to run; numbers of FP32 as the shortest ones."""
    if isinstance(value, dict):
        if value.get("datatype") == "FP32" and "data" in value:
            value = {**value, "data": [shortest(each) for each in value["data"]]}
        if "extensions" in value:  # The metadata of the server.
            value = {**value, "version": "any"}
        return {k: plain(v, k) for k, v in value.items()}
    if isinstance(value, list):
        return [plain(each, key) for each in value]
    if key in _TIMED:
        return "any"
    return plain_text(value) if isinstance(value, str) else value


def shortest(number):
    return number if isinstance(number, str) else float(str(np.float32(number)))


def plain_text(text):
    """Without the places of a traceback, and without the folder of the repository."""
    text = re.sub(r"\n\nAt:\n.*", "", text, flags=re.DOTALL)
    return re.sub(r"(/[\w.+-]+)+/(?=[\w.+-]+)", "", text)
