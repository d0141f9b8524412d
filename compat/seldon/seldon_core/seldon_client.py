# SPDX-License-Identifier: Apache-2.0
"""A client for services of Seldon's protocol, by REST or gRPC, direct or behind a gateway."""

from typing import Any

from aiges.contracts.seldon import _client
from aiges.contracts.seldon._client import (
    SeldonCallCredentials,
    SeldonChannelCredentials,
    SeldonClientCombine,
    SeldonClientException,
    SeldonClientFeedback,
    SeldonClientPrediction,
)

__all__ = [
    "SeldonCallCredentials",
    "SeldonChannelCredentials",
    "SeldonClient",
    "SeldonClientCombine",
    "SeldonClientException",
    "SeldonClientFeedback",
    "SeldonClientPrediction",
]


class SeldonClient:
    """What its constructor is given holds for all calls; a call may say otherwise."""

    def __init__(
        self,
        gateway: str = "ambassador",
        transport: str = "rest",
        namespace: Any = None,
        deployment_name: Any = None,
        payload_type: str = "tensor",
        gateway_endpoint: str = "localhost:8003",
        microservice_endpoint: str = "localhost:5000",
        grpc_max_send_message_length: int = 4 << 20,
        grpc_max_receive_message_length: int = 4 << 20,
        channel_credentials: Any = None,
        call_credentials: Any = None,
        debug: bool = False,
        client_return_type: str = "dict",
        ssl: Any = None,
    ) -> None:
        self.config = {k: v for k, v in locals().items() if k not in ("self", "debug")}
        self.debug = debug

    def _settings(self, given: Any) -> Any:
        said = {k: v for k, v in given.items() if v is not None and k != "self"}
        return _client.Settings({**self.config, **said})

    def predict(
        self,
        gateway: Any = None,
        transport: Any = None,
        deployment_name: Any = None,
        payload_type: Any = None,
        gateway_endpoint: Any = None,
        microservice_endpoint: Any = None,
        method: Any = None,
        shape: Any = (1, 1),
        namespace: Any = None,
        data: Any = None,
        bin_data: Any = None,
        str_data: Any = None,
        json_data: Any = None,
        custom_data: Any = None,
        names: Any = None,
        gateway_prefix: Any = None,
        headers: Any = None,
        http_path: Any = None,
        meta: Any = None,
        client_return_type: Any = None,
        raw_data: Any = None,
        ssl: Any = None,
    ) -> Any:
        """Ask for a prediction, through the gateway."""
        return _client.predict(self._settings(locals()))

    def feedback(
        self,
        prediction_request: Any = None,
        prediction_response: Any = None,
        prediction_truth: Any = None,
        reward: float = 0,
        gateway: Any = None,
        transport: Any = None,
        deployment_name: Any = None,
        payload_type: Any = None,
        gateway_endpoint: Any = None,
        microservice_endpoint: Any = None,
        method: Any = None,
        shape: Any = (1, 1),
        namespace: Any = None,
        gateway_prefix: Any = None,
        client_return_type: Any = None,
        raw_request: Any = None,
        ssl: Any = None,
    ) -> Any:
        """Tell how good an answer was, through the gateway."""
        return _client.feedback(self._settings(locals()))

    def microservice(
        self,
        gateway: Any = None,
        transport: Any = None,
        deployment_name: Any = None,
        payload_type: Any = None,
        gateway_endpoint: Any = None,
        microservice_endpoint: Any = None,
        method: Any = None,
        shape: Any = (1, 1),
        namespace: Any = None,
        data: Any = None,
        datas: Any = None,
        ndatas: Any = None,
        bin_data: Any = None,
        str_data: Any = None,
        json_data: Any = None,
        custom_data: Any = None,
        names: Any = None,
    ) -> Any:
        """Call a unit itself: predict, transform-input, transform-output, route, aggregate."""
        return _client.microservice(self._settings(locals()))

    def microservice_feedback(
        self,
        prediction_request: Any = None,
        prediction_response: Any = None,
        reward: float = 0,
        gateway: Any = None,
        transport: Any = None,
        deployment_name: Any = None,
        payload_type: Any = None,
        gateway_endpoint: Any = None,
        microservice_endpoint: Any = None,
        method: Any = None,
        shape: Any = (1, 1),
        namespace: Any = None,
    ) -> Any:
        """Tell a unit itself how good an answer was."""
        return _client.microservice_feedback(self._settings(locals()))
