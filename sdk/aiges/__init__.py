# SPDX-License-Identifier: Apache-2.0
"""The Python side of the AIGES engine host: what a ``wrapper.py`` imports.

``aiges.sdk`` declares a wrapper and tries it out without the loader, ``aiges.dto`` has the data
classes. Inside the loader the same classes come from the native module ``aiges_embed``.
``aiges.call``, ``aiges.acall`` and ``aiges.stream`` call other models of the loader.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aiges._models import Answer as Answer
    from aiges._models import CallFailed as CallFailed
    from aiges._models import acall as acall
    from aiges._models import call as call

__version__ = "0.2.0"
EXIT_SIG = -1
_MODELS = ("Answer", "CallFailed", "acall", "call")


def __getattr__(name: str) -> Any:
    # Imported when it is asked for: this package is imported by everything.
    import importlib

    if name == "stream":  # The module of that name, which can be called.
        return importlib.import_module("aiges.stream")
    if name in _MODELS:
        return getattr(importlib.import_module("aiges._models"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
