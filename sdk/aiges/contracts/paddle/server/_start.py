# SPDX-License-Identifier: Apache-2.0
"""Which engine a worker of contract ``paddle`` has: models alone, a web service, a pipeline."""

from __future__ import annotations

import importlib
import logging
import os
from collections.abc import Mapping
from typing import Any

from aiges.contracts import _handover
from aiges.contracts._command import use_first
from aiges.contracts.paddle.server import _settings
from aiges.contracts.paddle.server._engine import Engine
from aiges.contracts.paddle.server.web import HandedWeb

__all__ = ["engine_of"]

_PROGRAM = "web_service.py"  # What examples of Paddle Serving call it.


def engine_of(config: Mapping[str, str]) -> Any:
    """Return what serves: it has ``doors``, ``once`` and ``end``. Raises what ends the start."""
    use_first("paddle")
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(asctime)s %(message)s")
    if config.get("model") or config.get("workflow") or not _has_program():
        return Engine(_settings.read(config))
    given = _handover.load("run_service()", _PROGRAM, "a service")
    if isinstance(given, HandedWeb):
        return Engine(given.settings(config), given.service)
    pipeline = importlib.import_module("aiges.contracts.paddle.pipeline._engine")
    return pipeline.engine_of(given)


def _has_program() -> bool:
    app = os.environ.get("AIGES_APP", "")
    if os.environ.get("AIGES_MAIN") or (app and not app.endswith(".prototxt")):
        return True
    return not _settings.is_model_here()
