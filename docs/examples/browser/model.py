# SPDX-License-Identifier: Apache-2.0
"""Tells a text word by word, and how large a file is that came with it."""

import time
from typing import Optional


def predict(text: str, file: Optional[bytes] = None, pause: float = 0):
    if text == "":
        raise ValueError("nothing to say")
    for word in text.split():
        time.sleep(pause)
        yield word.upper() + " "
    if file is not None:
        yield f"({len(file)} bytes)"
