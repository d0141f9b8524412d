# SPDX-License-Identifier: Apache-2.0
"""What paddle_serving_client.HttpClient does: predict over HTTP, as JSON or proto, or over gRPC."""

from __future__ import annotations

import gzip
import http.client
import importlib
import json
import logging
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from aiges.contracts.paddle import _feed, _wire
from aiges.contracts.paddle._conf import ModelConf
from aiges.contracts.paddle._tensors import Value
from aiges.contracts.paddle.client import _answers, _json, _key
from aiges.contracts.paddle.client._answers import ServerError
from aiges.contracts.paddle.client._channel import endpoint_of
from aiges.contracts.paddle.client._configured import Configured
from aiges.contracts.paddle.client._requests import MOST_ANSWER_BYTES, Poster

__all__ = ["HttpClient"]

log = logging.getLogger("paddle_serving_client")
_PROTO = "application/proto"
_TIMEOUT_MS = 20_000


class HttpClient(Configured):
    """Calls of one service. Threads: any, once it is set up."""

    def __init__(
        self,
        ip: str = "127.0.0.1",
        port: str | int = "9393",
        service_name: str = "/GeneralModelService/inference",
    ) -> None:
        super().__init__()
        self._address = endpoint_of(f"{ip}:{port}")
        self.set_service_name(service_name)
        self._poster: Poster | None = None
        self._channel: Any = None
        self._timeout_ms, self._most_bytes = _TIMEOUT_MS, MOST_ANSWER_BYTES
        self._is_proto, self._is_grpc = True, False
        self._packs, self._takes_packed = False, False
        self._headers: dict[str, str] = {}

    def connect(self, url: Sequence[str] | str | None = None, encryption: bool = False) -> None:
        """Take the first address of ``["host:port"]``. Raises ValueError, ServerError."""
        if url:
            self._address = endpoint_of(url if isinstance(url, str) else url[0])
        if encryption:
            host, port = self._address
            endpoints = [f"[{host}]:{port}" if ":" in host else f"{host}:{port}"]
            self._address = endpoint_of(_key.unlocked(endpoints, self._key, self._timeout_ms)[0])
        self.release()

    def release(self) -> None:
        """Close the connections. The next call opens new ones."""
        poster, self._poster = self._poster, None
        channel, self._channel = self._channel, None
        if poster is not None:
            poster.close()
        if channel is not None:
            channel.close()

    def set_timeout_ms(self, timeout_ms: int) -> None:
        """Say how long one answer may take, in milliseconds."""
        self._timeout_ms = _above_0("timeout_ms: expected milliseconds", timeout_ms)

    def set_max_body_size(self, max_body_size: int) -> None:
        """Say how many bytes a request may have; 512 MiB at first."""
        self._most_bytes = _above_0("max_body_size: expected bytes", max_body_size)

    def set_service_name(self, service_name: str) -> None:
        """Say the path of the service."""
        self._path = service_name if service_name.startswith("/") else f"/{service_name}"

    def set_http_proto(self, http_proto: bool) -> None:
        """Say whether bodies are proto (as at first) or JSON."""
        self._is_proto = _truth("http_proto", http_proto)

    def set_use_grpc_client(self, use_grpc_client: bool) -> None:
        """Say whether gRPC carries the calls. The package grpcio has to be there."""
        self._is_grpc = _truth("use_grpc_client", use_grpc_client)

    def set_request_compress(self, try_request_gzip: bool) -> None:
        """Say whether requests are compressed."""
        self._packs = _truth("try_request_gzip", try_request_gzip)

    def set_response_compress(self, try_response_gzip: bool) -> None:
        """Say whether answers may be compressed."""
        self._takes_packed = _truth("try_response_gzip", try_response_gzip)

    def set_max_retries(self, retry_times: int = 3) -> None:
        """Nothing: a call that may have run is not repeated. The original's does nothing either."""

    def add_http_headers(self, headers: dict[str, str]) -> None:
        """Send these with every request over HTTP, and as metadata over gRPC."""
        if not isinstance(headers, dict):
            raise ValueError(f"headers: expected a dict, got {type(headers).__name__}")
        self._headers.update({str(name): str(value) for name, value in headers.items()})

    def predict(
        self,
        feed: Any = None,
        fetch: Any = None,
        batch: bool = False,
        need_variant_tag: bool = False,
        log_id: int = 0,
    ) -> Any:
        """Return the message ``Response``, or what a JSON answer says; None where the call failed.

        Raises ValueError for what is no feed of this model. A failed call leaves one line in the
        log ``paddle_serving_client``.
        """
        carry = self.grpc_client_predict if self._is_grpc else self.http_client_predict
        return carry(feed, fetch, batch, need_variant_tag, log_id)

    def http_client_predict(
        self,
        feed: Any = None,
        fetch: Any = None,
        batch: bool = False,
        need_variant_tag: bool = False,
        log_id: int = 0,
    ) -> Any:
        """Predict over HTTP, whatever was set. Otherwise as ``predict``."""
        return self._predict(self._post, feed, fetch, batch, log_id)

    def grpc_client_predict(
        self,
        feed: Any = None,
        fetch: Any = None,
        batch: bool = False,
        need_variant_tag: bool = False,
        log_id: int = 0,
    ) -> Any:
        """Predict over gRPC, whatever was set. Otherwise as ``predict``."""
        return self._predict(self._call, feed, fetch, batch, log_id)

    def _predict(
        self, carry: Callable[..., Any], feed: Any, fetch: Any, batch: bool, log_id: int
    ) -> Any:
        values = _feed.values_of(self.conf, _one_each(self.conf, feed), batch)
        names = _feed.fetch_names(self.conf, fetch)
        host, port = self._address
        try:
            return carry(values, names, log_id)
        except (OSError, http.client.HTTPException, ServerError) as fault:
            reason = str(fault) or type(fault).__name__
            log.error("predict (log_id %d) at %s:%d has no result: %s", log_id, host, port, reason)
            return None

    def _check_size(self, request: bytes) -> None:
        if len(request) > self._most_bytes:
            raise ServerError(
                f"a request of {len(request)} bytes, set_max_body_size allows {self._most_bytes}"
            )

    def _post(self, values: list[Value], names: list[str], log_id: int) -> Any:
        if self._is_proto:
            body = _answers.write_request("0.9", values, names, log_id)
        else:
            said = _json.request_json(values, names, log_id)
            body = json.dumps(said, separators=(",", ":")).encode()
        self._check_size(body)
        headers = {"Content-Type": _PROTO if self._is_proto else "application/json"}
        if self._packs:
            body, headers["Content-Encoding"] = gzip.compress(body, 6), "gzip"
        headers["Accept-Encoding"] = "gzip" if self._takes_packed else "identity"
        if self._poster is None:
            self._poster = Poster(*self._address)
        answer = self._poster.post(
            self._path, body, {**headers, **self._headers}, self._timeout_ms / 1000
        )
        if answer.status != 200:
            text = answer.content[:500].decode("utf-8", "replace")
            raise ServerError(f"HTTP {answer.status}: {text}")
        if answer.content_type == _PROTO:
            return _response(answer.content)
        try:
            return json.loads(answer.content)
        except ValueError:
            raise ServerError(f"expected JSON, got {answer.content_type or 'no type'}") from None

    def _call(self, values: list[Value], names: list[str], log_id: int) -> Any:
        grpc: Any = importlib.import_module("grpc")
        if self._channel is None:
            host, port = self._address
            options = [
                ("grpc.enable_http_proxy", 0),
                ("grpc.max_receive_message_length", MOST_ANSWER_BYTES),
                ("grpc.max_send_message_length", MOST_ANSWER_BYTES),
            ]
            target = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
            self._channel = grpc.insecure_channel(target, options)
        call = self._channel.unary_unary(f"/{_wire.SERVICE}/{_wire.METHOD}")
        request = _answers.write_request("0.9", values, names, log_id)
        self._check_size(request)
        metadata = [(name.lower(), value) for name, value in self._headers.items()]
        try:
            answer = call(request, timeout=self._timeout_ms / 1000, metadata=metadata or None)
        except grpc.RpcError as fault:
            raise ServerError(f"gRPC {fault.code().name}: {fault.details()}") from None
        return _response(answer)


def _response(message: bytes) -> Any:
    try:
        return _wire.v3().Response.FromString(message)
    except Exception as fault:  # protobuf's DecodeError has no base of ours.
        raise ServerError(f"expected a Response: {fault}") from None


def _above_0(expected: str, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value <= 0:
        raise ValueError(f"{expected} above 0, got {value!r}")
    return value


def _truth(name: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"{name}: expected True or False, got {value!r}")
    return value


def _one_each(conf: ModelConf, feed: Any) -> Any:
    """Return a list that has one item for each feed variable as a dict of them."""
    if not isinstance(feed, (list, tuple)) or len(feed) != len(conf.feeds):
        return feed
    if any(isinstance(each, dict) for each in feed):
        return feed
    if len(feed) == 1 and not isinstance(feed[0], (list, tuple, np.ndarray, str, bytes)):
        return feed
    return {var.alias: each for var, each in zip(conf.feeds, feed)}
