# SPDX-License-Identifier: Apache-2.0
"""``paddle_serving_server.pipeline.channel``: what answers are made of."""

from aiges.contracts.paddle.pipeline._errors import Code as ChannelDataErrcode
from aiges.contracts.paddle.pipeline._ops import ChannelData

__all__ = ["ChannelData", "ChannelDataErrcode"]
