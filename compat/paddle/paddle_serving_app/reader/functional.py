# SPDX-License-Identifier: Apache-2.0
"""Steps for pictures as plain functions."""

from aiges.contracts.paddle.reader._arrays import crop, normalize, resize, transpose

__all__ = ["crop", "normalize", "resize", "transpose"]
