# SPDX-License-Identifier: Apache-2.0
"""Steps one after the other."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Callable

import numpy as np

__all__ = ["DetectionSequential", "Lambda", "Sequential"]


class Sequential:
    """Applies any callables in order, each to what the one before has returned."""

    def __init__(self, transforms: Iterable[Callable[..., Any]]) -> None:
        self.transforms = transforms

    def __call__(self, img: Any) -> Any:
        """Return what the last step returns."""
        for step in self.transforms:
            img = step(img)
        return img

    def __repr__(self) -> str:
        lines = "".join(f"    {step}\n" for step in self.transforms)
        return f"{type(self).__name__}(\n{lines})"


class DetectionSequential(Sequential):
    """Applies steps of a picture and what is known of it: (im, im_info) in, (im, im_info) out."""

    def __call__(self, im: Any) -> tuple[Any, dict[str, Any]]:
        """Return the picture and its im_info: im_shape and scale_factor, each (2,) of float32."""
        im_info: Any = {"scale_factor": np.ones(2, dtype=np.float32), "im_shape": None}
        for step in self.transforms:
            im, im_info = step(im, im_info)
        return im, im_info


class Lambda:
    """A function as a step."""

    def __init__(self, lambd: Callable[[Any], Any]) -> None:
        self.lambd = lambd

    def __call__(self, img: Any) -> Any:
        """Return what the function returns."""
        return self.lambd(img)

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"
