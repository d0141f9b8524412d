# SPDX-License-Identifier: Apache-2.0
"""OpenMMLab's MMDetection: any of its detectors, by the user's config file and checkpoint."""

import os
import threading

from .engines import Detection
from .settings import ConfigError, number

INSTALL = (
    "install OpenMMLab's packages into the interpreter of [instances] python "
    "(pip install -U openmim, then mim install mmengine mmcv mmdet), "
    'or set engine = "centerface"'
)


class MmdetEngine:
    """Thread-safe: one call runs at a time, because the pipeline keeps state of it."""

    def __init__(self, config):
        self._threshold = number(config, "score_threshold", 0.5, 0.0, 1.0)
        files = {key: required(config, key) for key in ("config", "checkpoint")}
        try:
            from mmdet.apis import inference_detector, init_detector
        except ImportError as error:
            missing = getattr(error, "name", None) or "mmdet"
            raise ConfigError(
                f"engine: mmdet needs the package {missing}, import failed: {error}; {INSTALL}"
            ) from error
        device = config.get("device") or "cpu"
        try:
            self._model = init_detector(files["config"], files["checkpoint"], device=device)
        except Exception as error:  # A third-party parser of configs and checkpoints.
            raise ConfigError(
                f"engine: MMDetection cannot build {files['config']} with {files['checkpoint']}: "
                f"{type(error).__name__}: {error}"
            ) from error
        self._infer = inference_detector
        self._names = list((getattr(self._model, "dataset_meta", None) or {}).get("classes", ()))
        self._lock = threading.Lock()
        self.name = f"mmdet ({os.path.basename(files['config'])}, {device})"

    def find(self, rgb):
        bgr = rgb[:, :, ::-1].copy()
        with self._lock:
            found = self._infer(self._model, bgr).pred_instances
        columns = (numbers(getattr(found, name)) for name in ("bboxes", "labels", "scores"))
        detections = [
            Detection(tuple(box), self._label(int(kind)), score)
            for box, kind, score in zip(*columns)
            if score >= self._threshold
        ]
        return sorted(detections, key=lambda each: -each.score)

    def _label(self, kind):
        return self._names[kind] if kind < len(self._names) else str(kind)


def required(config, key):
    path = config.get(key, "")
    if not path:
        raise ConfigError(
            f'{key}: engine = "mmdet" needs it; set config to a config file of MMDetection and '
            "checkpoint to the file of weights that belongs to it"
        )
    if not os.path.isfile(path):
        raise ConfigError(f"{key}: expected a file, found none at {path}")
    return path


def numbers(tensor):
    """A tensor on any device as an array."""
    return tensor.detach().cpu().numpy() if hasattr(tensor, "detach") else tensor
