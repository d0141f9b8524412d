# SPDX-License-Identifier: Apache-2.0
"""``Predictor.run``: a thread of the user's beside the requests."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import threading
from typing import Any, Callable

from aiges.contracts.openbayes import _mode

__all__ = ["start"]

_LOG = logging.getLogger("openbayes_serving.run")


def start(predictor: Any, context: Callable[[], contextlib.AbstractContextManager[Any]]) -> None:
    """Start it, where there is one. ``context`` gives what it runs in."""
    function = getattr(predictor, "run", None)
    if not callable(function):
        return
    _LOG.info("启动后台线程 %s.run ...", type(predictor).__name__)
    thread = threading.Thread(target=_run, args=(function, context), name="run", daemon=True)
    thread.start()


def _run(function: Callable[[], object], context: Callable[[], Any]) -> None:
    try:
        with context():
            function()
    except BaseException:
        _LOG.exception("后台线程异常")
        if _mode.mode() == _mode.PRODUCTION:
            _LOG.error("因处于生产环境，将直接结束当前进程并等待重启")
            for stream in (sys.stdout, sys.stderr):
                with contextlib.suppress(Exception):
                    stream.flush()
            os._exit(1)
        return
    _LOG.info("后台线程正常结束")
