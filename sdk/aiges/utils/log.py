# SPDX-License-Identifier: Apache-2.0
"""Loggers for wrappers.

In the loader everything a wrapper prints or logs to stderr reaches the service's log; a file of
its own is for those who want one.
"""

from __future__ import annotations

import logging
import os
from typing import Callable

fmt = "%(asctime)s - %(name)s:%(funcName)s:%(lineno)s - %(levelname)s:  %(message)s"
level = logging.DEBUG
formatter = logging.Formatter(fmt)
logpath = os.environ.get("AIGES_LOG_DIR", "/log/app")

log = logging.getLogger()


def getLogger(  # noqa: N802 (frozen name)
    fmt: str = fmt, level: int = level, name: str = "root"
) -> logging.Logger:
    """Return the logger ``name``, writing to stderr."""
    return _with_handler(name, level, fmt, logging.StreamHandler)


def getFileLogger(  # noqa: N802 (frozen name)
    fmt: str = fmt,
    level: int = level,
    name: str = "wrapper",
    folder: str = "",
) -> logging.Logger:
    """Return the logger ``name``, writing to ``name.log`` in ``folder`` (``logpath``); makes it.

    Where the folder cannot be made, the logger writes to stderr and says so: a service must not
    fail to start because of a log file.
    """
    folder = folder or logpath
    path = os.path.join(folder, name + ".log")
    try:
        os.makedirs(folder, exist_ok=True)
        return _with_handler(
            name, level, fmt, lambda: logging.FileHandler(path, encoding="utf-8", delay=False)
        )
    except OSError as error:
        logger = getLogger(fmt, level, name)
        logger.warning("cannot write %s (%s); logging to stderr", path, error)
        return logger


def _with_handler(
    name: str, level: int, fmt: str, make_handler: Callable[[], logging.Handler]
) -> logging.Logger:
    logger = logging.getLogger(name)
    logger.setLevel(level)
    if not logger.handlers:  # Asked for twice: still one line per message.
        handler = make_handler()
        handler.setFormatter(logging.Formatter(fmt))
        logger.addHandler(handler)
        logger.propagate = False
    return logger
