# SPDX-License-Identifier: Apache-2.0
"""Chinese text for the model lac."""

from aiges.contracts.paddle.reader._text import (
    LACReader,
)

__all__ = [
    "LACReader",
]
