# SPDX-License-Identifier: Apache-2.0
"""Chinese text for BERT."""

from aiges.contracts.paddle.reader._bert import (
    ChineseBertReader,
)

__all__ = [
    "ChineseBertReader",
]
