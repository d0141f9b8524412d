# SPDX-License-Identifier: Apache-2.0
"""Fitting a picture into the model's input and mapping boxes back."""

import numpy as np
from PIL import Image

PAD_VALUE = 114  # The grey that YOLOv5 pads with in training.


class Letterbox:
    """How one picture was placed: scaled by `scale`, then moved by (`left`, `top`) pixels."""

    def __init__(self, width, height, input_width, input_height):
        self.width, self.height = width, height
        self.input_width, self.input_height = input_width, input_height
        self.scale = min(input_width / width, input_height / height)
        self.new_width = min(max(round(width * self.scale), 1), input_width)
        self.new_height = min(max(round(height * self.scale), 1), input_height)
        self.left = (input_width - self.new_width) // 2
        self.top = (input_height - self.new_height) // 2

    def apply(self, rgb):
        """uint8 (height, width, 3) -> float32 (3, input_height, input_width) in 0..1."""
        if rgb.shape[:2] != (self.new_height, self.new_width):
            size = (self.new_width, self.new_height)
            rgb = np.asarray(Image.fromarray(rgb).resize(size, Image.Resampling.BILINEAR))
        canvas = np.full((self.input_height, self.input_width, 3), PAD_VALUE, np.uint8)
        bottom, right = self.top + self.new_height, self.left + self.new_width
        canvas[self.top : bottom, self.left : right] = rgb
        return np.ascontiguousarray(canvas.transpose(2, 0, 1), dtype=np.float32) / 255

    def to_picture(self, boxes):
        """Boxes (n, 4) as x1, y1, x2, y2 in the input -> in the picture, cut at its edges."""
        boxes = np.array(boxes, dtype=np.float64).reshape(-1, 4)
        # The two axes are rounded to whole pixels on their own, so each has its own scale.
        boxes[:, 0::2] = (boxes[:, 0::2] - self.left) * (self.width / self.new_width)
        boxes[:, 1::2] = (boxes[:, 1::2] - self.top) * (self.height / self.new_height)
        boxes[:, 0::2] = boxes[:, 0::2].clip(0, self.width)
        boxes[:, 1::2] = boxes[:, 1::2].clip(0, self.height)
        return boxes
