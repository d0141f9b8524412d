# SPDX-License-Identifier: Apache-2.0
"""What a user names as a model, as an object of this process."""

from __future__ import annotations

import importlib
import importlib.util
import os
import re
import sys
import types
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from aiges.contracts._detect import app_of, find_contracts

__all__ = ["Found", "Project", "find_object", "find_project", "is_module_name", "is_typed_object"]

HOOKS = (
    "wrapperOnceExec",
    "wrapperOnceExecAsync",
    "wrapperBatchExec",
    "wrapperStream",
    "wrapperCreate",
)
OURS = ("aiges", "tasks", "typed")
MODULE = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*(:[A-Za-z_][\w.]*)?")


@dataclass
class Project:
    """Files to be served: ``file`` in ``folder``, for ``contract``; ``app`` as aiges.toml has it"""

    file: Path
    folder: Path
    contract: str
    app: str = ""


@dataclass
class Found:
    """``target`` is what is served; ``undo()`` takes back what the import changed here."""

    target: Any
    folder: str = ""
    replaced: dict[str, Any] = field(default_factory=dict)

    def undo(self) -> None:
        """Forget the modules of the user's files, so that another test imports its own."""
        for name, module in self.replaced.items():
            if module is None:
                sys.modules.pop(name, None)
            else:
                sys.modules[name] = module
        if self.folder in sys.path:
            sys.path.remove(self.folder)


def is_module_name(model: Any) -> bool:
    """Return whether it is "module" or "module:name", and no file of that name."""
    if not isinstance(model, str) or not MODULE.fullmatch(model):
        return False
    return ":" in model or not Path(model).exists()


def find_project(path: Path) -> Project:
    """Return what a file or folder holds. Raises ValueError and FileNotFoundError."""
    path = path.absolute()
    if path.is_file():
        folder = path.parent
        if path.name == "wrapper.py":
            kinds = [name for name, file in find_contracts(folder) if file.name == path.name]
            return Project(path, folder, kinds[0] if kinds else "aiges")
        return Project(path, folder, "typed", path.stem)
    if not path.is_dir():
        raise FileNotFoundError(f"expected a model at {path}, found nothing")
    for folder in (path, path / "wrapper"):
        found = find_contracts(folder)
        if len(found) == 1:
            name, file = found[0]
            return Project(file, folder, name, app_of(name, file))
        if found:
            names = " and ".join(f"{file.name} ({name})" for name, file in found)
            raise ValueError(f"expected one model in {folder}, found {names}: name the file")
    raise ValueError(
        f"expected a file with predict, or wrapper.py, in {path}, found none: name the file"
    )


def _import_file(file: Path, contract: str) -> Found:
    """Import a file by its own name, fresh, with its folder on the path as in a worker."""
    from aiges.cli._load import embed

    found = Found(None, str(file.parent), {file.stem: sys.modules.pop(file.stem, None)})
    if contract != "typed":
        found.replaced["aiges_embed"] = sys.modules.get("aiges_embed")
        embed()
    sys.path.insert(0, found.folder)
    try:
        importlib.invalidate_caches()
        spec = importlib.util.spec_from_file_location(file.stem, file)
        if spec is None or spec.loader is None:
            raise ValueError(f"expected a file of Python, got {file}")
        module = importlib.util.module_from_spec(spec)
        sys.modules[file.stem] = module
        spec.loader.exec_module(module)
    except BaseException:
        found.undo()
        raise
    found.target = module
    return found


def find_object(model: Any) -> Found:
    """Return the object that is served: a module, a class, a function or an object."""
    if is_module_name(model):
        name, _, path = model.partition(":")
        target: Any = importlib.import_module(name)
        for part in path.split(".") if path else ():
            if not hasattr(target, part):
                raise ValueError(f"{model}: expected {part!r} in {name}, found none")
            target = getattr(target, part)
        return Found(target)
    if isinstance(model, (str, os.PathLike)):
        project = find_project(Path(cast("str", model)))
        if project.contract not in OURS:
            raise ValueError(
                f"{project.file}: expected a file with predict or a wrapper.py, found one for the "
                f"contract {project.contract}: it is served by the loader alone, loader=True"
            )
        found = _import_file(project.file, project.contract)
        name = project.app.partition(":")[2]
        if name:
            found.target = getattr(found.target, name)
        return found
    return Found(model)


def is_typed_object(target: Any) -> bool:
    """Return whether it is served by its ``predict``: it has no hook of v1 or v2."""
    if isinstance(target, types.ModuleType):
        holder = getattr(target, "Wrapper", None)
        if isinstance(holder, type) and _has_hook(holder):
            return False
    return not _has_hook(target)


def _has_hook(holder: Any) -> bool:
    return any(_is_own(getattr(holder, name, None)) for name in HOOKS)


def _is_own(hook: Any) -> bool:
    """Return whether the user wrote it: WrapperBase has the hooks, too."""
    return callable(hook) and not getattr(hook, "__qualname__", "").startswith("WrapperBase.")
