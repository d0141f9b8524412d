# SPDX-License-Identifier: Apache-2.0
"""Contract ``typed``: a function ``predict``, or a class with one, whose hints say what it takes.

    def predict(text: str, top: int = 2) -> dict: ...

In any file: ``[aiges] app = "module"`` or ``"module:name"``, or a folder whose file has it. A class
may have ``setup(self, config)`` and ``close(self)``. docs/typed.md.
"""

from __future__ import annotations

from typing import Any

__all__ = ["Wrapper"]


class Wrapper:
    """Makes what the host sees of the user's model."""

    def __new__(cls) -> Any:
        """Import the model, and return its hooks."""
        from aiges.contracts.typed._engine import make_engine

        return make_engine()
