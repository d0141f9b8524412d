# SPDX-License-Identifier: Apache-2.0
"""``paddle_serving_client.io``: models as folders for servers and clients."""

from aiges.contracts.paddle.io._save import (
    inference_model_to_serving,
    save_dygraph_model,
    save_model,
)

__all__ = ["inference_model_to_serving", "save_dygraph_model", "save_model"]
