# SPDX-License-Identifier: Apache-2.0
"""Where things are: the plugin in a folder, the programs of AIGES, the header of the C ABI."""

from __future__ import annotations

import os
import re
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from aiges._narrow import is_dict, is_list
from aiges._programs import HOME, PACKAGE, native_program
from aiges.cli import _toml
from aiges.cli._build import toolchain_of
from aiges.cli._errors import CliError
from aiges.contracts._detect import (
    app_of,
    contract_of_file,
    find_contracts,
    is_only_tasks,
    is_typed,
)

__all__ = [
    "Plugin",
    "find_engine",
    "find_headers",
    "find_library",
    "find_plugin",
    "find_program",
    "find_sdk",
    "python_path",
]

FILES = ("wrapper.py", "libwrapper.so")
# What an application that is named without a contract imports, where it is no ASGI.
_WSGI = re.compile(r"^\s*(?:from|import)\s+(?:flask|bottle|django\.core\.wsgi|wsgiref)\b", re.M)


@dataclass(frozen=True)
class Plugin:
    """``file`` is wrapper.py or libwrapper.so; ``project`` the folder where aiges.toml belongs.

    Of another contract ``file`` is the user's code, and ``contract`` the contract's name.
    """

    file: Path
    project: Path
    contract: str = ""
    # What [aiges] app is to say where the user has named a file or "module:name".
    app: str = ""

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
        """What [aiges] says of the code, where it is not a plain wrapper.py."""
        if not self.contract and not self.app:
            return {}
        if self.contract == "java":  # Its jar names the class.
            return {"contract": "java", **({"app": self.app} if self.app else {})}
        contract = self.contract or "aiges"
        return {"contract": contract, "app": self.app or app_of(contract, self.file)}


def find_engine(path: Path) -> Plugin:
    """Return the plugin at ``path``, or the code for another contract that lies there.

    ``path`` is a folder, a file of any name, or ``module:name``: an object of a module here.
    """
    if path.suffix == ".onnx" and path.is_file():
        return Plugin(path.absolute(), path.absolute().parent, "onnx", path.name)
    if path.suffix == ".jar" and path.is_file():
        return Plugin(path.absolute(), path.absolute().parent, "java")
    if path.suffix == ".py" and path.is_file() and path.name != "wrapper.py":
        return _named(path.absolute())
    module, colon, name = str(path).partition(":")
    if colon and not path.exists():
        return _object(module, name)
    folder = path.absolute() if path.is_dir() else path.absolute().parent
    said = _said_contract(folder / "aiges.toml") if path.is_dir() else None
    if said is not None:
        return said
    found = find_contracts(folder) if path.is_dir() else []
    if not found and path.is_dir() and _is_java(folder):
        return _java(folder)
    if len(found) > 1:
        shown = " and ".join(f"{name} ({file.name})" for name, file in found)
        raise CliError(
            f"expected code for one contract in {folder}, found {shown}: set [aiges] contract in "
            "aiges.toml and start AIService, or move one of them away"
        )
    if not found or found[0][0] in ("aiges", "tasks"):
        plugin = find_plugin(path)
        if not plugin.is_python:
            return plugin
        if is_only_tasks(plugin.file):
            return replace(plugin, contract="tasks")
        return replace(plugin, contract="typed") if is_typed(plugin.file) else plugin
    name, file = found[0]
    return Plugin(file, folder, name)


def _named(file: Path) -> Plugin:
    """Return a file that the user has named, whatever it is called."""
    if not file.stem.isidentifier():
        raise CliError(
            f"expected the name of a Python module, got {file.name}: rename it to letters, digits "
            "and _, as import wants it"
        )
    _refuse_pythons_own(file.stem, file)
    contract = contract_of_file(file)
    if not contract:
        raise CliError(
            f"{file}: expected a file with a model (def predict, def chat, def wrapperOnceExec, ..)"
            " or code for a system that AIGES knows, found neither; of an ASGI or WSGI application "
            f"name the object: asectl serve {file.stem}:app"
        )
    project = _project_of(file)
    if contract == "aiges":
        return Plugin(file, project, app=file.stem)
    return Plugin(file, project, contract, app_of(contract, file))


def _refuse_pythons_own(module: str, file: Path) -> None:
    """A worker has imported most of Python's own modules before the user's folder is looked at."""
    if module in getattr(sys, "stdlib_module_names", ()):  # From Python 3.10 on.
        raise CliError(
            f"{file}: Python has a module {module} of its own: give the file another name"
        )


def _object(module: str, name: str) -> Plugin:
    """Return what module:name means: a class or function of a contract's, or an application."""
    here = Path.cwd()
    file = here.joinpath(*module.split(".")).with_suffix(".py")
    if not file.is_file():
        file = here.joinpath(*module.split("."), "__init__.py")
    if not file.is_file() or not all(part.isidentifier() for part in module.split(".")):
        raise CliError(
            f"expected a file, a folder or module:name, got {module}:{name}: there is no module "
            f"{module} in {here}"
        )
    _refuse_pythons_own(module, file)
    contract = contract_of_file(file)
    if contract in ("", "aiges"):
        text = file.read_text(encoding="utf-8", errors="replace")
        contract = "wsgi" if _WSGI.search(text) else "asgi"
    return Plugin(file, here, contract, f"{module}:{name}")


def _project_of(file: Path) -> Path:
    """Return the folder where aiges.toml belongs: that of the file, or the one of its wrapper/."""
    folder = file.parent
    has_config = (folder / "aiges.toml").is_file() or folder.name != "wrapper"
    return folder if has_config else folder.parent


def _said_contract(file: Path) -> Plugin | None:
    """Return the code that aiges.toml names; None: it names none, or the plain ones of AIGES."""
    try:
        tables = _toml.read(file) if file.is_file() else {}
    except CliError:
        tables = {}  # Who needs what it says will read it, too, and say what is wrong.
    aiges = tables.get("aiges", {})
    said: dict[str, Any] = aiges if is_dict(aiges) else {}
    contract, app = str(said.get("contract", "")), str(said.get("app", ""))
    module = app.partition(":")[0].removesuffix(".py")
    if contract == "java":
        folders = [file.parent, *_pythonpath(tables, file.parent)]
        chosen = next((each for each in folders if any(each.glob("*.jar"))), file.parent)
        return replace(_java(chosen, app), project=file.parent)
    if contract not in ("", "aiges", "c"):
        return Plugin(file.parent / f"{module or 'aiges'}.py", file.parent, contract, app)
    if contract == "c" or not module:
        return None
    for folder in (file.parent, *_pythonpath(tables, file.parent)):
        if (folder / f"{module}.py").is_file():
            return Plugin(folder / f"{module}.py", file.parent, app=module)
    return None


def _is_java(folder: Path) -> bool:
    """Tell whether a folder without Python has a jar, or what builds one."""
    has_other = any((folder / name).is_file() for name in FILES) or any(folder.glob("*.py"))
    return not has_other and (any(folder.glob("*.jar")) or (folder / "pom.xml").is_file())


def _java(folder: Path, app: str = "") -> Plugin:
    """Return the engine in the one jar of a folder."""
    jars = sorted(file for file in folder.glob("*.jar") if file.is_file())
    if len(jars) == 1:
        return Plugin(jars[0], folder, "java", app)
    if jars:
        names = ", ".join(file.name for file in jars)
        raise CliError(
            f"expected one .jar in {folder}, found {names}: move what the engine needs to lib/, "
            "and name it in the manifest's Class-Path"
        )
    raise CliError(f"expected the .jar of an engine in {folder}, found none")


def _pythonpath(tables: dict[str, Any], project: Path) -> list[Path]:
    instances = tables.get("instances", {})
    said = instances.get("pythonpath", "") if is_dict(instances) else ""
    names: list[Any] = said if is_list(said) else str(said).split(os.pathsep)
    return [project / str(name) for name in names if name]


def find_plugin(path: Path) -> Plugin:
    """Return the plugin at ``path``: the file itself, or in that folder or its folder wrapper/.

    Where both kinds are, wrapper.py wins: the library beside it is the shim.
    """
    path = path.absolute()
    if path.is_file():
        if path.suffix == ".py" and path.name != "wrapper.py":
            plugin = _named(path)
            if plugin.contract not in ("", "tasks"):
                raise CliError(
                    f"expected hooks of AIGES in {path}, found code for the contract "
                    f"{plugin.contract}: asectl check and serve take it, this command does not"
                )
            return plugin
        if path.name != "wrapper.py" and path.suffix != ".so":
            raise CliError(f"expected a Python file or a libwrapper.so, got {path}")
        return Plugin(path, _project_of(path))
    if not path.is_dir():
        raise CliError(f"expected a file or folder at {path}, found none")
    tools = toolchain_of(path)
    if tools is not None and (path / tools.library).is_file():
        if not tools.library.endswith(".so"):
            raise CliError(
                f"expected hooks of AIGES or a libwrapper.so in {path}, found {tools.library}: "
                "asectl check and serve take it, this command does not"
            )
        return Plugin(path / tools.library, path)
    for folder in (path, path / "wrapper"):
        for name in FILES:
            if (folder / name).is_file():
                inside = folder == path and path.name == "wrapper"
                above = inside and (path.parent / "aiges.toml").is_file()
                return Plugin(folder / name, path.parent if above else path)
    for folder in (path, path / "wrapper"):
        if any(folder.glob("*.cc")) and (path / "Makefile").is_file():
            raise CliError(f"expected libwrapper.so in {folder}, found its source only: run make")
    if tools is not None:
        raise CliError(
            f"expected {tools.library} in {path}, found its source only: run {tools.said}"
        )
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


def find_library(name: str) -> Path:
    """Return a file that lies beside AIService, as the jar that engines are compiled against."""
    program = native_program("AIService")
    if program is not None and (program.parent / name).is_file():
        return program.parent / name
    raise CliError(
        f"expected {name} beside AIService, found none: install an AIGES that was built with a JDK "
        "(apt install openjdk-17-jdk-headless, then make build), or set AIGES_BIN to its folder"
    )


def find_sdk(language: str) -> Path:
    """Return the folder with the sources of the SDK of a language, to copy into a project."""
    program = native_program("AIService")
    homes = [HOME, *(program.parents[:3] if program is not None else ())]
    for home in homes:
        if (home / "sdk" / language).is_dir():
            return home / "sdk" / language
    raise CliError(
        f"expected sdk/{language} beside AIService or the package aiges, found it nowhere: install "
        "AIGES anew, or set AIGES_BIN to the folder it was built in"
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
