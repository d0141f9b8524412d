# SPDX-License-Identifier: Apache-2.0
"""``WebService`` of both generations: a pipeline, or the service ``/{name}/prediction``."""

from __future__ import annotations

from typing import Any, NoReturn, Optional

from aiges.contracts.paddle.pipeline._ops import Op, RequestOp, ResponseOp
from aiges.contracts.paddle.pipeline._server import PipelineServer

__all__ = ["WebService"]


class WebService:
    """What users derive their service from."""

    def __init__(self, name: str = "default_service") -> None:
        self.name = name
        self._server = PipelineServer(name)
        # Of the service /{name}/prediction, as aiges.contracts.paddle.server.web takes them.
        self.model_dirs: list[str] = []
        self.port: Optional[int] = None  # noqa: UP045 (3.9)
        self.gpus: str = ""
        self.options: dict[str, Any] = {}

    # --- pipelines, since 0.3 ---

    def get_pipeline_response(self, read_op: Any) -> Any:
        """Return the last op of the pipeline that begins with ``read_op``."""
        return None

    def prepare_pipeline_config(
        self, yml_file: Any = None, yml_dict: Any = None, yaml_file: Any = None
    ) -> None:
        """Make the graph, and read its configuration. Raises SystemExit, ValueError, TypeError."""
        last = self.get_pipeline_response(RequestOp())
        if not isinstance(last, Op):
            raise TypeError(
                "get_pipeline_response: expected the last op to be returned, got "
                f"{type(last).__name__}"
            )
        self._server.set_response_op(ResponseOp(input_ops=[last]))
        self._server.prepare_server(yml_file if yml_file is not None else yaml_file, yml_dict)

    def run_service(self) -> NoReturn:
        """Serve the pipeline: this process becomes the server."""
        self._server.run_server()

    # --- the service of one model, until 0.6 ---

    def load_model_config(
        self, server_config_dir_paths: Any, client_config_path: Any = None
    ) -> None:
        """Say where the models are: one folder, or one for each in a chain."""
        given = server_config_dir_paths
        self.model_dirs = [given] if isinstance(given, str) else [str(each) for each in given]

    def set_gpus(self, gpus: Any) -> None:
        """Say on which GPUs it runs, as "0,1"."""
        self.gpus = gpus if isinstance(gpus, str) else ",".join(map(str, gpus))

    def prepare_server(
        self,
        workdir: str = "workdir",
        port: int = 9393,
        device: str = "cpu",
        mem_optim: bool = True,
        ir_optim: bool = False,
        **options: Any,
    ) -> None:
        """Say how it runs. ``options`` are keys that ``serve`` has as flags."""
        self.port = port
        if device == "gpu" and not self.gpus:
            self.gpus = "0"
        self.options.update(options, mem_optim_off=not mem_optim, ir_optim=ir_optim)

    def run_rpc_service(self) -> None:
        """Start nothing yet: run_web_service does."""

    def run_debugger_service(self, gpu: bool = False) -> None:
        """Start nothing yet: run_web_service does."""
        if gpu and not self.gpus:
            self.gpus = "0"

    def run_web_service(self) -> NoReturn:
        """Serve: this process becomes the server."""
        from aiges.contracts.paddle.server import (  # type: ignore[import-not-found,unused-ignore]
            web,
        )

        web.run_web_service(self)
        raise AssertionError("the service has returned")

    def get_app_instance(self) -> Any:
        """Return the service as an application of WSGI."""
        from aiges.contracts.paddle.server import (  # type: ignore[import-not-found,unused-ignore]
            web,
        )

        return web.app_of(self)

    def preprocess(self, feed: Any = None, fetch: Any = None) -> Any:
        """Return (feed, fetch, is_batch) for the model."""
        return feed, fetch, False

    def postprocess(self, feed: Any = None, fetch: Any = None, fetch_map: Any = None) -> Any:
        """Return what is answered."""
        return {name: value.tolist() for name, value in fetch_map.items()}
