# SPDX-License-Identifier: Apache-2.0
"""What clients of Paddle Serving import: ``Client``, ``HttpClient``, ``io``, ``convert``."""

from aiges.contracts.paddle.client._http import HttpClient
from aiges.contracts.paddle.client._rpc import Client

__all__ = ["Client", "HttpClient"]
