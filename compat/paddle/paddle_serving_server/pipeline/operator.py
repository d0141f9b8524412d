# SPDX-License-Identifier: Apache-2.0
"""``paddle_serving_server.pipeline.operator``."""

from aiges.contracts.paddle.pipeline._ops import Op, RequestOp, ResponseOp

__all__ = ["Op", "RequestOp", "ResponseOp"]
