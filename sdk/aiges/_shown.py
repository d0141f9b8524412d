# SPDX-License-Identifier: Apache-2.0
"""Values of the user's in messages: in one short line, also where their repr() would never end."""

from __future__ import annotations

import reprlib

__all__ = ["shown"]

_SHORT = reprlib.Repr()
_SHORT.maxlevel = 2
_SHORT.maxstring = _SHORT.maxother = _SHORT.maxlong = 60


def shown(value: object) -> str:
    """Return repr(value), or the begin and the end of it."""
    try:
        return _SHORT.repr(value)
    except Exception:  # The user's __repr__, or an int with too many digits.
        return f"a {type(value).__name__}"
