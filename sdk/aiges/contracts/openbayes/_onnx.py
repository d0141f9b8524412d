# SPDX-License-Identifier: Apache-2.0
"""``onnx``: a session of ONNX Runtime for the model beside the predictor."""

from __future__ import annotations

import importlib
import logging
from pathlib import Path
from typing import Any

from aiges.contracts.openbayes._mode import model_folder

__all__ = ["find_model", "load_session"]

_LOG = logging.getLogger("openbayes_serving.onnx")


def find_model(said: str) -> Path:
    """Return the file: ``said``, or the first by name in that folder. Raises FileNotFoundError."""
    place = Path(said) if said else model_folder()
    if place.is_file():
        return place
    found = sorted(file for file in place.glob("*.onnx") if file.is_file())
    if not found:
        raise FileNotFoundError(
            f"没有找到 ONNX 模型: expected a file, or a folder with a .onnx file, at {place} "
            "(--model-path, [wrapper] model_path)"
        )
    if len(found) > 1:
        names = ", ".join(file.name for file in found)
        _LOG.warning("%s has several models: %s; %s is used", place, names, found[0].name)
    return found[0]


def load_session(said: str) -> Any:
    """Return the session, on what hardware there is. Raises FileNotFoundError, ImportError."""
    file = find_model(said)
    try:
        runtime: Any = importlib.import_module("onnxruntime")
    except ImportError as fault:
        raise ImportError(
            "parameter onnx: expected the package onnxruntime (pip install onnxruntime)"
        ) from fault
    _LOG.info("正在加载 ONNX 模型：%s ...", file)
    return runtime.InferenceSession(str(file), providers=runtime.get_available_providers())
