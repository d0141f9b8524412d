# SPDX-License-Identifier: Apache-2.0
"""``asectl limits``: who has how much left of its limits ([access] limits_file)."""

from __future__ import annotations

from typing import Any

import click

from aiges.cli._metrics import address_of, limits_of
from aiges.cli._say import Out, api_key, entry

COLUMNS = ["caller", "model", "limit", "left", "all of it in"]
NONE = "nobody has used anything that is not there again"


@entry(name="limits")
@click.argument("target", required=False)
@api_key
def command(out: Out, target: str | None) -> None:
    """Show who has least left at the loader at TARGET (HTTP, HOST:PORT; default: as aiges.toml here
    says).
    """
    address = address_of(target)
    found = limits_of(address)
    rows = [
        [
            *(str(each[name]) for name in ("caller", "model", "limit")),
            f"{each['left']} of {each['quota']}",
            f"{each['full_s']} s",
        ]
        for each in found["states"]
    ]
    out.result({"address": address, **found}, _head(found) + out.table(COLUMNS, rows, NONE))


def _head(found: dict[str, Any]) -> str:
    refused = ", ".join(f"{n} x {unit}" for unit, n in found["refused"].items() if n) or "nothing"
    shared = f", shared by {found['hosts']} loaders" if found["hosts"] > 1 else ""
    many = f"{found['lines']} line{'s' * (found['lines'] != 1)}"
    lines = [f"{many} of {found['file']}{shared}; refused: {refused}"]
    if found["problem"]:
        lines.append(f"not in force: {found['problem']}")
    return "\n".join([*lines, "", ""])
