# SPDX-License-Identifier: Apache-2.0
"""``paddle_serving_server.web_service``: services that users derive from."""

from aiges.contracts.paddle.pipeline._ops import Op
from aiges.contracts.paddle.pipeline._web import WebService

__all__ = ["Op", "WebService"]
