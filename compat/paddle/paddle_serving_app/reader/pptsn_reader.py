# SPDX-License-Identifier: Apache-2.0
"""Frames of videos for PP-TSN."""

from aiges.contracts.paddle.reader._video import (
    CenterCrop,
    Image2Array,
    Normalization,
    Sampler,
    Scale,
    TenCrop,
    VideoDecoder,
)

__all__ = [
    "CenterCrop",
    "Image2Array",
    "Normalization",
    "Sampler",
    "Scale",
    "TenCrop",
    "VideoDecoder",
]
