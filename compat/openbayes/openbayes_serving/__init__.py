# SPDX-License-Identifier: Apache-2.0
"""What predictors of OpenBayes Serving import: ``run`` and ``emit_event``, on AIGES."""

from __future__ import annotations

import os
from typing import Any, NoReturn

__all__ = ["emit_event", "run"]

try:
    _STARTED_IN = os.getcwd()
except OSError:
    _STARTED_IN = ""


def run(predictor: Any) -> NoReturn:
    """Serve a class that has ``predict``: this process becomes the server."""
    from aiges.contracts.openbayes._command import run as serve

    serve(predictor, _STARTED_IN)


def emit_event(name: str, data: Any, id: int | None = None) -> None:
    """Tell the platform's console about something that happened in a request."""
    from aiges.contracts.openbayes._events import emit_event as emit

    emit(name, data, id)
