# SPDX-License-Identifier: Apache-2.0
"""A wrapper.py imported as the loader does it, and its class Wrapper made."""

from __future__ import annotations

import inspect
import sys
import types
from pathlib import Path
from typing import Any

from aiges import _dto
from aiges.cli._findings import Findings
from aiges.cli._signatures import check_hooks

__all__ = ["Failed", "embed", "load", "make"]

EMBEDDED = (
    "DataListCls DataListNode Response ResponseData SessionCreateResponse call_state callback "
    "callback_metric callback_trace current_tag init_rq"
)


class Failed(Exception):
    """The rest cannot be tried; why is among the findings."""


def embed() -> None:
    """Let ``import aiges_embed`` find what it finds in a worker."""
    embedded = types.ModuleType("aiges_embed")
    for name in EMBEDDED.split():
        setattr(embedded, name, getattr(_dto, name))
    sys.modules.setdefault("aiges_embed", embedded)


def load(file: Path, findings: Findings) -> Any:
    """Import wrapper.py as the loader does: by its name, its folder on the path, aiges_embed there.

    Many files have only half of an ``except ImportError:`` branch, which no worker ever takes.
    """
    embed()
    sys.path.insert(0, str(file.parent))
    sys.argv = [""]
    try:
        return __import__(file.stem)
    except SyntaxError as error:
        place = (error.filename or str(file), error.lineno or 0)
        findings.add("", f"syntax error: {error.msg}", "mend the line", place)
    except ImportError as error:
        missing = error.name or "it"
        fix = f"install {missing} (pip install -r requirements.txt), or mend the import"
        findings.raised("import", error, fix, (str(file), 0))
    except BaseException as error:  # Also SystemExit: the worker would end.
        fix = "let the module be imported; what needs the model belongs into wrapperInit"
        findings.raised("import", error, fix, (str(file), 0))
    raise Failed


def make(module: Any, file: Path, findings: Findings) -> tuple[Any, bool]:
    """Return the object of class Wrapper and True, or the module itself and False."""
    cls = getattr(module, "Wrapper", None)
    if not inspect.isclass(cls):
        check_hooks(module, False, (str(file), 1), findings)
        return module, False
    try:
        place = (inspect.getsourcefile(cls) or str(file), inspect.getsourcelines(cls)[1])
    except (OSError, TypeError):
        place = (str(file), 1)
    options = {"legacy": False, "is_aipaas": True, "keep_schema_default_value": True}
    try:
        inspect.signature(cls).bind(**options)
    except (TypeError, ValueError):
        options = {}
    try:
        made = cls(**options)
    except Exception as error:
        findings.raised("Wrapper()", error, "let it be made without arguments", place)
        raise Failed from None
    check_hooks(made, True, place, findings)
    return made, True
