# SPDX-License-Identifier: Apache-2.0
"""Packages that only some steps use, imported when such a step is called."""

from __future__ import annotations

import importlib
from typing import Any

__all__ = ["cv2", "pillow", "pyclipper"]


def _load(module: str, package: str, what: str) -> Any:
    """Return the module. Raises ImportError with the package to install."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise ImportError(
            f"paddle_serving_app.reader: {what} needs {package}: pip install {package} ({error})",
            name=error.name,
        ) from error


def cv2() -> Any:
    """Return OpenCV."""
    return _load("cv2", "opencv-python-headless", "this step")


def pillow(name: str = "Image") -> Any:
    """Return that module of Pillow."""
    return _load(f"PIL.{name}", "pillow", "this step")


def pyclipper() -> Any:
    """Return pyclipper."""
    return _load("pyclipper", "pyclipper", "DBPostProcess")
