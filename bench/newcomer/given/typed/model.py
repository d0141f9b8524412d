# SPDX-License-Identifier: Apache-2.0
"""A typed model with inputs of several kinds, and 2 KB of JSON for it."""

import dataclasses
import json
from typing import Literal


@dataclasses.dataclass
class Box:
    label: str
    x: float
    y: float
    width: float
    height: float


def predict(
    text: str,
    boxes: list[Box],
    scores: list[float],
    language: Literal["en", "zh"] = "en",
    top: int = 2,
) -> dict:
    return {"text": text, "boxes": len(boxes)}


def body():
    boxes = [
        {"label": f"label {number}", "x": number + 0.5, "y": 1.25, "width": 64.0, "height": 32.0}
        for number in range(8)
    ]
    inputs = {"text": "", "boxes": boxes, "scores": [number / 8 for number in range(32)]}
    inputs.update(language="zh", top=5)
    inputs["text"] = "x" * (2048 - len(json.dumps(inputs)))
    return json.dumps(inputs).encode()
