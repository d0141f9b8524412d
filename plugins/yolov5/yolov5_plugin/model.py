# SPDX-License-Identifier: Apache-2.0
"""One YOLOv5 model in ONNX Runtime: loaded, checked by a trial run, callable from any thread."""

import ast

import numpy as np
import onnxruntime

from .letterbox import Letterbox
from .nms import detect
from .settings import ConfigError, choice, configured_names, find_weights, number

DTYPES = {"tensor(float)": np.float32, "tensor(float16)": np.float16}


class Model:
    """Immutable after construction. Construction raises ConfigError with what to change."""

    def __init__(self, config):
        self.path = find_weights(config)
        self.score_threshold = number(config, "score_threshold", 0.25, 0.0, 1.0)
        self.iou_threshold = number(config, "iou_threshold", 0.45, 0.0, 1.0)
        self.session = open_session(self.path, config)
        self.input = self.session.get_inputs()[0]
        self._read_input_shape(config)
        rows = self._run(np.zeros((3, self.height, self.width), np.float32))
        self.names = self._class_names(config, rows.shape[1] - 5)

    @property
    def provider(self):
        return self.session.get_providers()[0]

    def detect(self, rgb):
        """uint8 (height, width, 3) -> boxes in picture pixels, scores, class numbers."""
        height, width = rgb.shape[:2]
        letterbox = Letterbox(width, height, self.width, self.height)
        rows = self._run(letterbox.apply(rgb))
        boxes, scores, classes = detect(rows, self.score_threshold, self.iou_threshold)
        boxes = letterbox.to_picture(boxes)
        # What lies in the padding only is cut down to nothing.
        real = (boxes[:, 2:] > boxes[:, :2]).all(axis=1)
        return boxes[real], scores[real], classes[real]

    def _read_input_shape(self, config):
        shape = self.input.shape
        if self.input.type not in DTYPES or len(shape) != 4 or shape[1] != 3:
            raise ConfigError(
                f"{self.path}: expected one float image input of shape (batch, 3, height, width), "
                f"got {self.input.type} {shape}; export the model with YOLOv5's export.py"
            )
        # A dynamic axis has a name (or None) instead of a number.
        size = number(config, "img_size", 640, 32, 8192, int)
        self.batch = shape[0] if isinstance(shape[0], int) else 1
        self.height = shape[2] if isinstance(shape[2], int) else round_up(size, 32)
        self.width = shape[3] if isinstance(shape[3], int) else round_up(size, 32)

    def _run(self, picture):
        """(3, height, width) -> rows (n, 5 + classes) of the first picture of the batch."""
        batch = np.zeros((self.batch, *picture.shape), DTYPES[self.input.type])
        batch[0] = picture
        output = self.session.run(None, {self.input.name: batch})[0]
        rows = output[0] if output.ndim == 3 else output
        # (1, 4 + classes, n) is the transposed layout of later YOLO versions.
        if rows.ndim != 2 or rows.shape[1] < 6 or rows.shape[1] > rows.shape[0]:
            raise ConfigError(
                f"{self.path}: expected the YOLOv5 output (batch, boxes, 5 + classes), got "
                f"{output.shape}; export the model with YOLOv5's export.py, without --nms"
            )
        return rows

    def _class_names(self, config, count):
        names = configured_names(config) or self._metadata_names()
        if names is None:
            return [str(index) for index in range(count)]
        if len(names) != count:
            raise ConfigError(
                f"names: the model has {count} classes, got {len(names)} names; "
                "set [wrapper] names or names_file to one name per class"
            )
        return names

    def _metadata_names(self):
        """YOLOv5 writes a Python literal: a dict from index to name, or a list."""
        text = self.session.get_modelmeta().custom_metadata_map.get("names", "")
        if not text:
            return None
        try:
            names = ast.literal_eval(text)
            names = [names[i] for i in sorted(names)] if isinstance(names, dict) else list(names)
        except (ValueError, SyntaxError, TypeError) as error:
            raise ConfigError(
                f"{self.path}: metadata `names` is no list or dict of names: {error}; "
                "set [wrapper] names or names_file"
            ) from error
        return [str(name) for name in names]


def round_up(value, step):
    return -(-value // step) * step


def open_session(path, config):
    """The session on the wanted device, with the wanted number of threads."""
    available = onnxruntime.get_available_providers()
    device = choice(config, "device", "auto", ("auto", "cpu", "cuda"))
    if device == "cuda" and "CUDAExecutionProvider" not in available:
        raise ConfigError(
            f"device: cuda wanted, ONNX Runtime offers {', '.join(available)}; "
            'install onnxruntime-gpu instead of onnxruntime, or set device = "cpu"'
        )
    wanted = (
        ["CPUExecutionProvider"]
        if device == "cpu"
        else [
            "CUDAExecutionProvider",
            "CPUExecutionProvider",
        ]
    )
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = number(config, "threads", 0, 0, 1024, int)  # 0: all cores
    providers = [name for name in wanted if name in available]
    try:
        session = onnxruntime.InferenceSession(str(path), options, providers=providers)
    except Exception as error:  # ONNX Runtime's own exception classes are not public.
        raise ConfigError(f"{path}: ONNX Runtime cannot load it: {error}") from error
    # ONNX Runtime falls back to the CPU silently when the driver or cuDNN does not load.
    if device == "cuda" and session.get_providers()[0] != "CUDAExecutionProvider":
        raise ConfigError("device: cuda wanted, but it could not be started; see the log above")
    return session
