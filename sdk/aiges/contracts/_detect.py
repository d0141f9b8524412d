# SPDX-License-Identifier: Apache-2.0
"""Which contract the user's folder is written for, where ``[aiges] contract`` does not say it.

A file tells by what it imports: ``openbayes_serving``, ``seldon_core``, ``aipod``. ``wrapper.py``
is AIGES's own, whatever it imports; where it has hooks for tasks (``chat``, ``embed``, ..) it is
served with these, and where it has no hook, but a ``predict``, as a typed model; a folder without
wrapper.py may have that in another file. A ``Model.py`` with a class ``Model`` is Seldon's, as
PrimeHub's servers have it. ``triton_python_backend_utils`` or a config.pbtxt is Triton's: in the
folder of a version, that of a model, or one with both files. A program that imports
``paddle_serving_server`` and serves is Paddle Serving's, and without code
``serving_server_conf.prototxt``. Where there is no code, an ``.onnx`` file is the engine. Embedded
in libwrapper.so, too, and so of Python's own modules alone.
"""

from __future__ import annotations

import importlib.util
import os
import re
import sys
from pathlib import Path

__all__ = [
    "Found",
    "app_of",
    "contract_here",
    "contract_of_file",
    "find_contracts",
    "folders_here",
    "is_only_tasks",
    "is_typed",
    "typed_module_here",
]

Found = tuple[str, Path]  # The contract, and the file that says so.

_MOST_BYTES = 1 << 20  # Of a file that is looked at.
_MOST_FILES = 200  # Of a folder.
_IMPORTED = {
    "openbayes_serving": "openbayes",
    "seldon_core": "seldon",
    "aipod": "aipod",
    "triton_python_backend_utils": "triton",
    "paddle_serving_server": "paddle",
    "paddle_serving_server_gpu": "paddle",
}
_PADDLE_MODEL = "serving_server_conf.prototxt"
# Of a program that imports paddle_serving_server: clients of pipelines do so, too.
_PADDLE_SERVES = re.compile(rb"\brun_(?:service|web_service|server)[ \t]*\(")
_IMPORT = re.compile(rb"^[ \t]*(?:from[ \t]+(\w+)|import[ \t]+([^#\n;]+))", re.MULTILINE)
_OTHER_BACKEND = re.compile(rb"^[ \t]*(?:platform|backend)[ \t]*:[ \t]*[\"']onnx", re.MULTILINE)
_CLASS_MODEL = re.compile(rb"^class[ \t]+Model\b", re.MULTILINE)
_TASK = rb"(?:async[ \t]+)?def[ \t]+(?:chat|complete|embed|transcribe|openai)[ \t]*\("
_TASK_FUNCTION = re.compile(rb"^" + _TASK, re.MULTILINE)
_OWN_FUNCTION = re.compile(
    rb"^(?:async[ \t]+)?def[ \t]+wrapper(?:OnceExec|OnceExecAsync|Stream|Create|BatchExec|Doors)\b",
    re.MULTILINE,
)
_OWN_HOOK = re.compile(rb"\bdef[ \t]+wrapper(?:OnceExec|Stream|Create|BatchExec)")
# The class, up to the next line that is none of it.
_CLASS_WRAPPER = re.compile(
    rb"^class[ \t]+Wrapper\b[^\n]*\n((?:[ \t#)\r][^\n]*\n|\n)*)", re.MULTILINE
)

# What makes a wrapper.py AIGES's own, also where its hooks come from elsewhere; not in a comment.
_ANY_HOOK = re.compile(
    rb"^[^#\n]*\bwrapper(?:OnceExec|OnceExecAsync|Stream|Create|BatchExec|Doors)\b"
    rb"|^class[ \t]+Wrapper[ \t]*\([ \t]*\w|\bimport\b[^#\n]*\bWrapper\b",
    re.MULTILINE,
)
_PREDICT = re.compile(rb"^(?:[ \t]+)?(?:async[ \t]+)?def[ \t]+predict[ \t]*\(", re.MULTILINE)
# Where several files of a folder have a predict.
_TYPED_NAMES = ("model.py", "predict.py", "predictor.py", "app.py", "main.py", "service.py")


def _text_of(file: Path) -> bytes:
    try:
        return b"" if file.stat().st_size > _MOST_BYTES else file.read_bytes()
    except OSError:
        return b""


def _has_tasks(text: bytes) -> bool:
    """Tell whether a wrapper.py has hooks for tasks: methods of its class, or functions.

    Functions of these names beside hooks of AIGES's own, which are functions too, are the user's.
    """
    text += b"\n"
    found = _CLASS_WRAPPER.search(text)
    if found is None:
        return bool(_TASK_FUNCTION.search(text)) and not _OWN_FUNCTION.search(text)
    inside = found.group(1)
    first = re.search(rb"^([ \t]+)[^ \t\r\n#]", inside, re.MULTILINE)
    indent = first.group(1) if first else b" "
    return bool(re.search(rb"^" + indent + _TASK, inside, re.MULTILINE))


def is_only_tasks(file: Path) -> bool:
    """Tell whether a wrapper.py has hooks for tasks, and none for other calls."""
    text = _text_of(file)
    return _has_tasks(text) and not _OWN_HOOK.search(text)


def is_typed(file: Path) -> bool:
    """Tell whether a file has a function or method ``predict``, and none of AIGES's hooks."""
    text = _text_of(file)
    return bool(_PREDICT.search(text)) and not _ANY_HOOK.search(text)


def _typed_file(folder: Path) -> Path | None:
    """Return the file of a folder without wrapper.py that has the model; None: no single one."""
    files = [file for file in _files_of(folder) if is_typed(file)]
    named = [file for name in _TYPED_NAMES for file in files if file.name == name]
    return named[0] if named else files[0] if len(files) == 1 else None


def typed_module_here() -> str:
    """Return the module with a typed model in the user's folders. Raises ValueError."""
    for folder in folders_here():
        if (folder / "wrapper.py").is_file() or (folder / "wrapper" / "__init__.py").is_file():
            return "wrapper"
        file = _typed_file(folder)
        if file is not None:
            return file.stem
    raise ValueError(
        '[aiges] app: expected "module" or "module:name" of a model with predict, got none'
    )


def _files_of(folder: Path) -> list[Path]:
    try:
        files = sorted(entry for entry in folder.iterdir() if entry.suffix == ".py")
    except OSError:
        return []
    theirs = [f for f in files if not f.name.startswith(("test_", "conftest", "setup."))]
    return theirs[:_MOST_FILES]


def _contract_of(file: Path) -> str:
    text = _text_of(file)
    for match in _IMPORT.finditer(text):
        for each in (match.group(1) or match.group(2)).decode("ascii", "replace").split(","):
            name = _IMPORTED.get(re.split(r"\W", each.strip(), maxsplit=1)[0])
            if name and (name != "paddle" or _PADDLE_SERVES.search(text)):
                return name
    return "seldon" if file.name == "Model.py" and _CLASS_MODEL.search(text) else ""


def contract_of_file(file: Path) -> str:
    """Return what a file is written for that the user has named; empty: that cannot be told.

    Hooks of AIGES's own count in a file of any name.
    """
    text = _text_of(file)
    if _has_tasks(text):
        return "tasks"
    if _OWN_HOOK.search(text):
        return "aiges"
    name = _contract_of(file) or ("typed" if is_typed(file) else "")
    return name or ("aiges" if file.name == "wrapper.py" else "")


def find_contracts(folder: Path) -> list[Found]:
    """Return each contract that a file of the folder is written for, once, with that file."""
    found: dict[str, Path] = {}
    package = folder / "wrapper" / "__init__.py"
    if (folder / "wrapper.py").is_file() or package.is_file():
        own = package if package.is_file() else folder / "wrapper.py"  # As Python's import has it.
        tasks = _has_tasks(_text_of(own))
        name = "tasks" if tasks else "typed" if is_typed(own) else "aiges"
        found[name] = folder / "wrapper.py"
    for file in _files_of(folder):
        if file.name == "wrapper.py":
            continue
        name = _contract_of(file)
        if name:
            found.setdefault(name, file)
    if not found and (folder / _PADDLE_MODEL).is_file():
        found["paddle"] = folder / _PADDLE_MODEL
    elif not found:
        typed, model = _typed_file(folder), _model_alone(folder)
        # A script with a predict beside a model may be a client of it.
        if typed is not None and (model is None or typed.name in _TYPED_NAMES):
            found["typed"] = typed
        elif model is not None:
            found["onnx"] = model
    if not found and (config := _triton_config(folder)) is not None:
        found["triton"] = config
    return list(found.items())


def _triton_config(folder: Path) -> Path | None:
    """Return what says that a folder without code of its own is a model of Triton's."""
    resolved = folder.resolve()
    for config in (resolved / "config.pbtxt", resolved.parent / "config.pbtxt"):
        if config.parent != resolved and not resolved.name.isdigit():
            break
        try:
            if config.stat().st_size <= _MOST_BYTES:
                return None if _OTHER_BACKEND.search(config.read_bytes()) else config
        except OSError:
            continue
    return next(
        (f for f in sorted(folder.glob("[0-9]*/model.py")) if f.parent.name.isdigit()), None
    )


def _model_alone(folder: Path) -> Path | None:
    """Return an .onnx file; that there are several is said by the contract."""
    code = ("model.py", "libwrapper.so", "wrapper/wrapper.py", "wrapper/libwrapper.so")
    if any((folder / name).is_file() for name in code):
        return None
    return next(iter(sorted(file for file in folder.glob("*.onnx") if file.is_file())), None)


def app_of(contract: str, file: Path) -> str:
    """Return what [aiges] app says of a file: a module, or the program itself."""
    return file.stem if contract in ("aiges", "seldon", "tasks", "typed") else file.name


def _lies_in(folder: Path, other: Path) -> bool:
    return folder == other or other in folder.parents


def folders_here() -> list[Path]:
    """Return the user's folders in a worker: the current one, and those before Python's own."""
    others = (Path(os.__file__).parent, Path(sys.prefix))
    given = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    folders: list[Path] = []
    for name in [*given, "."]:
        folder = Path(name).absolute()
        is_theirs = name == "." or not any(_lies_in(folder, other) for other in others)
        if name and is_theirs and folder not in folders:
            folders.append(folder)
    return folders


def contract_here() -> tuple[str, str]:
    """Return the contract of the first folder with code and "", or "" and why it cannot be told."""
    for folder in folders_here():
        found = find_contracts(folder)
        if found and found[0][0] == "onnx" and importlib.util.find_spec("wrapper") is not None:
            continue  # What lies beside code that is installed elsewhere.
        if len(found) == 1:
            return found[0][0], ""
        if found:
            shown = " and ".join(f"{name} ({file})" for name, file in found)
            return "", (
                f"expected code for one contract, found {shown}: set [aiges] contract to one of "
                "them"
            )
    return "aiges", ""
