# SPDX-License-Identifier: Apache-2.0
"""What a segmenter has found, as pictures."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from aiges.contracts.paddle.reader import _needs
from aiges.contracts.paddle.reader._boxes import colours

__all__ = ["SegPostprocess"]

_SIDE = 512


class SegPostprocess:
    """Writes the mask of each picture, and the mask in colours in the picture's size, beside it."""

    def __init__(self, class_num: int) -> None:
        self.class_num = class_num

    def __call__(self, image_with_result: dict[str, Any]) -> None:
        """Write <name>_<ext>_mask.png, the classes, and <name>_<ext>_result.png, their colours.

        ``image_with_result``: "filename", and the classes of 512 x 512 pixels in any shape. Raises
        KeyError without either, and ValueError for a picture that cannot be read, another number
        of pixels, or a class that is not below ``class_num``.
        """
        filename = image_with_result["filename"]
        names = [name for name in image_with_result if name != "filename"]
        if not names:
            raise KeyError("no result of a segmenter beside filename")
        mask = np.asarray(image_with_result[names[-1]])
        mask = mask.reshape(_SIDE, _SIDE).astype(np.uint8)
        if int(mask.max()) >= self.class_num:
            raise ValueError(f"class {int(mask.max())} of {self.class_num} classes")
        cv2 = _needs.cv2()
        picture = cv2.imread(filename)
        if picture is None:
            raise ValueError(f"{filename} is no picture that OpenCV reads")
        coloured = np.array(colours(self.class_num), dtype=np.uint8)[mask]
        size = (picture.shape[1], picture.shape[0])
        coloured = cv2.resize(coloured, size, interpolation=cv2.INTER_CUBIC)
        stem, extension = os.path.splitext(filename)
        begin = f"{stem}_{extension[1:]}"
        cv2.imwrite(f"{begin}_mask.png", mask)
        cv2.imwrite(f"{begin}_result.png", coloured)
