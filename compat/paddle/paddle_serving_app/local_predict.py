# SPDX-License-Identifier: Apache-2.0
"""``paddle_serving_app.local_predict``: a model in the user's own process."""

from aiges.contracts.paddle.engine._local import LocalPredictor

__all__ = ["LocalPredictor"]
