# SPDX-License-Identifier: Apache-2.0
"""``paddle_serving_server.pipeline.error_catch``: the numbers of errors."""

from aiges.contracts.paddle.pipeline._errors import Code as CustomExceptionCode
from aiges.contracts.paddle.pipeline._errors import ProductErrCode

__all__ = ["CustomExceptionCode", "ProductErrCode"]
