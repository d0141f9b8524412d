# SPDX-License-Identifier: Apache-2.0
"""Pictures of text for a recognizer, and its output as text."""

from aiges.contracts.paddle.reader._ocr_text import (
    OCRReader,
)

__all__ = [
    "OCRReader",
]
