# SPDX-License-Identifier: Apache-2.0
"""The user's application, named as ``module:name``."""

from __future__ import annotations

import importlib
import os
from typing import Any

__all__ = ["load_app"]


def load_app(what: str) -> Any:
    """Import what ``[aiges] app`` names; ``what`` says in errors what was expected.

    ``main:app`` is an object of a module, ``main:api.app`` an attribute of one, ``main:make()``
    what a function without arguments returns. Raises ValueError where nothing is named so, and
    whatever the import raises.
    """
    named = os.environ.get("AIGES_APP", "")
    module_name, _, path = named.partition(":")
    called = path.endswith("()")
    path = path[:-2] if called else path
    if not module_name or not all(part.isidentifier() for part in path.split(".")):
        raise ValueError(f'[aiges] app: expected "module:name" of {what}, got "{named}"')
    app: Any = importlib.import_module(module_name)
    for part in path.split("."):
        if not hasattr(app, part):
            raise ValueError(
                f'[aiges] app = "{named}": {getattr(app, "__name__", type(app).__name__)} has no '
                f"attribute {part}"
            )
        app = getattr(app, part)
    if called:
        app = app()
    if not callable(app):
        raise ValueError(
            f'[aiges] app = "{named}": expected {what}, got an object of type {type(app).__name__}'
        )
    return app
