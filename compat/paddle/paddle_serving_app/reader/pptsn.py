# SPDX-License-Identifier: Apache-2.0
"""Frames of videos for PP-TSN; a further name of pptsn_reader."""

from paddle_serving_app.reader import pptsn_reader
from paddle_serving_app.reader.pptsn_reader import *  # noqa: F403

__all__ = list(pptsn_reader.__all__)
