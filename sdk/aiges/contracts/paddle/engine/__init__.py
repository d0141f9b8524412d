# SPDX-License-Identifier: Apache-2.0
"""Models of Paddle Serving through paddle.inference."""

from aiges.contracts.paddle.engine._model import Model
from aiges.contracts.paddle.engine._options import Options

__all__ = ["Model", "Options"]
