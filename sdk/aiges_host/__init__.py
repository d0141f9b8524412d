# SPDX-License-Identifier: Apache-2.0
"""What is installed as ``aiges-host``: the native programs, and a folder with the package aiges.

PyPI has a distribution ``aiges`` with a package of that name. So that both can be installed, in any
order, no file of ours lies where one of its files may lie: ``aiges`` is in ``aiges_host/sdk``. A
.pth puts that folder at the end of sys.path, a worker and the programs here put it to the front.
"""

from __future__ import annotations

import sys
from pathlib import Path

__all__ = ["aiservice", "asectl", "compat_first", "sdk_folder", "seldon_core_microservice", "xtest"]

HERE = Path(__file__).resolve().parent


def sdk_folder() -> Path:
    """Return the folder that has our package aiges: in this package, or beside it (checkout)."""
    return HERE / "sdk" if (HERE / "sdk").is_dir() else HERE.parent


def _use_own_sdk() -> None:
    folder = str(sdk_folder())
    if sys.path[:1] != [folder]:
        sys.path.insert(0, folder)


def aiservice() -> None:
    """Become AIService."""
    _use_own_sdk()
    from aiges._programs import aiservice as become

    become()


def xtest() -> None:
    """Become xtest."""
    _use_own_sdk()
    from aiges._programs import xtest as become

    become()


def asectl() -> None:
    """Run asectl."""
    _use_own_sdk()
    from aiges.cli import main

    main()


def compat_first() -> None:
    """Let our packages of other systems go before those that are installed (AIGES_COMPAT=first)."""
    home = HERE if (HERE / "sdk").is_dir() else HERE.parents[1]
    for name in ("aipod", "openbayes", "paddle", "seldon", "triton"):
        folder = str(home / "compat" / name)
        if folder in sys.path:
            sys.path.remove(folder)
        sys.path.insert(0, folder)


def seldon_core_microservice() -> None:
    """Run ``seldon-core-microservice``: the original's where that is installed and goes first."""
    from seldon_core.microservice import main  # pyright: ignore[reportMissingTypeStubs] (either's)

    main()
