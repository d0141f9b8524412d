# SPDX-License-Identifier: Apache-2.0
"""``paddle_serving_server.pipeline.pipeline_server``."""

from aiges.contracts.paddle.pipeline._server import PipelineServer

__all__ = ["PipelineServer"]
