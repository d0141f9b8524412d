# SPDX-License-Identifier: Apache-2.0
"""``asectl usage``: who has used how much."""

from __future__ import annotations

import dataclasses
import datetime
import re
from pathlib import Path

import click

from aiges.cli._metrics import address_of, metering_folder
from aiges.cli._say import CliError, Out, api_key, entry
from aiges.cli._usage import Total, totals

COLUMNS = ["day", "caller", "model", "calls", "sessions", "failed", "MB in", "MB out", "engine s"]


@entry(name="usage")
@click.argument("source", required=False)
@click.option("--since", default="", help="A day (2026-01-31), or days back (7d).")
@api_key
def command(out: Out, source: str | None, since: str) -> None:
    """Sum up usage records by day (UTC), caller and model.

    SOURCE is a folder of [metering], or a loader on this machine (HTTP, HOST:PORT; default:
    http_listen of aiges.toml here). Records that a URL has taken are counted there, not here.
    """
    folder = Path(source) if source and Path(source).is_dir() else None
    if folder is None:
        address = address_of(source)
        folder = Path(metering_folder(address))
        if not folder.is_dir():
            raise CliError(f"{address}: its folder {folder} is not on this machine")
    made = totals(folder, first_day(since))
    out.result(
        {"folder": str(folder), "totals": [dataclasses.asdict(total) for total in made]},
        out.table([*COLUMNS, "meters"], [row(total) for total in made], "no usage yet"),
    )


def first_day(since: str) -> str:
    """Return the day that --since means, as it is compared."""
    if re.fullmatch(r"\d+d", since):
        today = datetime.datetime.now(datetime.timezone.utc).date()
        return str(today - datetime.timedelta(days=int(since[:-1])))
    if since and not re.fullmatch(r"\d{4}-\d\d-\d\d", since):
        raise CliError(f"--since: expected a day as 2026-01-31, or 7d; got {since}")
    return since


def row(total: Total) -> list[str]:
    """Return a total as cells."""
    return [
        total.day,
        total.caller or "-",
        total.model,
        str(total.calls),
        str(total.sessions),
        str(total.failed),
        f"{total.bytes_in / 1e6:.3f}",
        f"{total.bytes_out / 1e6:.3f}",
        f"{total.engine_ms / 1000:.3f}",
        " ".join(f"{key}={count}" for key, count in sorted(total.meters.items())) or "-",
    ]
