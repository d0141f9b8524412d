# SPDX-License-Identifier: Apache-2.0
"""``paddle_serving_client.client``."""

from aiges.contracts.paddle.client._rpc import Client

__all__ = ["Client"]
