# SPDX-License-Identifier: Apache-2.0
"""Imports what libwrapper.so's own Python needs, also where the user has files of such names.

A types.py or queue.py beside wrapper.py hides Python's own from everybody who imports it later:
that is the user's business, as in plain Python, but must not break the library. So its modules are
found without the user's folders, and where a name is taken by a file of the user's, Python's module
is not left in sys.modules: who imports that name later finds the user's. Embedded in libwrapper.so,
run first; itself it imports only what Python has loaded at its own start.
"""

import os
import sys


def _folders() -> "list[str]":
    """Return the user's folders that come before Python's own."""
    own = os.path.join(os.path.dirname(os.__file__), "")
    given = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    folders = [os.path.abspath(folder) for folder in given if folder]
    return [folder for folder in folders if not os.path.join(folder, "").startswith(own)]


def _names_in(folders: "list[str]") -> "set[str]":
    """Return the names of Python's modules that files in these folders have too."""
    names: set[str] = set()
    for folder in folders:
        try:
            names.update(entry.partition(".")[0] for entry in os.listdir(folder))
        except OSError:
            pass  # Not there.
    known = getattr(sys, "stdlib_module_names", None)  # Since Python 3.10.
    return names if known is None else names & known


def _lies_in(module: object, folders: "list[str]") -> bool:
    file = getattr(module, "__file__", None) or ""
    return any(file.startswith(os.path.join(folder, "")) for folder in folders)


def load(name: str, source: "str | None" = None) -> object:
    """Run a script of the library as a module, or import one of Python's own."""
    folders = _folders()
    taken = _names_in(folders)
    path, before = sys.path[:], dict(sys.modules)
    theirs = {}
    if taken:  # Else nothing is to be done: other threads see no change.
        sys.path[:] = [entry for entry in path if os.path.abspath(entry) not in folders]
        theirs = {
            key: module
            for key, module in before.items()
            if key.partition(".")[0] in taken and _lies_in(module, folders)
        }
        for key in theirs:
            del sys.modules[key]
    try:
        if source is None:
            __import__(name)
            return sys.modules[name]
        module = type(sys)(name)
        exec(compile(source, f"<libwrapper.so>/{name}.py", "exec"), module.__dict__)
        return module
    finally:
        if taken:
            for key in set(sys.modules) - set(before):
                if key.partition(".")[0] in taken:
                    del sys.modules[key]
            sys.modules.update(theirs)
            sys.path[:] = path


def hiding() -> str:
    """Name the files of the user's that were imported in place of Python's own modules."""
    folders = _folders()
    names = _names_in(folders)
    found = [name for name in sorted(names) if _lies_in(sys.modules.get(name), folders)]
    return ", ".join(str(sys.modules[name].__file__) for name in found)
