# SPDX-License-Identifier: Apache-2.0
"""Which of the forms of a structure a client takes."""

from __future__ import annotations

import functools
import re
from decimal import Decimal, InvalidOperation

from aiges.contracts.openbayes._bodies import JSON, MSGPACK

__all__ = ["form_for"]

_OFFERED = (
    ("application/json", JSON),
    ("application/msgpack", MSGPACK),
    ("application/x-msgpack", MSGPACK),
    ("application/vnd.msgpack", MSGPACK),
)
_RANGE = re.compile(r"\*/\*|[\w.-]+/(?:\*|[\w.+-]+)", re.ASCII)
_WEIGHT = re.compile(r"(?:^|;)\s*q=([0-9.-]+)(?:$|;)")


@functools.lru_cache(maxsize=256)
def form_for(field: bytes) -> str:
    """Return the form for a field Accept, "" where none fits.

    Ranges go by their weight, equal ones by their place; of those that fit one range, JSON goes
    first. A weight of 0 is the least, not a refusal.
    """
    if not field:
        return JSON
    ranges: list[tuple[Decimal, str]] = []
    for text in field.decode("latin-1").split(","):
        name, _, rest = text.strip().partition(";")
        if _RANGE.fullmatch(name):
            ranges.append((_weight(rest), name))
    for _, name in sorted(ranges, key=lambda known: known[0], reverse=True):
        for offered, form in _OFFERED:
            if name in ("*/*", "application/*", offered):
                return form
    return ""


def _weight(parameters: str) -> Decimal:
    found = _WEIGHT.search(parameters)
    try:
        return Decimal(found.group(1)) if found else Decimal(1)
    except InvalidOperation:
        return Decimal(1)
