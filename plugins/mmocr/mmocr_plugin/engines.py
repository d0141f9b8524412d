# SPDX-License-Identifier: Apache-2.0
"""The door between the wrapper and an engine.

An engine is an object with `name` and `read(rgb)`: a uint8 array (height, width, 3) in, a list
of Line out, in reading order. Its constructor takes the configuration and raises ConfigError.
Engines are imported only when chosen, because each brings a large package with it.
"""

from typing import NamedTuple

from .settings import choice


class Line(NamedTuple):
    box: list  # Four [x, y] corners in pixels, clockwise from the top left.
    text: str
    score: float


def open_engine(config):
    """The engine that the configuration key `engine` names."""
    if choice(config, "engine", "rapidocr", ("rapidocr", "mmocr")) == "mmocr":
        from .mmocr_engine import MmocrEngine

        return MmocrEngine(config)
    from .rapidocr_engine import RapidocrEngine

    return RapidocrEngine(config)
