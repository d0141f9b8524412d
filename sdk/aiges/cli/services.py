"""``asectl services``: the loaders that are registered."""

from __future__ import annotations

from typing import Any

import click

from aiges.cli._say import CliError, Out, entry, need


@entry(name="services")
@click.argument("name", required=False)
@click.option("-a", "--agent", help="Consul: http://HOST:PORT. Default: CONSUL_HTTP_ADDR.")
def command(out: Out, name: str | None, agent: str | None) -> None:
    """List the loaders of the service NAME (default: of all), with health and what they tell."""
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
            "tags": list(each.tags),
            "meta": dict(each.meta),
        }
        for each in found
    ]
    rows: list[list[str]] = [
        [v["service"], v["address"], v["http"] or "-", v["health"], ",".join(v["tags"]), _meta(v)]
        for v in values
    ]
    columns = ["service", "grpc", "http", "health", "tags", "tells"]
    out.result(values, out.table(columns, rows, "no loader is registered"))


def _meta(value: dict[str, Any]) -> str:
    return " ".join(f"{k}={v}" for k, v in sorted(value["meta"].items())) or "-"
