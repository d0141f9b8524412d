# SPDX-License-Identifier: Apache-2.0
"""``asectl top``: a loader, live."""

from __future__ import annotations

import sys
import time
from collections import deque
from typing import Any

import click

from aiges.cli._metrics import INSTANCE, Snapshot, address_of, instances, look, report
from aiges.cli._say import CliError, Out, api_key, entry, need
from aiges.cli.status import lines

BARS = " ▁▂▃▄▅▆▇█"
HISTORY = 60
SERVING = ("ready", "starting")


@entry(name="top")
@click.argument("target", required=False)
@click.option("--interval", default=1.0, show_default=True, help="Seconds between two looks.")
@click.option("--count", default=0, help="End after so many. 0: at Ctrl-C.")
@api_key
def command(out: Out, target: str | None, interval: float, count: int) -> None:
    """Show instances, queue, rate and times of the loader at TARGET, again and again.

    With --json, or into a file, a line for each look; "workers" has the instances one by one.
    """
    if interval <= 0:
        raise CliError(f"--interval: expected more than 0 seconds, got {interval}")
    address = address_of(target)
    try:
        if out.as_json or not sys.stdout.isatty():
            _lines(out, address, interval, count)
        else:
            _live(address, interval, count)
    except KeyboardInterrupt:
        pass


def _next(address: str, last: Snapshot, interval: float) -> tuple[Snapshot, dict[str, Any]]:
    time.sleep(max(0.0, last.time + interval - time.monotonic()))
    new = look(address)
    return new, {"address": address, **report(new, last), "workers": instances(address)}


def _lines(out: Out, address: str, interval: float, count: int) -> None:
    last, done = look(address), 0
    while not count or done < count:
        last, made = _next(address, last, interval)
        total = made["latency"]["total"]
        out.event(
            made,
            f"{made['rate_per_s']:.1f}/s  errors {made['errors_per_s']:.1f}/s  "
            f"in hand {made['in_flight']}  queue {made['queue']['depth']}  "
            f"p50 {total['p50_ms'] or 0:.2f} ms  p99 {total['p99_ms'] or 0:.2f} ms",
        )
        done += 1


def _bars(values: deque[float]) -> str:
    most = max([*values, 1e-9])
    return "".join(BARS[round(value / most * (len(BARS) - 1))] for value in values)


def _live(address: str, interval: float, count: int) -> None:
    try:
        from rich.console import Group
        from rich.live import Live
        from rich.table import Table
        from rich.text import Text
    except ImportError as error:
        raise need("cli", error) from None
    rates: deque[float] = deque(maxlen=HISTORY)
    tails: deque[float] = deque(maxlen=HISTORY)
    last, done = look(address), 0
    with Live(auto_refresh=False, screen=False) as live:
        while not count or done < count:
            try:
                last, made = _next(address, last, interval)
            except CliError as error:  # It may come back: a restart is worth watching, too.
                live.update(Text(str(error), style="red"), refresh=True)
                time.sleep(interval)
                continue
            rates.append(made["rate_per_s"] or 0.0)
            tails.append(made["latency"]["total"]["p99_ms"] or 0.0)
            table = Table.grid(padding=(0, 2))
            for name, value in lines(made):
                style = "red" if name == "loader" and not made["ready"] else ""
                table.add_row(Text(name, style="bold"), Text(value), style=style)
            table.add_row(Text("rate", style="bold"), _bars(rates))
            table.add_row(Text("p99", style="bold"), _bars(tails))
            live.update(Group(table, _workers(made["workers"])), refresh=True)
            done += 1


def _workers(workers: list[dict[str, Any]]) -> Any:
    """Return the instances as a table: red what does not serve."""
    from rich.table import Table

    table = Table(box=None, padding=(0, 2, 0, 0))
    for name in INSTANCE:
        table.add_column(name, justify="left" if name == "state" else "right")
    for each in workers:
        cells = ["-" if each[name] is None else str(each[name]) for name in INSTANCE]
        table.add_row(*cells, style="" if each["state"] in SERVING else "red")
    return table if workers else ""
