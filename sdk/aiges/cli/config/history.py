# SPDX-License-Identifier: Apache-2.0
"""``asectl config history``."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from aiges.cli._say import Out, entry
from aiges.cli.config._centre import centre, scope_options

__all__ = ["command", "when"]


def when(time: float) -> str:
    """Return seconds since 1970 as local time."""
    return datetime.fromtimestamp(time).astimezone().isoformat(" ", "seconds")


@entry(name="history")
@scope_options
def command(out: Out, **where: Any) -> None:
    """List the pushes, the newest first: revision, time, who and why."""
    with centre(**where) as (registry, scope):
        entries = registry.history(scope)
        now = registry.pull(scope).revision
    rows = [
        ["*" if e.revision == now else "", e.revision, when(e.time), e.author, e.message]
        for e in entries
    ]
    out.result(
        [
            {
                "revision": e.revision,
                "in_force": e.revision == now,
                "time": e.time,
                "author": e.author,
                "message": e.message,
                "files": sorted(e.files),
            }
            for e in entries
        ],
        out.table(["", "revision", "time", "author", "message"], rows, f"{scope}: no push yet"),
    )
