# SPDX-License-Identifier: Apache-2.0
"""What predictors of OpenBayes Serving import: ``run`` and ``emit_event``, on AIGES."""

from __future__ import annotations

import importlib.util
import os
import sys
from typing import Any, NoReturn

__all__ = ["emit_event", "run"]

try:
    _STARTED_IN = os.getcwd()
except OSError:
    _STARTED_IN = ""


def _use_own_sdk() -> None:
    """Let ``aiges`` be ours, where PyPI's package of that name is installed, too."""
    if "aiges" not in sys.modules and importlib.util.find_spec("aiges_host") is not None:
        from aiges_host import sdk_folder

        sys.path.insert(0, str(sdk_folder()))


def run(predictor: Any) -> NoReturn:
    """Serve a class that has ``predict``: this process becomes the server."""
    _use_own_sdk()
    from aiges.contracts.openbayes._command import run as serve

    serve(predictor, _STARTED_IN)


def emit_event(name: str, data: Any, id: int | None = None) -> None:
    """Tell the platform's console about something that happened in a request."""
    _use_own_sdk()
    from aiges.contracts.openbayes._events import emit_event as emit

    emit(name, data, id)
