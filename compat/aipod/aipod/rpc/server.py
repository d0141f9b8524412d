# SPDX-License-Identifier: Apache-2.0
"""``serve(UserModel)``: the program becomes AIService, which runs it again in each worker.

``with Serve(UserModel): ..`` and ``AIServicer`` are a server of grpcio in this process, for tests
and servers of one's own.
"""

import os
from typing import Any, NoReturn, Optional


class _Servicer:
    """Serves a class of models on threads of a grpcio server."""

    def __init__(self, model_class: Any) -> None:
        from aipod.pool import ModelPool

        self.instance_pool = ModelPool(
            model_class,
            size=os.environ.get("AIPOD_MODEL_POOL_SIZE"),
            datapath=os.environ.get("AIPOD_DATA_PATH"),
        )

    def _build_input_kwargs(self, input_request: Any) -> Any:
        from aipod.rpc import decode_data

        kwargs = decode_data(input_request.kwargs_json)
        kwargs.update(binary_data=input_request.binary_data)
        return kwargs

    def initialize(self, request: Any, context: Any) -> Any:
        from aipod.rpc import decode_data

        model = self._model(request)
        model.initialize(**decode_data(request.kwargs_json))
        return _output({"result": True})

    def train(self, request: Any, context: Any) -> Any:
        kwargs = self._build_input_kwargs(request)
        model = self._model(request)
        try:
            result = model.train(**kwargs)
        finally:
            del model
            self.instance_pool.release(request.version)
        return _output(result)

    def predict(self, request: Any, context: Any) -> Any:
        kwargs = self._build_input_kwargs(request)
        return _output(self._model(request).predict(**kwargs))

    def log(self, request: Any, context: Any) -> Any:
        kwargs = self._build_input_kwargs(request)
        return _output(self._model(request).log(**kwargs))

    def _model(self, request: Any) -> Any:
        from aiges.contracts.aipod._versions import check_version

        return self.instance_pool.get(check_version(request.version or "default"))


def _output(value: Any) -> Any:
    from aipod.rpc import encode_data
    from aipod.rpc.proto.ai_pb2 import Output

    return Output(data_json=encode_data(value))


class Serve:
    """A server of one class of models."""

    def __init__(self, model: Any, port: Optional[int] = None) -> None:
        from aiges.contracts.aipod._settings import listen_port

        self.model, self.port = model, listen_port(port)
        self.address = f"[::]:{self.port}"
        self.rpc_max_workers = int(os.environ.get("AIPOD_RPC_MAX_WORKERS") or "12")
        self.server: Any = None

    def __enter__(self) -> None:
        from aiges.contracts import _handover

        if _handover.is_worker():
            _handover.hand_over(self.model)
        from concurrent import futures

        import grpc

        from aipod.rpc.proto.ai_pb2_grpc import add_AIServicer_to_server

        self.server = grpc.server(
            futures.ThreadPoolExecutor(max_workers=self.rpc_max_workers),
            options=[("grpc.max_receive_message_length", 104857600)],
            compression=grpc.Compression.Gzip,
        )
        add_AIServicer_to_server(_Servicer(self.model), self.server)
        if self.server.add_insecure_port(self.address) == 0:
            raise RuntimeError(f"cannot listen at {self.address}")
        self.server.start()
        print(f"listening address: {self.address}", flush=True)

    def __exit__(self, *_: Any) -> None:
        if self.server is not None:
            print("RPC server shutdown", flush=True)
            self.server.stop(0)

    def run(self) -> NoReturn:
        """Become AIService, with this port."""
        from aiges.contracts.aipod._command import run

        run(self.model, self.port)


def serve(model: Any, port: int = 0) -> NoReturn:
    """Serve the class at ``port``, or as AIPOD_LISTEN_PORT says, or at 50051."""
    Serve(model, port).run()


def __getattr__(name: str) -> Any:
    # A subclass of what needs grpcio, which a worker's program does not.
    if name == "AIServicer":
        from aipod.rpc.proto import ai_pb2_grpc

        made = type("AIServicer", (_Servicer, ai_pb2_grpc.AIServicer), {"__module__": __name__})
        globals()[name] = made
        return made
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
