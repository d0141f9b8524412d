# SPDX-License-Identifier: Apache-2.0
"""``paddle_serving_server.pipeline.local_service_handler``."""

from aiges.contracts.paddle.pipeline._local import LocalServiceHandler

__all__ = ["LocalServiceHandler"]
