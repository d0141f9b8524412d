# SPDX-License-Identifier: Apache-2.0
"""``asectl status``: one look at a loader."""

from __future__ import annotations

import sys
import time
from typing import Any

import click

from aiges.cli._metrics import STAGES, address_of, look, report
from aiges.cli._say import Out, api_key, entry


@entry(name="status")
@click.argument("target", required=False)
@click.option("--seconds", default=0.0, help="Rates and times of the next so many seconds.")
@api_key
def command(out: Out, target: str | None, seconds: float) -> None:
    """Show how the loader at TARGET is (HTTP, HOST:PORT; default: http_listen of aiges.toml here).

    Times are since its start, unless --seconds says how long to watch. Ends with 1 when it is not
    ready.
    """
    address = address_of(target)
    first = look(address) if seconds > 0 else None
    if first:
        time.sleep(seconds)
    made = {"address": address, **report(look(address), first)}
    out.result(made, "\n".join(f"{name:<12}{value}" for name, value in lines(made)))
    if not made["ready"]:
        sys.exit(1)


def lines(made: dict[str, Any]) -> list[tuple[str, str]]:
    """Return a report as pairs of a name and text."""
    states = ", ".join(f"{n} {state}" for state, n in made["instances"].items() if n) or "none"
    answered = ", ".join(f"{n} x {code}" for code, n in made["requests"].items()) or "none yet"
    said = "ready" if made["ready"] else made["said"] or "not ready"
    rows = [
        ("loader", f"{made['address']}  {said}"),
        ("instances", f"{states}; {made['restarts']} restart{'s' * (made['restarts'] != 1)}"),
        ("in hand", f"{made['in_flight']} of {made['licences']} licences"),
        ("queue", f"{made['queue']['depth']} calls, {made['queue']['bytes']} bytes"),
        ("answered", answered),
        ("sessions", f"{made['sessions']['open']} open, {made['sessions']['total']} in all"),
    ]
    if made["rate_per_s"] is not None:
        rows.append(("rate", f"{made['rate_per_s']:.1f}/s, errors {made['errors_per_s']:.1f}/s"))
    for stage in STAGES:
        shown = [_ms(made["latency"][stage][name]) for name in ("p50_ms", "p99_ms")]
        rows.append((stage, f"p50 {shown[0]}  p99 {shown[1]}"))
    return rows


def _ms(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f} ms"
