# SPDX-License-Identifier: Apache-2.0
"""What seldon_core.seldon_client does: messages over http.client and grpcio."""

from __future__ import annotations

import contextlib
import http.client
import json
import ssl as tls
from collections.abc import Generator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import numpy as np
from google.protobuf import json_format  # type: ignore[import-untyped,unused-ignore]

from aiges.contracts.seldon import _messages, _values

__all__ = [
    "SeldonCallCredentials",
    "SeldonChannelCredentials",
    "SeldonClientCombine",
    "SeldonClientException",
    "SeldonClientFeedback",
    "SeldonClientPrediction",
    "Settings",
    "feedback",
    "microservice",
    "microservice_feedback",
    "predict",
]

_TIMEOUT_S = 300
_METHODS = {
    "predict": ("Model", "Predict"),
    "transform-input": ("Generic", "TransformInput"),
    "transform-output": ("Generic", "TransformOutput"),
    "route": ("Generic", "Route"),
    "aggregate": ("Generic", "Aggregate"),
}


class SeldonClientException(Exception):
    """A call that cannot be made as it was asked for."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class SeldonChannelCredentials:
    """How TLS is verified."""

    def __init__(
        self,
        verify: bool = True,
        root_certificates_file: str | None = None,
        private_key_file: str | None = None,
        certificate_chain_file: str | None = None,
    ) -> None:
        self.verify = verify
        self.root_certificates_file = root_certificates_file
        self.private_key_file = private_key_file
        self.certificate_chain_file = certificate_chain_file


class SeldonCallCredentials:
    """A token that every call brings."""

    def __init__(self, token: str | None = None) -> None:
        self.token = token


class SeldonClientPrediction:
    """What was asked and answered."""

    def __init__(self, request: Any, response: Any, success: bool = True, msg: str = "") -> None:
        self.request, self.response = request, response
        self.success, self.msg = success, msg

    def __repr__(self) -> str:
        return (
            f"Success:{self.success} message:{self.msg}\nRequest:\n{self.request}\n"
            f"Response:\n{self.response}"
        )


class SeldonClientFeedback(SeldonClientPrediction):
    """The same, of a feedback."""


class SeldonClientCombine(SeldonClientPrediction):
    """The same, of a combiner."""


class Settings:
    """What one call is made with."""

    def __init__(self, values: dict[str, Any]) -> None:
        self._values = values
        for name, allowed in (
            ("gateway", ("ambassador", "istio", "seldon")),
            ("transport", ("rest", "grpc")),
            ("client_return_type", ("dict", "proto")),
        ):
            if values.get(name) not in allowed:
                raise SeldonClientException(
                    f"{name}: expected one of {', '.join(allowed)}, got {values.get(name)!r}"
                )
        data = values.get("data")
        if data is not None and not isinstance(data, np.ndarray):
            raise SeldonClientException(f"data: expected a numpy array, got {type(data).__name__}")

    def __getattr__(self, name: str) -> Any:
        return self._values.get(name)

    @property
    def is_grpc(self) -> bool:
        """Whether gRPC carries it."""
        return bool(self.transport == "grpc")

    def message(self) -> Any:
        """Return the request."""
        made = _messages.message("SeldonMessage")()
        if self.raw_data:
            return json_format.ParseDict(self.raw_data, made)
        made.meta.SetInParent()
        for key, value in (self.meta or {}).items():
            _values.fill_value(made.meta.tags[key], value)
        if self.bin_data is not None:
            made.binData = bytes(self.bin_data)
        elif self.str_data is not None:
            made.strData = self.str_data
        elif self.json_data is not None:
            plain = self.json_data
            plain = json.loads(plain) if isinstance(plain, str) else plain
            _values.fill_value(made.jsonData, plain)
        elif self.custom_data is not None:
            made.customData.CopyFrom(self.custom_data)
        else:
            self._fill(made.data, self.data)
        return made

    def messages(self) -> Any:
        """Return the request of a combiner."""
        made = _messages.message("SeldonMessageList")()
        datas = self.datas or [None] * (self.ndatas or 1)
        for data in datas:
            self._fill(made.seldonMessages.add().data, data)
        return made

    def _fill(self, target: Any, data: Any) -> None:
        array = np.random.rand(*self.shape) if data is None else data
        target.names.extend(self.names or [])
        _values.fill_array(target, array, self.payload_type)

    def feedback(self) -> Any:
        """Return the feedback."""
        made = _messages.message("Feedback")(
            request=self.prediction_request,
            response=self.prediction_response,
            reward=self.reward or 0,
            truth=self.prediction_truth,
        )
        return json_format.ParseDict(self.raw_request, made) if self.raw_request else made

    def headers(self) -> dict[str, str]:
        """Return what goes with every request over HTTP."""
        found = dict(self.headers_given)
        token = getattr(self.call_credentials, "token", None)
        if token:
            found["X-Auth-Token"] = token
        return found

    @property
    def headers_given(self) -> dict[str, str]:
        """The caller's own."""
        return self._values.get("headers") or {}

    @property
    def is_safe(self) -> bool:
        """Whether TLS carries it."""
        if self.ssl is not None:
            return bool(self.ssl)
        return bool(self.is_grpc and self.channel_credentials or self.call_credentials)

    def path(self, last: str) -> str:
        """Return the path of a gateway."""
        if self.gateway == "seldon":
            return f"/api/v1.0/{last}"
        space = f"/{self.namespace}" if self.namespace else ""
        begin = self.gateway_prefix or f"/seldon{space}/{self.deployment_name}"
        return f"{begin}{self.http_path}" if self.http_path else f"{begin}/api/v1.0/{last}"


def _own_files(credentials: Any) -> tuple[str | None, str | None]:
    """The files of the client's own certificate and key. Raises SeldonClientException."""
    chain, key = credentials.certificate_chain_file, credentials.private_key_file
    if key and not chain:
        raise SeldonClientException(
            "channel_credentials: expected certificate_chain_file with private_key_file, got none"
        )
    return chain, key or chain  # One file may have both.


def _bytes_of(file: str | None) -> bytes | None:
    return Path(file).read_bytes() if file else None


def _post(settings: Settings, address: str, path: str, body: bytes, kind: str, safe: bool) -> Any:
    connection: http.client.HTTPConnection
    if safe:
        credentials = settings.channel_credentials or SeldonChannelCredentials()
        context = tls.create_default_context(cafile=credentials.root_certificates_file)
        if not credentials.verify:
            context.check_hostname, context.verify_mode = False, tls.CERT_NONE
        chain, key = _own_files(credentials)
        if chain:
            context.load_cert_chain(chain, key)
        connection = http.client.HTTPSConnection(address, timeout=_TIMEOUT_S, context=context)
    else:
        connection = http.client.HTTPConnection(address, timeout=_TIMEOUT_S)
    with contextlib.closing(connection):
        connection.request("POST", path, body, {"Content-Type": kind, **settings.headers()})
        answer = connection.getresponse()
        return answer.status, answer.reason, answer.read()


def _rest(
    settings: Settings, address: str, path: str, request: Any, form: bool, safe: bool, made: Any
) -> Any:
    raw = settings.raw_data or settings.raw_request
    text = json.dumps(raw) if raw else json_format.MessageToJson(request)
    body, kind = text.encode(), "application/json"
    if form:
        body, kind = urlencode({"json": text}).encode(), "application/x-www-form-urlencoded"
    try:
        status, reason, data = _post(settings, address, path, body, kind, safe)
    except (OSError, http.client.HTTPException) as fault:
        return made(request, None, False, str(fault) or type(fault).__name__)
    response: Any = None
    with contextlib.suppress(ValueError, json_format.ParseError):
        response = json.loads(data)
        if form or settings.client_return_type == "proto":
            response = json_format.ParseDict(response, _messages.message("SeldonMessage")())
    return made(request, response, status == 200, "" if status == 200 else f"{status}:{reason}")


@contextlib.contextmanager
def _channel(settings: Settings, address: str, safe: bool) -> Generator[Any, None, None]:
    import grpc  # type: ignore[import-untyped,unused-ignore]

    options = [
        ("grpc.max_send_message_length", settings.grpc_max_send_message_length),
        ("grpc.max_receive_message_length", settings.grpc_max_receive_message_length),
    ]
    if not safe:
        with grpc.insecure_channel(address, options) as channel:
            yield channel
        return
    credentials = settings.channel_credentials or SeldonChannelCredentials()
    chain, key = _own_files(credentials)
    files = map(_bytes_of, (credentials.root_certificates_file, key, chain))
    with grpc.secure_channel(address, grpc.ssl_channel_credentials(*files), options) as channel:
        yield channel


def _grpc(
    settings: Settings, address: str, service: str, method: str, request: Any, made: Any
) -> Any:
    import grpc

    from aiges.contracts.seldon import _stubs

    metadata = [("seldon", settings.deployment_name), ("namespace", settings.namespace)]
    metadata += [(k.lower(), v) for k, v in settings.headers().items()]
    try:
        with _channel(settings, address, settings.is_safe) as channel:
            stub: Any = _stubs.made()[f"{service}Stub"]
            response = getattr(stub(channel), method)(
                request, metadata=[(k, v) for k, v in metadata if v], timeout=_TIMEOUT_S
            )
    except (OSError, grpc.RpcError) as fault:
        return made(request, None, False, str(fault))
    if settings.client_return_type == "dict" and service == "Seldon":
        request, response = map(json_format.MessageToDict, (request, response))
    return made(request, response, True, "")


def predict(settings: Settings) -> Any:
    """Ask through the gateway."""
    address, made = settings.gateway_endpoint, SeldonClientPrediction
    if settings.is_grpc:
        return _grpc(settings, address, "Seldon", "Predict", settings.message(), made)
    path = settings.path("predictions")
    return _rest(settings, address, path, settings.message(), False, settings.is_safe, made)


def feedback(settings: Settings) -> Any:
    """Tell through the gateway."""
    address, made = settings.gateway_endpoint, SeldonClientFeedback
    if settings.is_grpc:
        return _grpc(settings, address, "Seldon", "SendFeedback", settings.feedback(), made)
    path = settings.path("feedback")
    return _rest(settings, address, path, settings.feedback(), False, settings.is_safe, made)


def microservice(settings: Settings) -> Any:
    """Ask the unit itself."""
    method = settings.method or "predict"
    if method not in _METHODS:
        raise SeldonClientException(
            f"method: expected one of {', '.join(_METHODS)}, got {method!r}"
        )
    combines = method == "aggregate"
    request = settings.messages() if combines else settings.message()
    made = SeldonClientCombine if combines else SeldonClientPrediction
    address = settings.microservice_endpoint
    if settings.is_grpc:
        return _grpc(settings, address, *_METHODS[method], request, made)
    return _rest(settings, address, f"/{method}", request, True, False, made)


def microservice_feedback(settings: Settings) -> Any:
    """Tell the unit itself."""
    address, made = settings.microservice_endpoint, SeldonClientFeedback
    if settings.is_grpc:
        return _grpc(settings, address, "Model", "SendFeedback", settings.feedback(), made)
    return _rest(settings, address, "/send-feedback", settings.feedback(), True, False, made)
