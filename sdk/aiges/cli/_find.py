# SPDX-License-Identifier: Apache-2.0
"""Where things are: the plugin in a folder, the programs of AIGES, the header of the C ABI."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path

from aiges._programs import HOME, PACKAGE, native_program
from aiges.cli import _toml
from aiges.cli._say import CliError
from aiges.contracts._detect import app_of, find_contracts, is_only_tasks

__all__ = ["Plugin", "find_engine", "find_headers", "find_plugin", "find_program", "python_path"]

FILES = ("wrapper.py", "libwrapper.so")


@dataclass(frozen=True)
class Plugin:
    """``file`` is wrapper.py or libwrapper.so; ``project`` the folder where aiges.toml belongs.

    Of another contract ``file`` is the user's code, and ``contract`` the contract's name.
    """

    file: Path
    project: Path
    contract: str = ""

    @property
    def folder(self) -> Path:
        """The folder of the file."""
        return self.file.parent

    @property
    def is_python(self) -> bool:
        """True where Python runs it; of a contract the file may be a model or its configuration."""
        return self.contract != "" or self.file.suffix == ".py"

    @property
    def said(self) -> dict[str, str]:
        """What [aiges] says of a contract's code."""
        if not self.contract:
            return {}
        return {"contract": self.contract, "app": app_of(self.contract, self.file)}


def find_engine(path: Path) -> Plugin:
    """Return the plugin at ``path``, or the code for another contract that lies there."""
    folder = path.absolute() if path.is_dir() else path.absolute().parent
    said = _said_contract(folder / "aiges.toml") if path.is_dir() else None
    if said is not None:
        return Plugin(folder / said[1], folder, said[0])
    named = path.is_file() and path.suffix == ".py" and path.name != "wrapper.py"
    found = find_contracts(folder) if path.is_dir() or named else []
    if named:
        found = [(name, file) for name, file in found if name != "aiges"]
    if len(found) > 1:
        shown = " and ".join(f"{name} ({file.name})" for name, file in found)
        raise CliError(
            f"expected code for one contract in {folder}, found {shown}: set [aiges] contract in "
            "aiges.toml and start AIService, or move one of them away"
        )
    if not found or found[0][0] in ("aiges", "tasks"):
        plugin = find_plugin(path)
        is_theirs = plugin.is_python and is_only_tasks(plugin.file)
        return replace(plugin, contract="tasks") if is_theirs else plugin
    name, file = found[0]
    return Plugin(path.absolute() if named else file, folder, name)


def _said_contract(file: Path) -> tuple[str, str] | None:
    """Return the contract that the file names, beside AIGES's own two, and the user's file."""
    tables = _toml.read(file) if file.is_file() else {}
    aiges = tables.get("aiges", {})
    contract = aiges.get("contract", "") if isinstance(aiges, dict) else ""
    if contract in ("", "aiges", "c"):
        return None
    app = str(aiges.get("app", ""))
    module = app.partition(":")[0].removesuffix(".py") or "aiges"
    return str(contract), f"{module}.py"


def find_plugin(path: Path) -> Plugin:
    """Return the plugin at ``path``: the file itself, or in that folder or its folder wrapper/.

    Where both kinds are, wrapper.py wins: the library beside it is the shim.
    """
    path = path.absolute()
    if path.is_file():
        if path.name != "wrapper.py" and path.suffix != ".so":
            raise CliError(
                f"expected a wrapper.py or a libwrapper.so, got {path}: the loader imports the "
                "module wrapper, so rename the file, or import it in a wrapper.py"
            )
        folder = path.parent
        has_config = (folder / "aiges.toml").is_file() or folder.name != "wrapper"
        return Plugin(path, folder if has_config else folder.parent)
    if not path.is_dir():
        raise CliError(f"expected a file or folder at {path}, found none")
    for folder in (path, path / "wrapper"):
        for name in FILES:
            if (folder / name).is_file():
                inside = folder == path and path.name == "wrapper"
                above = inside and (path.parent / "aiges.toml").is_file()
                return Plugin(folder / name, path.parent if above else path)
    for folder in (path, path / "wrapper"):
        if any(folder.glob("*.cc")) and (path / "Makefile").is_file():
            raise CliError(f"expected libwrapper.so in {folder}, found its source only: run make")
    for name, file in find_contracts(path):
        raise CliError(
            f"expected wrapper.py or libwrapper.so in {path}, found {file.name} for the contract "
            f"{name}: asectl check and serve take it, this command does not"
        )
    raise CliError(
        f"expected wrapper.py or libwrapper.so in {path} or {path / 'wrapper'}, found neither: "
        "name the folder, or make a project with asectl create"
    )


def find_program(name: str) -> Path:
    """Return AIService or another program of AIGES."""
    found = native_program(name)
    if found is not None:
        return found
    raise CliError(
        f"expected {name} in the folder that AIGES_BIN names, beside the package aiges or on PATH, "
        "found it nowhere: install AIGES, or set AIGES_BIN to the folder it was built in"
    )


def find_headers() -> Path:
    """Return the folder that has aiges/wrapper.h, to include it from."""
    named = os.environ.get("AIGES_INCLUDE", "")
    tries = [Path(named)] if named else []
    tries.append(HOME / "include")
    program = native_program("AIService")
    if program is not None:
        tries += [program.parent / "include", program.parents[1] / "include"]
    for folder in tries:
        if (folder / "aiges" / "wrapper.h").is_file():
            return folder.absolute()
    raise CliError(
        "expected aiges/wrapper.h beside AIService or the package aiges, found it nowhere: set "
        "AIGES_INCLUDE to the folder that has aiges/wrapper.h"
    )


def python_path() -> str:
    """Return PYTHONPATH for a process that imports aiges, also where it is not installed."""
    parts = [part for part in os.environ.get("PYTHONPATH", "").split(os.pathsep) if part]
    parts.append(str(PACKAGE.parent))
    return os.pathsep.join(parts)
