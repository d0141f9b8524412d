# SPDX-License-Identifier: Apache-2.0
"""Models served from a cell of a notebook::

    %load_ext aiges.jupyter

    %%aiges
    def predict(text: str) -> str:
        return text.upper()

    client.predict(text="hi").text()

The cell is a file of its own for the real AIService, with its own imports; its variables are not
the notebook's. Running it again puts the new code in the place of the old.
"""

from __future__ import annotations

import ast
import shlex
import shutil
import tempfile
import weakref
from pathlib import Path
from typing import Any

from aiges.testing import LoaderFailed
from aiges.testing._loader import LoaderClient

__all__ = ["load_ipython_extension", "unload_ipython_extension"]

DEFAULT_NAME = "client"
USAGE = "%%aiges [NAME] [KEY=VALUE ..]: NAME of the client's variable, and what setup gets"

_served: dict[str, LoaderClient] = {}


def load_ipython_extension(shell: Any) -> None:
    """Add the cell magic; called by ``%load_ext aiges.jupyter``."""

    def aiges(line: str, cell: str) -> None:
        _serve(shell, line, cell)

    aiges.__doc__ = USAGE
    shell.register_magic_function(aiges, "cell", "aiges")


def unload_ipython_extension(shell: Any) -> None:
    """Stop what is served; called by ``%unload_ext aiges.jupyter``."""
    shell.magics_manager.magics["cell"].pop("aiges", None)
    for client in _served.values():
        client.close()
    _served.clear()


def _serve(shell: Any, line: str, cell: str) -> None:
    name, config = _arguments(line)
    try:
        ast.parse(cell)
    except SyntaxError as error:
        raise _usage(
            f"line {error.lineno} of the cell: expected Python alone, which becomes a file "
            f"(no % or ! lines): {error.msg}"
        ) from None
    if "def predict" not in cell and "def wrapper" not in cell:
        raise _usage("expected a cell with predict (a function, or a class with it), got none")
    folder = Path(tempfile.mkdtemp(prefix="aiges-cell-"))
    (folder / "wrapper.py").write_text(cell, encoding="utf-8")
    try:
        made = LoaderClient(folder, config=config, work=Path.cwd())
    except (LoaderFailed, ValueError, TypeError) as error:
        shutil.rmtree(folder, ignore_errors=True)
        kept = "; what was served before goes on" if name in _served else ""
        raise _usage(f"{error}{kept}") from None
    weakref.finalize(made._process, shutil.rmtree, folder, ignore_errors=True)
    # The new one answers before the old one goes, and is there for cells that keep the variable.
    before, _served[name] = _served.get(name), made
    shell.push({name: made})
    if before is not None:
        before.close()
    print(f"serving at {made.http}/ (try it: {made.http}/docs); {name}.predict(..) calls it")


def _arguments(line: str) -> tuple[str, dict[str, str]]:
    """Return the variable's name and what ``setup`` gets."""
    words = shlex.split(line)
    name = words.pop(0) if words and "=" not in words[0] else DEFAULT_NAME
    config: dict[str, str] = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not equals or not key:
            raise _usage(f"expected {USAGE}, got {word!r}")
        config[key] = value
    if not name.isidentifier():
        raise _usage(f"expected {USAGE}, got {name!r}")
    return name, config


def _usage(text: str) -> Exception:
    """Return the error that IPython shows without a traceback, which would be ours."""
    from IPython.core.error import UsageError  # type: ignore[import-not-found,unused-ignore]

    made: Exception = UsageError(text)
    return made
