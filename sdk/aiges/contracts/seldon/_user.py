# SPDX-License-Identifier: Apache-2.0
"""Imports the user's class, makes the object and loads it."""

from __future__ import annotations

import importlib
import logging
import os
import sys
from collections.abc import Mapping
from typing import Any

from aiges.contracts.seldon._errors import SeldonNotImplementedError
from aiges.contracts.seldon._parameters import parameters_of

__all__ = ["class_named", "load_object", "make_object"]

_LOG = logging.getLogger("aiges.seldon")
_DEFAULT = "Model"


def class_named(name: str) -> Any:
    """Return the class of ``Model`` (module and class alike), ``pkg.mod.Cls``, ``mod:Cls``."""
    if ":" in name:
        module_name, _, class_name = name.partition(":")
    else:
        module_name, _, class_name = name.rpartition(".")
        module_name = module_name or name
    if os.getcwd() not in sys.path:
        sys.path.append(os.getcwd())
    module = importlib.import_module(module_name)
    try:
        return getattr(module, class_name)
    except AttributeError:
        raise ValueError(
            f"expected a class {class_name} in {getattr(module, '__file__', module_name)}, found "
            "none"
        ) from None


def make_object(environment: Mapping[str, str]) -> Any:
    """Make the user's object with its parameters. Raises what the user's code raises."""
    parameters = parameters_of(environment.get("PREDICTIVE_UNIT_PARAMETERS") or "[]")
    return class_named(environment.get("AIGES_APP") or _DEFAULT)(**parameters)


def load_object(user: Any) -> None:
    """Call load(), where there is one. Raises what it raises."""
    load = getattr(user, "load", None)
    if not callable(load):
        _LOG.info("no load method in the user's model")
        return
    try:
        load()
    except (NotImplementedError, SeldonNotImplementedError):
        _LOG.info("load() is not implemented")
