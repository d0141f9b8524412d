# SPDX-License-Identifier: Apache-2.0
"""The logs of a pipeline: ``PipelineServingLogs/`` of the current folder, or SERVING_LOG_PATH."""

from __future__ import annotations

import logging
import os
from logging.handlers import RotatingFileHandler
from pathlib import Path

__all__ = ["folder", "start", "tracer"]

_MOST_BYTES = 512 << 20
_FORMAT = "%(levelname)s %(asctime)s [%(processName)s:%(process)d] [%(filename)s:%(lineno)d] "


def folder() -> Path:
    """Return where the logs lie."""
    return Path(os.environ.get("SERVING_LOG_PATH") or "PipelineServingLogs")


def _file(name: str, backups: int, form: str) -> logging.Handler | None:
    try:
        folder().mkdir(parents=True, exist_ok=True)
        made = RotatingFileHandler(
            folder() / name, maxBytes=_MOST_BYTES, backupCount=backups, encoding="utf-8"
        )
    except OSError as fault:
        logging.getLogger("pipeline").warning("%s: %s; there is no such log", name, fault)
        return None
    made.setFormatter(logging.Formatter(form))
    return made


def start() -> None:
    """Let the logger ``pipeline`` write its files, besides what the host's log gets."""
    logger = logging.getLogger("pipeline")
    if logger.level == logging.NOTSET:
        logger.setLevel(logging.INFO)
    if (plain := _file("pipeline.log", 20, _FORMAT + "%(message)s")) is not None:
        logger.addHandler(plain)
    if (worse := _file("pipeline.log.wf", 10, _FORMAT + "%(message)s")) is not None:
        worse.setLevel(logging.WARNING)
        logger.addHandler(worse)
    beside = logging.StreamHandler()
    beside.setLevel(logging.WARNING)
    beside.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s"))
    logger.addHandler(beside)
    logger.propagate = False


def tracer() -> logging.Logger:
    """Return the logger of ``pipeline.tracer``."""
    logger = logging.getLogger("pipeline.profiler")
    logger.setLevel(logging.INFO)
    if not logger.handlers:
        own = _file("pipeline.tracer", 5, "%(asctime)s %(message)s")
        logger.addHandler(own if own is not None else logging.NullHandler())
        logger.propagate = False
    return logger
