# SPDX-License-Identifier: Apache-2.0
"""Contract ``paddle_pipeline``: a pipeline written for Paddle Serving, unchanged."""

from aiges.contracts.paddle.pipeline import Wrapper

__all__ = ["Wrapper"]
