# SPDX-License-Identifier: Apache-2.0
"""A line for each request on stdout (--access-log), in the form that web servers have in common."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aiges.contracts._http import HttpAnswer, HttpRequest

__all__ = ["AccessLog"]

_VERSIONS = {"1": "1.1", "2": "2"}
_MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()


def _quoted(text: str) -> str:
    """What a client has said may not break the line, or end the quotes."""
    if text.isprintable():
        plain = text.replace("\\", "\\\\")
    else:
        plain = text.encode("unicode_escape").decode("ascii")
    return plain.replace('"', '\\"')


class AccessLog:
    """Leaves out the path of the metrics, unless that is wanted, too."""

    def __init__(self, left_out: str) -> None:
        self._left_out = left_out
        self._second, self._shown = -1, ""

    def write(self, request: HttpRequest, answer: HttpAnswer) -> None:
        """Write the line of one request."""
        target = request.pseudo["path"]
        if self._left_out and target.partition("?")[0] == self._left_out:
            return
        said = request.pseudo.get("version", "1")
        body = answer.body
        size = len(body) if isinstance(body, (bytes, memoryview)) else "-"
        client = request.client.rpartition(":")[0].strip("[]") or "-"
        agent = _quoted(request.get(b"user-agent", b"-").decode("latin-1"))
        referer = _quoted(request.get(b"referer", b"-").decode("latin-1"))
        line = (
            f'{client} - - [{self._time()}] "{request.method} {_quoted(target)} '
            f'HTTP/{_VERSIONS.get(said, said)}" {answer.status} {size} "{referer}" "{agent}"\n'
        )
        sys.stdout.write(line)
        sys.stdout.flush()

    def _time(self) -> str:
        second = int(time.time())
        if second != self._second:
            t = time.gmtime(second)
            month = _MONTHS[t.tm_mon - 1]
            clock = time.strftime("%H:%M:%S +0000", t)
            self._shown = f"{t.tm_mday:02d}/{month}/{t.tm_year}:{clock}"
            self._second = second
        return self._shown
