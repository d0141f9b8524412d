# SPDX-License-Identifier: Apache-2.0
"""Reviews of IMDB as numbers of words."""

from aiges.contracts.paddle.reader._text import (
    IMDBDataset,
)

__all__ = [
    "IMDBDataset",
]
