# SPDX-License-Identifier: Apache-2.0
"""``paddle_serving_server.pipeline.pipeline_client``."""

from aiges.contracts.paddle.pipeline._client import PipelineClient

__all__ = ["PipelineClient"]
