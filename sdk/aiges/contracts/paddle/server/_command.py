# SPDX-License-Identifier: Apache-2.0
"""``python -m paddle_serving_server.serve``: the process becomes the loader."""

from __future__ import annotations

import logging
import os
import sys
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from aiges.contracts._command import become_loader, said_address, written
from aiges.contracts.paddle.server import _flags, _process, _settings
from aiges.contracts.paddle.server.web import tables

__all__ = ["main", "serve"]

_LOG = logging.getLogger("aiges.paddle")
_HOST = "0.0.0.0"


def main(arguments: Sequence[str] | None = None, *, gpu: bool = False) -> NoReturn:
    """Do what the command line says. ``gpu``: the command was that of the GPU package."""
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(asctime)s %(message)s")
    given = _flags.parsed(sys.argv[1:] if arguments is None else arguments)
    if given.server in ("stop", "kill"):
        how = _process.STOP if given.server == "stop" else _process.KILL
        count = _process.end(how, given.port)
        where = "here" if given.port is None else f"on port {given.port}"
        print(f"{given.server}: {count} service{'' if count == 1 else 's'} {where}")
        sys.exit(0 if count else 1)
    if given.server == "check":
        from aiges.contracts.paddle.server._check import check

        sys.exit(check())
    _say_what_has_no_meaning(given)
    keys = _flags.wrapper_keys(given)
    try:
        said = _settings.keys_of(keys, [_absolute(each) for each in given.model])
        settings = _settings.read(said)
    except ValueError as fault:
        _flags.refuse(str(fault).replace("[wrapper] ", "--"))
    others = [given.prometheus_port] if given.enable_prometheus else []
    if given.use_encryption_model and given.encryption_rpc_port:
        others.append(given.encryption_rpc_port)
        said["encryption_rpc_port"] = str(given.encryption_rpc_port)
    serve(settings, said, _flags.port_of(given, gpu), others)


def _absolute(model: str) -> str:
    return str(Path(model).absolute())


def serve(
    settings: _settings.Settings, keys: dict[str, str], port: int, others: Sequence[int] = ()
) -> NoReturn:
    """Become the loader. ``keys``: what ``[wrapper]`` is told; ``others``: further ports."""
    address = said_address(written())
    host = address.host if address.host is not None else _HOST
    port = address.port or port
    made: dict[str, dict[str, Any]] = {**tables(settings), "wrapper": keys}
    more = [f"{host}:{each}" for each in dict.fromkeys(others) if each != port]
    made["http"]["also_listen"] = more
    log = os.environ.get("SERVING_LOG_PATH")
    if log:
        made["log"] = {"file": str(Path(log).absolute() / "serving.INFO")}
    _process.note([port, *others], "paddle_serving_server.serve")
    become_loader("paddle", host, port, made, folder=Path.cwd())


def _say_what_has_no_meaning(given: Namespace) -> None:
    for name, why in _flags.NO_MEANING.items():
        value = getattr(given, name)
        if value and value != "workdir":
            _LOG.warning("--%s is without meaning here: %s", name, why)
