# SPDX-License-Identifier: Apache-2.0
"""``asectl models``: the models of a running loader."""

from __future__ import annotations

import json
import urllib.parse
from typing import Any

import click

from aiges.cli._metrics import address_of, ask
from aiges.cli._say import CliError, Out, api_key, entry

LONGEST_LOAD_S = 600.0


@entry(name="models")
@click.argument("target", required=False)
@click.option("--load", "loaded", metavar="NAME", help="Load it, or anew what is loaded.")
@click.option("--unload", "unloaded", metavar="NAME", help="Finish its calls, and unload it.")
@api_key
def command(out: Out, target: str | None, loaded: str | None, unloaded: str | None) -> None:
    """List the models of the loader at TARGET (HTTP, HOST:PORT; default: as aiges.toml here says).

    With --load and --unload, returns when that is done, and lists what is so then.
    """
    address = address_of(target)
    if loaded and unloaded:
        raise CliError("expected one of --load and --unload, got both")
    for name, what in ((loaded, "load"), (unloaded, "unload")):
        if name:
            _change(address, name, what)
    models = _models(address)
    out.result({"address": address, "models": models}, _table(out, models))


def _change(address: str, name: str, what: str) -> None:
    place = f"{address}/v2/repository/models/{urllib.parse.quote(name, safe='')}/{what}"
    code, text = ask(place, LONGEST_LOAD_S, b"{}")
    if code != 200:
        raise CliError(f"{what} {name}: {_error(text) or f'HTTP status {code}'}")


def _error(text: str) -> str:
    try:
        said = json.loads(text)
        return str(said.get("error") or said["header"]["message"])
    except (ValueError, KeyError, TypeError, AttributeError):
        return text.strip()


def _models(address: str) -> list[dict[str, Any]]:
    code, text = ask(f"{address}/status.json?history=999999999&failures=999999999")
    if code != 200:
        raise CliError(f"{address}/status.json: {_error(text)} (--api-key, or AIGES_API_KEY)")
    said = json.loads(text)
    if "models" in said:
        return list(said["models"])
    ready = sum(each["state"] == "ready" for each in said["instances"])
    answers = said["answers"]
    return [
        {
            "name": said["service"],
            "version": "1",
            "state": "ready" if ready else "loading",
            "reason": "",
            "instances": ready,
            "calls": sum(answers.values()),
            "failed": sum(n for code, n in answers.items() if code != "0"),
        }
    ]


def _table(out: Out, models: list[dict[str, Any]]) -> str:
    columns = ["model", "version", "state", "instances", "memory", "calls", "failed", "why"]
    rows = [
        [
            *(str(model[key]) for key in ("name", "version", "state", "instances")),
            f"{model.get('memory_bytes', 0) >> 20} MB",
            *(str(model[key]) for key in ("calls", "failed")),
            str(model.get("reason", "")),
        ]
        for model in models
    ]
    return out.table(columns, rows, "no models")
