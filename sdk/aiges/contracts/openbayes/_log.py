# SPDX-License-Identifier: Apache-2.0
"""What the user's code logs is seen, as it was: all on a desk, from INFO when deployed."""

from __future__ import annotations

import logging
import sys

from aiges.contracts.openbayes import _mode

__all__ = ["init_logging"]

_FORM = "[%(levelname).1s %(asctime)s %(module)s:%(lineno)d] %(message)s"


def init_logging() -> None:
    """Let the root logger write to stderr, unless the user's code has said where it writes."""
    root = logging.getLogger()
    if root.handlers:
        return
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter(_FORM, "%y%m%d %H:%M:%S"))
    production = _mode.mode() == _mode.PRODUCTION
    handler.setLevel(logging.INFO if production else logging.DEBUG)
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    logging.getLogger("asyncio").setLevel(logging.INFO)  # Ours, in their process.
