# SPDX-License-Identifier: Apache-2.0
"""The user's model.py: imported, asked to complete its configuration, made, initialized."""

from __future__ import annotations

import asyncio
import importlib
import inspect
import json
import sys
import threading
import types
from pathlib import Path
from typing import Any

from aiges.contracts.triton import _state
from aiges.contracts.triton._checks import ignored, validate
from aiges.contracts.triton._complete import ModelConfig
from aiges.contracts.triton._config import Config, from_dict, normalised, to_dict
from aiges.contracts.triton._errors import LoadError
from aiges.contracts.triton._logger import Logger
from aiges.contracts.triton._place import MODEL, Place

__all__ = ["UserModel", "completed", "import_model", "instance_of"]

_COMPLETED = ("max_batch_size", "input", "output", "dynamic_batching", "model_transaction_policy")


def import_model(place: Place, file: str) -> Any:
    """Return the class TritonPythonModel of the model's file. Raises LoadError, or what it does."""
    name = file or MODEL
    path = place.version / name
    if not name.endswith(".py"):
        raise LoadError(f"default_model_filename: expected a name that ends in .py, got {name!r}")
    if not path.is_file():
        raise LoadError(f"{path}: no such file: expected the model")
    for folder in (place.version, place.model):
        if str(folder) not in sys.path:
            sys.path.append(str(folder))
    # The version's folder as a package: "from . import helper" finds what lies beside the model.
    package = types.ModuleType(place.number)
    package.__path__ = [str(place.version)]
    sys.modules[place.number] = package
    module = importlib.import_module(f"{place.number}.{Path(name).stem}")
    found = getattr(module, "TritonPythonModel", None)
    if found is None:
        raise LoadError(
            f"Python model file not found in '{path}'"
            if not path.exists()
            else f"{path}: expected a class TritonPythonModel, found none"
        )
    return found


def completed(message: Any, model: Any, place: Place, complete: bool) -> Config:
    """Return the whole configuration, checked; with what the model adds, where it may."""
    path = place.version / (message.default_model_filename or MODEL)
    message = normalised(message, place.name, is_python=True)
    if place.is_versioned and message.name != place.model.name:
        raise LoadError(
            f"unexpected directory name '{place.model.name}' for model '{message.name}', "
            "directory name must equal model name"
        )
    if complete and hasattr(model, "auto_complete_config"):
        message = _auto_completed(message, model, path, place.name)
    config = to_dict(message)
    validate(config)
    for field in ignored(config):
        Logger.log_warn(f"config.pbtxt: {field} has no effect here")
    return config


def _auto_completed(message: Any, model: Any, path: Path, name: str) -> Any:
    given = ModelConfig(json.dumps(to_dict(message)))
    found = model.auto_complete_config(given)
    if not isinstance(found, ModelConfig):
        raise LoadError(
            f"auto_complete_config function in model '{path}' must return a valid pb.ModelConfig "
            "object."
        )
    added = from_dict(
        {key: value for key, value in found.as_dict().items() if key in _COMPLETED},
        f"auto_complete_config of {path}",
    )
    for field in _COMPLETED:
        if field in ("max_batch_size",):
            message.max_batch_size = added.max_batch_size
        elif field in ("input", "output"):
            message.ClearField(field)
            getattr(message, field).MergeFrom(getattr(added, field))
        elif added.HasField(field):
            getattr(message, field).CopyFrom(getattr(added, field))
    return normalised(message, name, is_python=True)


def instance_of(config: Config, number: int) -> tuple[str, str, str]:
    """Return name, kind and device of an instance, by its number among all."""
    every = [
        (f"{group['name']}_{index}", group["kind"][5:], str(device))
        for group in config["instance_group"]
        for device in (group["gpus"] if group["kind"] == "KIND_GPU" else [0])
        for index in range(group["count"])
    ]
    # Several groups of devices count on: no name is there twice.
    name, kind, device = every[number % len(every)]
    groups = config["instance_group"]
    if len(groups) == 1:
        name = f"{groups[0]['name']}_{number}"
    return name, kind, device


class UserModel:
    """The object of one instance. ``execute`` and the rest raise what the user's code raises."""

    def __init__(self, place: Place, config: Config, model: Any, number: int) -> None:
        self.instance, kind, device = instance_of(config, number)
        self._path = place.version / (config["default_model_filename"] or MODEL)
        _state.version_folder = str(place.version)
        self._object = model()
        self._loop: asyncio.AbstractEventLoop | None = None
        if hasattr(self._object, "initialize"):
            self._object.initialize(
                {
                    "model_config": json.dumps(config, separators=(",", ":")),
                    "model_instance_kind": kind,
                    "model_instance_name": self.instance,
                    "model_instance_device_id": device,
                    "model_repository": str(place.model),
                    "model_version": place.number,
                    "model_name": config["name"],
                }
            )
        execute = getattr(self._object, "execute", None)
        self.is_async = inspect.iscoroutinefunction(execute)
        self.execute = self._lacks_execute if execute is None else execute
        if hasattr(self._object, "is_ready"):
            Logger.log_warn("is_ready is not asked here: an instance that runs is ready")

    def _lacks_execute(self, requests: list[Any]) -> Any:
        raise NotImplementedError(f"Python model {self._path} does not implement `execute` method.")

    def begin(self, coroutine: Any) -> Any:
        """Run a coroutine on the instance's event loop; return its concurrent future."""
        if self._loop is None:
            loop = asyncio.new_event_loop()
            threading.Thread(target=loop.run_forever, name="execute", daemon=True).start()
            self._loop = loop
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop)

    def finalize(self) -> None:
        """End it; what that raises is only told."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._loop.stop)
        if hasattr(self._object, "finalize"):
            try:
                self._object.finalize()
            except Exception as fault:
                Logger.log_error(f"finalize raised {type(fault).__name__}: {fault}")
