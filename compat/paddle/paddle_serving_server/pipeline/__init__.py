# SPDX-License-Identifier: Apache-2.0
"""``paddle_serving_server.pipeline``: graphs of ops, and the client of their services."""

from aiges.contracts.paddle.pipeline._client import PipelineClient
from aiges.contracts.paddle.pipeline._errors import ProductErrCode
from aiges.contracts.paddle.pipeline._local import LocalServiceHandler
from aiges.contracts.paddle.pipeline._ops import Op, RequestOp, ResponseOp
from aiges.contracts.paddle.pipeline._server import PipelineServer

__all__ = [
    "LocalServiceHandler",
    "Op",
    "PipelineClient",
    "PipelineServer",
    "ProductErrCode",
    "RequestOp",
    "ResponseOp",
]
