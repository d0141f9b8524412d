# SPDX-License-Identifier: Apache-2.0
"""``asectl services``: the loaders that are registered."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import click

from aiges.cli._metrics import load
from aiges.cli._say import CliError, Out, api_key, entry, need

TIMEOUT_S = 1.0
MOST_AT_ONCE = 32
SILENT = {"in_hand": None, "licences": None, "queue": None, "rate_per_s": None}


@entry(name="services")
@click.argument("name", required=False)
@click.option("-a", "--agent", help="Consul: http://HOST:PORT. Default: CONSUL_HTTP_ADDR.")
@api_key
def command(out: Out, name: str | None, agent: str | None) -> None:
    """List the loaders of the service NAME (default: of all): health, load, what they tell.

    In hand (calls of licences), queue and rate (calls a second) come from each loader's own
    http address; "-" where it does not answer within a second.
    """
    try:
        from aiges.registry import Registry, RegistryError
    except ImportError as error:
        raise need("registry", error) from None
    try:
        with Registry(agent) as registry:
            found = registry.services(name)
    except (RegistryError, ValueError) as error:
        raise CliError(str(error)) from None
    values: list[dict[str, Any]] = [
        {
            "service": each.name,
            "id": each.id,
            "address": each.address,
            "http": each.http_address,
            "health": each.standing,
            **said,
            "tags": list(each.tags),
            "meta": dict(each.meta),
        }
        for each, said in zip(found, _loads([each.http_address for each in found]))
    ]
    rows: list[list[str]] = [
        [
            *(v["service"], v["address"], v["http"] or "-", v["health"]),
            *("-" if v["queue"] is None else text for text in _load(v)),
            *(",".join(v["tags"]), _meta(v)),
        ]
        for v in values
    ]
    columns = ["service", "grpc", "http", "health", "in hand", "queue", "rate", "tags", "tells"]
    out.result(values, out.table(columns, rows, "no loader is registered"))


def _loads(addresses: list[str]) -> list[dict[str, Any]]:
    """Ask all of them at once how busy they are."""

    def ask(address: str) -> dict[str, Any]:
        return (load(f"http://{address}", TIMEOUT_S) if address else None) or SILENT

    with ThreadPoolExecutor(min(MOST_AT_ONCE, max(1, len(addresses)))) as pool:
        return list(pool.map(ask, addresses))


def _load(value: dict[str, Any]) -> list[str]:
    rate = f"{value['rate_per_s'] or 0.0:.1f}/s"
    return [f"{value['in_hand']}/{value['licences']}", str(value["queue"]), rate]


def _meta(value: dict[str, Any]) -> str:
    return " ".join(f"{k}={v}" for k, v in sorted(value["meta"].items())) or "-"
