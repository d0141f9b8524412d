# SPDX-License-Identifier: Apache-2.0
"""The user's own program as the engine: a worker runs it until it hands its class over.

``serv.run(Predictor)``, ``serve(UserModel)``: in the user's process such a call becomes the loader
(:mod:`aiges.contracts._command`); each worker runs the same file as ``__main__``, with the same
arguments, and there the call leaves the program with what it was given. Code behind the call runs
in neither.
"""

from __future__ import annotations

import builtins
import json
import os
import sys
import types
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

from aiges.contracts._app import load_app

__all__ = ["HandedOver", "hand_over", "is_worker", "load", "program_environment", "program_of"]

_FILE, _ARGUMENTS = "AIGES_MAIN", "AIGES_MAIN_ARGV"
_expected = ""  # The call that is waited for, while the program runs.


class HandedOver(BaseException):
    """Leaves the user's program. Not an Exception: handlers of the user's let it pass."""

    def __init__(self, given: Any) -> None:
        super().__init__("the class has been handed over")
        self.given = given


def is_worker() -> bool:
    """Whether the program runs in a worker, which waits for what it hands over."""
    return bool(_expected)


def hand_over(given: Any) -> NoReturn:
    """Leave the user's program with what it serves. In a worker only."""
    raise HandedOver(given)


def program_of(call: str, command: str) -> Path:
    """Return the file that was started. ``command``: as texts of errors have it."""
    file = getattr(sys.modules.get("__main__"), "__file__", None)
    if not file:
        raise RuntimeError(
            f"{call}: expected a program in a file ({command}): each worker runs it, too"
        )
    return Path(file).absolute()


def program_environment(file: Path, arguments: list[str]) -> dict[str, str]:
    """Return what tells workers which program to run."""
    return {_FILE: str(file), _ARGUMENTS: json.dumps(arguments)}


def load(call: str, default: str, what: str) -> Any:
    """Return what the user's code hands over, or what ``[aiges] app`` names.

    ``call``: the call that hands it over, as texts of errors have it. ``default``: the file when
    neither the user's command nor ``[aiges] app`` says one. ``what`` names in errors what is
    expected. Raises ValueError, and what the program raises.
    """
    app = os.environ.get("AIGES_APP", "")
    started = os.environ.get(_FILE, "")
    if not started and ":" in app:
        return load_app(what)
    file = Path(started or _found(app or default))
    if not file.is_file():
        raise ValueError(
            f'[aiges] app: expected the user\'s program or "module:name", got "{file}"'
        )
    arguments = json.loads(os.environ.get(_ARGUMENTS, "[]"))
    try:
        _run(file, arguments, call)
    except HandedOver as handed:
        return handed.given
    except SystemExit as end:
        raise ValueError(f"{file} ended (exit code {end.code}) before {call}") from None
    raise ValueError(f"{file} ended without {call}: expected it to say what is served")


def _found(name: str) -> str:
    """Return the file of that name in the folders of the user's code, which may be others."""
    for folder in ["", *sys.path]:
        file = os.path.join(folder, name)
        if os.path.isfile(file):
            return file
    return name


def _run(file: Path, arguments: list[str], call: str) -> None:
    global _expected
    module = types.ModuleType("__main__")
    made: Mapping[str, Any] = {
        "__file__": os.path.abspath(file),
        "__builtins__": builtins,
        "__spec__": None,
        "__cached__": None,
    }
    module.__dict__.update(made)
    sys.modules["__main__"] = module
    sys.argv = [str(file), *arguments]
    folder = os.path.dirname(os.path.abspath(file))
    if sys.path[:1] != [folder]:
        sys.path.insert(0, folder)
    code = compile(file.read_bytes(), os.path.abspath(file), "exec", dont_inherit=True)
    _expected = call
    try:
        exec(code, module.__dict__)
    finally:
        _expected = ""
