# SPDX-License-Identifier: Apache-2.0
"""A collector of OpenTelemetry for tests: takes OTLP over HTTP, in both encodings."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from waiting import wait_until

KINDS = {"stringValue": str, "intValue": int, "boolValue": bool}


def _from_json(body):
    for resource in json.loads(body)["resourceSpans"]:
        for scope in resource["scopeSpans"]:
            for span in scope["spans"]:
                yield SimpleNamespace(
                    resource=_plain(resource["resource"]["attributes"]),
                    trace=span["traceId"],
                    id=span["spanId"],
                    parent=span.get("parentSpanId", ""),
                    name=span["name"],
                    kind=span["kind"],
                    begin=int(span["startTimeUnixNano"]),
                    end=int(span["endTimeUnixNano"]),
                    attributes=_plain(span["attributes"]),
                    status=span.get("status", {}).get("code", 0),
                    state=span.get("traceState", ""),
                )


def _plain(attributes):
    pairs = ((each["key"], *next(iter(each["value"].items()))) for each in attributes)
    return {key: KINDS[kind](value) for key, kind, value in pairs}


def _values(attributes):
    return {each.key: getattr(each.value, each.value.WhichOneof("value")) for each in attributes}


def _from_protobuf(body):
    for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
        for scope in resource.scope_spans:
            for span in scope.spans:
                yield SimpleNamespace(
                    resource=_values(resource.resource.attributes),
                    trace=span.trace_id.hex(),
                    id=span.span_id.hex(),
                    parent=span.parent_span_id.hex(),
                    name=span.name,
                    kind=span.kind,
                    begin=span.start_time_unix_nano,
                    end=span.end_time_unix_nano,
                    attributes=_values(span.attributes),
                    status=span.status.code,
                    state=span.trace_state,
                )


class Collector:
    """``status``: what the next requests are answered; ``spans``: of all that were taken."""

    def __init__(self):
        self.status = 200
        self.retry_after = None
        self.spans, self.requests = [], []
        owner = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                kind = self.headers["Content-Type"]
                owner.requests.append((self.path, dict(self.headers), owner.status))
                if owner.status == 200:
                    read = _from_json if kind == "application/json" else _from_protobuf
                    owner.spans.extend(read(body))
                self.send_response(owner.status)
                if owner.retry_after is not None:
                    self.send_header("Retry-After", owner.retry_after)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.endpoint = f"http://127.0.0.1:{self._server.server_port}/v1/traces"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def close(self):
        self._server.shutdown()
        self._server.server_close()

    def wait(self, count):
        wait_until(lambda: len(self.spans) >= count, f"{count} spans, got {self.names()}")
        return self.spans

    def names(self):
        return [span.name for span in self.spans]

    def calls(self):
        """The spans of calls, without those of their stages."""
        return [span for span in self.spans if span.kind == 2]
