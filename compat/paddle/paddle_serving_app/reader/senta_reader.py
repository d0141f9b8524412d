# SPDX-License-Identifier: Apache-2.0
"""Words for the models senta_*."""

from aiges.contracts.paddle.reader._text import (
    SentaReader,
)

__all__ = [
    "SentaReader",
]
