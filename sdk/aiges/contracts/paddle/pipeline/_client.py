# SPDX-License-Identifier: Apache-2.0
"""``PipelineClient``: calls of pipelines over gRPC. Needs grpcio and protobuf, of any version."""

from __future__ import annotations

import importlib
import socket
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from aiges.contracts.paddle.pipeline import _tensors
from aiges.contracts.paddle.pipeline._messages import METHOD, messages

__all__ = ["PipelineClient"]

_MOST_MESSAGE = 512 << 20
_OPTIONS = [
    ("grpc.max_receive_message_length", _MOST_MESSAGE),
    ("grpc.max_send_message_length", _MOST_MESSAGE),
    ("grpc.lb_policy_name", "round_robin"),
    ("grpc.enable_http_proxy", 0),
]
_PROFILE = "pipeline.profile"


class PipelineClient:
    """Calls of one service at one or more addresses, in turns. Threads: any, once connected."""

    def __init__(self) -> None:
        self._channel: Any = None
        self._call: Any = None
        self._clientip = ""

    def connect(self, endpoints: Sequence[str] | str) -> None:
        """Take the addresses; connections are made by calls. Raises ValueError, ImportError."""
        listed = [endpoints] if isinstance(endpoints, str) else list(endpoints)
        if not listed or not all(":" in each for each in listed):
            raise ValueError(f'endpoints: expected a list as ["ip:port"], got {endpoints!r}')
        try:
            grpc: Any = importlib.import_module("grpc")
        except ImportError as fault:
            raise ImportError(
                f"expected the package grpcio, which PipelineClient calls by "
                f"(pip install grpcio protobuf): {fault}"
            ) from fault
        self.release()
        self._channel = grpc.insecure_channel(_target(listed), options=_OPTIONS)
        self._call = self._channel.unary_unary(
            METHOD,
            request_serializer=messages().Request.SerializeToString,
            response_deserializer=messages().Response.FromString,
        )
        self._clientip = _own_address()

    def release(self) -> None:
        """Close the connections."""
        if self._channel is not None:
            self._channel.close()
            self._channel = self._call = None

    def __enter__(self) -> PipelineClient:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()

    def predict(
        self,
        feed_dict: dict[str, Any],
        fetch: Any = None,
        asyn: bool = False,
        pack_tensor_format: bool = False,
        use_tensor_bytes: bool = False,
        profile: bool = False,
        log_id: int = 0,
    ) -> Any:
        """Return the Response; with ``asyn`` what has it as ``result()``.

        Texts go as they are, arrays and lists as ``repr`` writes an array, or as tensors. ``fetch``
        has no effect. Raises TypeError for values of other kinds, and what grpcio raises.
        """
        if not isinstance(feed_dict, dict):
            raise TypeError(
                f"feed must be dict type with format: {{name: value}}; got {type(feed_dict)}"
            )
        request = self._request(feed_dict, log_id, pack_tensor_format, use_tensor_bytes)
        if profile:
            request.key.append(_PROFILE)
            request.value.append("1")
        call = self._connected()
        return call.future(request) if asyn else call(request)

    def call(
        self,
        texts: Mapping[str, str],
        arrays: Mapping[str, Any],
        *,
        log_id: int = 0,
        timeout: float | None = None,
    ) -> Any:
        """Return the Response to texts and tensors."""
        request = self._request(dict(texts), log_id, False, False)
        for name, value in arrays.items():
            _tensors.write(request.tensors.add(), name, value)
        return self._connected()(request, timeout=timeout)

    @staticmethod
    def dict_of(response: Any) -> dict[str, Any]:
        """Return what a Response has by key: texts, and tensors as arrays."""
        made: dict[str, Any] = dict(zip(response.key, response.value))
        _tensors.add_to(made, response.tensors)
        return made

    def _connected(self) -> Any:
        if self._call is None:
            raise ValueError("expected connect before predict")
        return self._call

    def _request(self, feed: dict[str, Any], log_id: int, tensors: bool, as_bytes: bool) -> Any:
        request = messages().Request()
        feed.pop("logid", None)
        said = feed.pop("clientip", None)
        request.clientip = self._clientip if said is None else str(said)
        request.logid = int(log_id)
        for key, value in feed.items():
            if not isinstance(value, (str, list, np.ndarray)):
                raise TypeError(
                    f"{key}: only str and np.ndarray type is supported, got {type(value)}"
                )
            if isinstance(value, str):
                request.key.append(key)
                request.value.append(value)
            elif tensors:
                _tensors.write(request.tensors.add(), key, value, as_bytes)
            else:
                request.key.append(key)
                with np.printoptions(threshold=2**63 - 1):
                    request.value.append(repr(np.array(value)))
        return request


def _target(listed: list[str]) -> str:
    """Return the addresses as grpcio takes several of them; names take one only."""
    if len(listed) == 1:
        return listed[0]
    return "ipv4:" + ",".join(listed)


def _own_address() -> str:
    """Return this machine's address, which requests tell; nothing is sent for it."""
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.connect(("198.51.100.1", 9))
            return str(probe.getsockname()[0])
    except OSError:
        return "127.0.0.1"
