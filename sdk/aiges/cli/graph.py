# SPDX-License-Identifier: Apache-2.0
"""``asectl graph``: which models call which."""

from __future__ import annotations

from typing import Any

import click

from aiges.cli._metrics import address_of, calls_between
from aiges.cli._say import Out, api_key, entry

COLUMNS = ["from", "to", "calls", "failures"]


@entry(name="graph")
@click.argument("target", required=False)
@click.option("--dot", is_flag=True, help="As a graph for Graphviz.")
@api_key
def command(out: Out, target: str | None, dot: bool) -> None:
    """Show who calls whom in the loader at TARGET: counts of calls between models.

    TARGET: HTTP, HOST:PORT; default: http_listen of aiges.toml here. Counts are since its start.
    """
    address = address_of(target)
    made = calls_between(address)
    if dot:
        return out.result({"dot": _dot(made)}, _dot(made))
    rows = [[str(each.get(name, "")) for name in COLUMNS] for each in made]
    empty = "no model has called another"
    out.result({"address": address, "calls_between": made}, out.table(COLUMNS, rows, empty))


def _dot(calls: list[dict[str, Any]]) -> str:
    lines = ["digraph models {"]
    for each in calls:
        ends = " -> ".join(_quoted(str(each.get(name))) for name in ("from", "to"))
        failures = f", {each['failures']} failed" if each.get("failures") else ""
        lines.append(f'  {ends} [label="{each.get("calls")}{failures}"];')
    return "\n".join([*lines, "}"])


def _quoted(name: str) -> str:
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
