# SPDX-License-Identifier: Apache-2.0
"""The door between the wrapper and an engine.

An engine is an object with `name` and `find(rgb)`: a uint8 array (height, width, 3) in, a list
of Detection out, the best first. Its constructor takes the configuration and raises ConfigError.
Engines are imported only when chosen, because each brings a large package with it.
"""

from typing import NamedTuple

from .settings import choice


class Detection(NamedTuple):
    box: tuple  # x1, y1, x2, y2 in pixels.
    label: str
    score: float
    points: tuple = ()  # Of (x, y): what the engine finds inside the box, in an order of its own.


def open_engine(config):
    """The engine that the configuration key `engine` names."""
    if choice(config, "engine", "centerface", ("centerface", "mmdet")) == "mmdet":
        from .mmdet_engine import MmdetEngine

        return MmdetEngine(config)
    from .centerface_engine import CenterfaceEngine

    return CenterfaceEngine(config)
