# SPDX-License-Identifier: Apache-2.0
"""``AIClient``: a model that is elsewhere."""

from typing import Any, Optional

import grpc

from aipod.model import AIModelBase
from aipod.rpc import decode_data, encode_data
from aipod.rpc.proto import ai_pb2_grpc
from aipod.rpc.proto.ai_pb2 import Input

_OPTIONS = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]


class AIClient(AIModelBase):
    """Calls the methods of a model of that version. A context manager, too.

    ``timeout``: seconds that a call may take; a training goes on when its caller waits no longer.
    No folder is made here unless ``model_dir`` is asked for one.
    """

    def __init__(
        self,
        address: Optional[str] = None,
        version: Optional[str] = None,
        datapath: Optional[str] = None,
        timeout: Optional[float] = None,
        **kwargs: Any,
    ) -> None:
        self._begin(version, datapath, mkdir=False)
        self.address, self.timeout = address, timeout
        if not address:
            raise Exception("missing rpc server address")
        self.channel = grpc.insecure_channel(address, options=_OPTIONS)
        self.stub = ai_pb2_grpc.AIStub(self.channel)

    def _call(self, method: str, binary_data: Optional[bytes], kwargs: Any) -> Any:
        request = Input(
            kwargs_json=encode_data(kwargs), version=self.version, binary_data=binary_data
        )
        answer = getattr(self.stub, method)(request, timeout=self.timeout)
        return decode_data(answer.data_json)

    def initialize(self, binary_data: Optional[bytes] = None, **kwargs: Any) -> Any:
        """Begin the version anew, with these parameters."""
        return self._call("initialize", binary_data, kwargs)

    def train(self, binary_data: Optional[bytes] = None, **kwargs: Any) -> Any:
        """Train it, and return what its method returns."""
        return self._call("train", binary_data, kwargs)

    def predict(self, binary_data: Optional[bytes] = None, **kwargs: Any) -> Any:
        """Predict."""
        return self._call("predict", binary_data, kwargs)

    def log(self, binary_data: Optional[bytes] = None, **kwargs: Any) -> Any:
        """Return what its training has logged."""
        return self._call("log", binary_data, kwargs)

    def cancel(self) -> bool:
        """Cancel the version's training. False: there was none. AIGES only."""
        return bool(self._call("cancel", None, {})["result"])

    def close(self) -> None:
        """Close the channel."""
        self.channel.close()

    def __enter__(self) -> "AIClient":
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()
