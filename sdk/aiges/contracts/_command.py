# SPDX-License-Identifier: Apache-2.0
"""The users' own command becomes the loader: ``python predictor.py``, ``seldon-core-microservice``.

The process is replaced, so that its number, its signals and its stdout are those of the loader.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

from aiges._programs import HOME, native_program
from aiges.contracts import _handover

__all__ = [
    "CONFIG",
    "SERVICE",
    "Address",
    "become_loader",
    "said_address",
    "use_first",
    "written",
]

CONFIG = "aiges.toml"  # Read where it lies in the current folder: what it says goes first.
SERVICE = "svcName"  # In tables: the section that says where the service listens.
_IN_LOADER = "AIGES_CONTRACT_COMMAND"


class Address(NamedTuple):
    """Where a file says that the service listens; None: it does not say."""

    section: str
    host: str | None
    port: int | None


def use_first(contract: str) -> None:
    """Let the packages that a contract's users import be ours, whatever else is installed."""
    folder = str(HOME / "compat" / contract)
    if folder in sys.path:
        sys.path.remove(folder)
    sys.path.insert(0, folder)


def become_loader(
    contract: str,
    host: str,
    port: int,
    tables: dict[str, dict[str, Any]],
    *,
    folder: Path,
    app: str = "",
    program: Path | None = None,
    arguments: list[str] | None = None,
    first: dict[str, dict[str, Any]] | None = None,
) -> NoReturn:
    """Replace this process by AIService. Exits with a text where that cannot be.

    ``host``, ``port``: where the service listens. ``tables``: what else aiges.toml would say; an
    aiges.toml in the current folder goes before all of it, and ``first`` before that: what the
    command line has said. ``folder``: of the user's code.
    ``program``: the file that each worker runs as ``__main__``, with ``arguments``; without it,
    ``app`` names the user's code.
    """
    if os.environ.get(_IN_LOADER):
        raise RuntimeError(
            f"the call that serves (contract {contract}) was made in a process that a worker has "
            'started: put it under if __name__ == "__main__":'
        )
    loader = native_program("AIService")
    if loader is None:
        sys.exit(
            f"expected AIService in the folder that AIGES_BIN names, in {HOME / 'bin'} or on PATH, "
            "found it nowhere: install AIGES (pip install), or set AIGES_BIN"
        )
    from aiges.cli import _toml

    there = Path(CONFIG).is_file()
    service = said_address(written()).section
    said: dict[str, dict[str, Any]] = {
        service: {"host": host, "port": port},
        "wrapper": {"http_listen": "off"},
        "aiges": {"contract": contract, **({"app": app} if app else {})},
        "instances": {"python": sys.executable, "pythonpath": [str(folder)]},
    }
    text = _toml.dump(_toml.overlay(said, _of_service(tables, service)))
    command = ["AIService", "-m=0", f"-c={CONFIG if there else os.devnull}", f"-s={service}"]
    command.append(f"-dc={text}")
    if first:
        command.append(f"-oc={_toml.dump(_of_service(first, service))}")
    os.environ[_IN_LOADER] = contract
    os.environ["AIGES_DEFAULT_PYTHON"] = sys.executable
    if program is not None:
        os.environ.update(_handover.program_environment(program, arguments or []))
    sys.stdout.flush()
    sys.stderr.flush()
    os.execv(loader, command)


def _of_service(tables: dict[str, dict[str, Any]], service: str) -> dict[str, dict[str, Any]]:
    """Return the tables with the section of the service under its name."""
    return {service if name == SERVICE else name: keys for name, keys in tables.items()}


def written() -> dict[str, Any]:
    """Return what aiges.toml in the current folder says. Exits with a text where it is no TOML."""
    from aiges.cli import _say, _toml

    file = Path(CONFIG)
    try:
        return _toml.read(file) if file.is_file() else {}
    except _say.CliError as fault:
        sys.exit(str(fault))


def said_address(tables: dict[str, Any]) -> Address:
    """Return where aiges.toml says that the service listens, as far as it does.

    The section has any name but those of the loader's own; users' keys may have any.
    """
    from aiges.cli import _toml

    for name in _toml.services_in(tables):
        host, port = tables[name].get("host"), tables[name].get("port")
        return Address(
            name,
            host if isinstance(host, str) else None,
            port if isinstance(port, int) and not isinstance(port, bool) else None,
        )
    return Address(SERVICE, None, None)
