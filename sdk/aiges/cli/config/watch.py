# SPDX-License-Identifier: Apache-2.0
"""``asectl config watch``."""

from __future__ import annotations

import threading
from typing import Any

import click

from aiges.cli._say import CliError, Out, entry
from aiges.cli.config._centre import centre, scope_options

POLL_S = 0.5


@entry(name="watch")
@click.option("--count", default=0, help="End after so many changes, the first state included.")
@scope_options
def command(out: Out, count: int, **where: Any) -> None:
    """Print the revision that is in force, each change, and what the loaders make of it.

    Until Ctrl-C.
    """
    over = threading.Event()
    lock = threading.Lock()
    last: list[Any] = []
    seen: dict[str, Any] = {}

    def changed(config: Any) -> None:
        with lock:
            from aiges.registry import Config, diff

            text = diff(last[-1] if last else Config(), config) if last else ""
            last.append(config)
            value = {
                "event": "config",
                "revision": config.revision,
                "files": sorted(config.files),
                "diff": text,
            }
            shown = f"{config.revision or '(no files)'}: {', '.join(sorted(config.files))}"
            out.event(value, f"{shown}\n{text}".rstrip("\n"))
            if count and len(last) >= count:
                over.set()

    try:
        with centre(**where) as (registry, scope):
            registry.status(scope)  # A Consul that is not there is an error; one that goes is not.
            with registry.watch(scope, changed):
                while not over.wait(POLL_S):
                    _statuses(out, registry, scope, seen, lock)
                _statuses(out, registry, scope, seen, lock)
    except KeyboardInterrupt:
        pass


def _statuses(out: Out, registry: Any, scope: Any, seen: dict[str, Any], lock: Any) -> None:
    """Tell what is new about the loaders. While Consul is away there is nothing to tell."""
    from aiges.registry import RegistryError

    try:
        found = registry.status(scope)
    except RegistryError as error:
        if "lost" not in seen:
            out.note(str(CliError(str(error))))
        seen["lost"] = True
        return
    seen.pop("lost", None)
    for each in found:
        if seen.get(each.id) == each:
            continue
        seen[each.id] = each
        more = "; ".join([*each.errors, *each.restart])
        with lock:
            out.event(
                {
                    "event": "loader",
                    "id": each.id,
                    "revision": each.revision,
                    "result": each.result,
                    "errors": list(each.errors),
                    "restart": list(each.restart),
                },
                f"  {each.id}: {each.revision} {each.result}" + (f": {more}" if more else ""),
            )
