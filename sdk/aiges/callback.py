# SPDX-License-Identifier: Apache-2.0
"""The old place of ``callback``, with three arguments."""

from __future__ import annotations

import queue

from aiges.dto import Response, callback

__all__ = ["Response", "callback", "q", "set_up"]

q: queue.Queue[Response] | None = None


def set_up(_q: queue.Queue[Response]) -> None:
    """Have ``callback`` of this module put answers into a queue, for a test without the loader."""
    global q, callback
    q = _q

    def keep(response: Response, usrTag: str, *sid: object) -> int:  # noqa: N803 (frozen name)
        _q.put(response)
        return 0

    callback = keep
