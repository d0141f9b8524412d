# SPDX-License-Identifier: Apache-2.0
"""``paddle_serving_client.httpclient``."""

from aiges.contracts.paddle.client._http import HttpClient

__all__ = ["HttpClient"]
