# SPDX-License-Identifier: Apache-2.0
"""OpenMMLab's MMOCR: any of its detectors and recognisers, with the user's checkpoints."""

import os
import threading

from .engines import Line
from .settings import ConfigError

INSTALL = (
    "install OpenMMLab's packages into the interpreter of [instances] python "
    "(pip install -U openmim, then mim install mmengine mmcv mmdet mmocr), "
    'or set engine = "rapidocr"'
)


class MmocrEngine:
    """Thread-safe: one call runs at a time, because the inferencer keeps its inputs in itself."""

    def __init__(self, config):
        options = {key: required(config, key) for key in ("det", "rec")}
        for key in ("det_weights", "rec_weights"):
            path = required(config, key)
            if not os.path.isfile(path):
                raise ConfigError(
                    f"{key}: expected a checkpoint file, found none at {path}; download the one "
                    f"that belongs to {key[:3]} = {options[key[:3]]!r} from MMOCR's model zoo"
                )
            options[key] = path
        if config.get("device"):
            options["device"] = config["device"]
        try:
            from mmocr.apis import MMOCRInferencer
        except ImportError as error:
            missing = getattr(error, "name", None) or "mmocr"
            raise ConfigError(
                f"engine: mmocr needs the package {missing}, import failed: {error}; {INSTALL}"
            ) from error
        try:
            self._infer = MMOCRInferencer(**options)
        except Exception as error:  # A third-party parser of configs and checkpoints.
            raise ConfigError(
                f"engine: MMOCR cannot build det = {options['det']!r}, rec = {options['rec']!r} "
                f"with these checkpoints: {type(error).__name__}: {error}"
            ) from error
        self.name = f"mmocr ({options['det']} + {options['rec']})"
        self._lock = threading.Lock()

    def read(self, rgb):
        bgr = rgb[:, :, ::-1].copy()
        with self._lock:
            page = self._infer(bgr, return_vis=False)["predictions"][0]
        found = zip(page["det_polygons"], page["rec_texts"], page["rec_scores"])
        lines = [Line(corners(polygon), text, float(score)) for polygon, text, score in found]
        # MMOCR gives lines in the order of the detector; readers want top to bottom.
        return sorted(lines, key=lambda line: (line.box[0][1], line.box[0][0]))


def required(config, key):
    value = config.get(key, "")
    if not value:
        raise ConfigError(
            f'{key}: engine = "mmocr" needs it; set det and rec to model names or config files, '
            "det_weights and rec_weights to their checkpoint files"
        )
    return value


def corners(polygon):
    """A flat polygon x1, y1, x2, y2, ... as four corners.

    A polygon of more points is replaced by its upright bounding box: that is what MMOCR cuts
    out of the picture and reads.
    """
    points = [[float(x), float(y)] for x, y in zip(polygon[0::2], polygon[1::2])]
    if len(points) == 4:
        return points
    xs, ys = [x for x, _ in points], [y for _, y in points]
    left, top, right, bottom = min(xs), min(ys), max(xs), max(ys)
    return [[left, top], [right, top], [right, bottom], [left, bottom]]
