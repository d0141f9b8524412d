# SPDX-License-Identifier: Apache-2.0
"""``logger`` of the internal package: takes any keyword (demos pass ``flush=True``)."""

from __future__ import annotations

import logging


class _Logger:
    def __init__(self, target: logging.Logger) -> None:
        self._target = target

    def debug(self, message: object, *args: object, **_: object) -> None:
        self._target.debug(message, *args)

    def info(self, message: object, *args: object, **_: object) -> None:
        self._target.info(message, *args)

    def warning(self, message: object, *args: object, **_: object) -> None:
        self._target.warning(message, *args)

    def error(self, message: object, *args: object, **_: object) -> None:
        self._target.error(message, *args)


logger = _Logger(logging.getLogger("wrapper"))
