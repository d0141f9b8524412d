# SPDX-License-Identifier: Apache-2.0
"""RapidOCR: the PaddleOCR models on ONNX Runtime. The package carries its models."""

import os
import threading

import numpy as np

from .engines import Line
from .settings import ConfigError, choice, number

# RapidOCR scales the short side up and the long side down with no regard to the other one: a
# strip of text would cost half a minute, or fail. So strips are widened to this ratio first.
MAX_ASPECT_RATIO = 8


class RapidocrEngine:
    """Thread-safe: one call runs at a time, because RapidOCR keeps state of the call it is in."""

    def __init__(self, config):
        try:
            import onnxruntime
            from rapidocr_onnxruntime import RapidOCR
        except ImportError as error:
            raise ConfigError(
                f"engine: rapidocr cannot be imported ({error}); install it into the interpreter "
                "of [instances] python: pip install rapidocr-onnxruntime==1.4.4"
            ) from error
        # RapidOCR ignores a number above that of the cores, and then takes them all.
        threads = min(number(config, "threads", 0, 0, 1024, int), os.cpu_count() or 1)
        device = choice(config, "device", "cpu", ("cpu", "cuda"))
        cuda = device == "cuda"
        if cuda and "CUDAExecutionProvider" not in onnxruntime.get_available_providers():
            raise ConfigError(
                "device: cuda wanted, but this ONNX Runtime has no CUDA provider; "
                'install onnxruntime-gpu instead of onnxruntime, or set device = "cpu"'
            )
        self.name = f"rapidocr ({device}, {threads or 'all'} threads)"
        self._lock = threading.Lock()
        self._ocr = RapidOCR(
            text_score=number(config, "text_score", 0.5, 0.0, 1.0),
            intra_op_num_threads=threads or -1,
            det_use_cuda=cuda,
            cls_use_cuda=cuda,
            rec_use_cuda=cuda,
        )

    def read(self, rgb):
        height, width = rgb.shape[:2]
        bgr = widen_strip(rgb[:, :, ::-1])
        with self._lock:
            found, _ = self._ocr(bgr)
        # None stands for a picture without text.
        return [
            Line([[min(x, width), min(y, height)] for x, y in box], text, float(score))
            for box, text, score in found or []
        ]


def widen_strip(bgr):
    """Adds white at the right or at the bottom, so that no side is too short for the other."""
    height, width = bgr.shape[:2]
    right = max(-(-height // MAX_ASPECT_RATIO) - width, 0)
    bottom = max(-(-width // MAX_ASPECT_RATIO) - height, 0)
    return np.pad(bgr, ((0, bottom), (0, right), (0, 0)), constant_values=255)
