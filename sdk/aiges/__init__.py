# SPDX-License-Identifier: Apache-2.0
"""The Python side of the AIGES engine host: what a ``wrapper.py`` imports.

``aiges.sdk`` declares a wrapper and tries it out without the loader, ``aiges.dto`` has the data
classes. Inside the loader the same classes come from the native module ``aiges_embed``.
``aiges.call``, ``aiges.acall`` and ``aiges.stream`` call other models of the loader. A typed
``predict`` may use ``aiges.batch``, ``aiges.threads``, ``aiges.Answer`` and ``aiges.Audio``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aiges._decorators import batch as batch
    from aiges._decorators import threads as threads
    from aiges._models import CallFailed as CallFailed
    from aiges._models import ModelAnswer as ModelAnswer
    from aiges._models import acall as acall
    from aiges._models import call as call
    from aiges.answer import Answer as Answer
    from aiges.audio import Audio as Audio

__version__ = "0.2.0"
EXIT_SIG = -1
_PLACES = {
    "Answer": "aiges.answer",
    "Audio": "aiges.audio",
    "CallFailed": "aiges._models",
    "ModelAnswer": "aiges._models",
    "acall": "aiges._models",
    "batch": "aiges._decorators",
    "call": "aiges._models",
    "threads": "aiges._decorators",
}


def __getattr__(name: str) -> Any:
    # Imported when it is asked for: this package is imported by everything.
    import importlib

    if name == "stream":  # The module of that name, which can be called.
        return importlib.import_module("aiges.stream")
    if name in _PLACES:
        return getattr(importlib.import_module(_PLACES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
