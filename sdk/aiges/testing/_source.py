# SPDX-License-Identifier: Apache-2.0
"""A class or function as something that another process can import.

One of a file is imported from there. One of a notebook's cell (or of a prompt) has no file: its
source is written to one, with what it uses of the notebook: imports, other classes and functions,
and plain values. What cannot be written so is named, with what to do instead.
"""

from __future__ import annotations

import ast
import builtins
import inspect
import linecache
import sys
import textwrap
import types
from collections.abc import Iterable
from pathlib import Path
from typing import Any, cast

from aiges._narrow import is_dict

__all__ = ["importable", "notebook_source"]

PLAIN = (str, bytes, int, float, bool, complex, type(None))


def importable(target: Any) -> tuple[str, Path] | None:
    """Return "module:name" of a class or function, and the folder where the module is found.

    None: it is of no file. Raises TypeError for one that is no module's own.
    """
    name, module = _name_of(target), sys.modules.get(target.__module__)
    file = getattr(module, "__file__", None)
    if file is None or not Path(file).is_file():
        return None
    path = Path(file).absolute()
    parts = target.__module__.split(".")
    if target.__module__ == "__main__":
        parts = [path.stem]
    folder = path.parents[len(parts) - 1]
    if path.name == "__init__.py":
        folder = path.parents[len(parts)]
    return f"{'.'.join(parts)}:{name}", folder


def _name_of(target: Any) -> str:
    name = getattr(target, "__qualname__", "")
    if not isinstance(target, (type, types.FunctionType)) or "<" in name:
        what = name or type(target).__name__
        raise TypeError(
            f"expected a class or a function at the top of a module, which a worker can import, "
            f"got {what}: move it there, or try it in this process, without loader=True"
        )
    return str(name)


def notebook_source(target: Any) -> str:
    """Return the text of a module with the class or function. Raises TypeError and OSError."""
    name = _name_of(target)
    if "." in name:
        raise TypeError(f"expected a class or a function at the top of a cell, got {name}")
    found: dict[str, str] = {}
    module = sys.modules.get(target.__module__)
    _collect(name, target, vars(module) if module else {}, found, name)
    imports = [text for text in found.values() if text.startswith(("import ", "from "))]
    others = [text for text in found.values() if text not in imports]
    return "\n".join(["from __future__ import annotations", *imports, "", *others]) + "\n"


def _collect(
    name: str, value: Any, scope: dict[str, Any], found: dict[str, str], user: str
) -> None:
    """Add what defines ``name``, behind what that needs itself."""
    if name in found:
        return
    text = _import_of(name, value)
    if text is None and _is_plain(value):
        text = f"{name} = {value!r}"
    if text is not None:
        found[name] = text
        return
    if not isinstance(value, (type, types.FunctionType)):
        raise TypeError(
            f"{user} uses {name}, a {type(value).__name__} of the notebook, which a worker cannot "
            "be given: make it in setup(self, config), or try it without loader=True"
        )
    source = _source_of(value)
    found[name] = ""  # It may use itself.
    for used in _names_in(source):
        if used != name and used in scope and not hasattr(builtins, used):
            _collect(used, scope[used], scope, found, name)
    del found[name]
    found[name] = source


def _import_of(name: str, value: Any) -> str | None:
    """Return the import that brings it, where it is of a module that has a file or is built in."""
    if isinstance(value, types.ModuleType):
        return f"import {value.__name__} as {name}"
    home = getattr(value, "__module__", None)
    if not isinstance(home, str) or home == "__main__" or home not in sys.modules:
        return None
    own = getattr(value, "__qualname__", getattr(value, "__name__", name))
    for candidate in (own, name):
        if "." not in candidate and getattr(sys.modules[home], candidate, None) is value:
            return f"from {home} import {candidate} as {name}"
    return None


def _is_plain(value: Any) -> bool:
    if isinstance(value, (list, tuple, set, frozenset)):
        return all(_is_plain(each) for each in cast("Iterable[Any]", value))
    if is_dict(value):
        return all(_is_plain(key) and _is_plain(each) for key, each in value.items())
    return type(value) in PLAIN


def _names_in(source: str) -> list[str]:
    """Return the names that the source uses, in the order in which they come."""
    found: dict[str, None] = {}
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Name):
            found.setdefault(node.id)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            try:  # A hint in quotes.
                inner = ast.parse(node.value, mode="eval")
            except (SyntaxError, ValueError):
                continue
            for each in ast.walk(inner):
                if isinstance(each, ast.Name):
                    found.setdefault(each.id)
    return list(found)


def _source_of(value: Any) -> str:
    """Return the source of a class or function of a cell. Raises TypeError where there is none."""
    name = value.__name__
    if isinstance(value, types.FunctionType):
        functions = [inspect.unwrap(value)]
    else:
        # inspect looks for a class in the file of its module, which a cell has not: its methods
        # know theirs.
        members = cast("dict[str, Any]", vars(value))
        functions = [
            inner
            for each in members.values()
            for inner in [inspect.unwrap(getattr(each, "__func__", each))]
            if isinstance(inner, types.FunctionType)
        ]
    for function in functions:
        lines = linecache.getlines(function.__code__.co_filename)
        try:
            tree = ast.parse("".join(lines))
        except SyntaxError:  # A cell with magic commands.
            continue
        for node in reversed(tree.body):
            named = isinstance(node, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef))
            if named and getattr(node, "name", "") == name:
                first = min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", []))])
                return textwrap.dedent("".join(lines[first - 1 : node.end_lineno]))
    raise TypeError(
        f"{name}: expected its source, found none: write it to a file, or try it in this process, "
        "without loader=True"
    )
