# SPDX-License-Identifier: Apache-2.0
"""``config.pbtxt`` of Triton beside an ONNX model: what it says is checked against the file.

Where it says nothing of inputs and outputs, the file does. What would change answers and is not
served stops the start by its name; how many instances there are, and how long calls wait for
company, is the loader's to read.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from aiges.contracts.onnx._model import Model
from aiges.contracts.onnx._settings import Settings
from aiges.contracts.onnx._tensors import Tensor, shape_text

__all__ = ["apply", "completed", "read", "settings_of"]

Config = dict[str, Any]
CONFIG = "config.pbtxt"
_REFUSED = ("sequence_batching", "ensemble_scheduling", "batch_input", "batch_output")
_LEVELS = {-1: "basic", 0: "all", 1: "extended"}
_THREADS = {
    "intra_op_thread_count": "intra_op_threads",
    "inter_op_thread_count": "inter_op_threads",
}


def find(folder: Path) -> Path | None:
    """Return the file of a model in one folder, or of one whose versions have folders."""
    folder = folder.resolve()
    for place in (folder, folder.parent) if folder.name.isdigit() else (folder,):
        if (place / CONFIG).is_file():
            return place / CONFIG
    return None


def read(folders: list[Path]) -> tuple[Config, Path] | None:
    """Return what the file says and the folder of the model, if there is one. Raises ValueError."""
    file = next((found for found in map(find, folders) if found is not None), None)
    if file is None:
        return None
    try:
        from aiges.contracts.triton import _config
        from aiges.contracts.triton._errors import LoadError
    except ImportError as fault:
        raise ImportError(
            f"{file}: expected the package protobuf, which reads it (pip install protobuf)"
        ) from fault
    try:
        message = _config.normalised(_config.read(file), file.parent.name, False)
    except LoadError as fault:
        raise ValueError(str(fault)) from None
    config = _config.to_dict(message)
    _check(config)
    return config, file.parent


def _check(config: Config) -> None:
    known = {"platform": ("", "onnxruntime_onnx"), "backend": ("", "onnxruntime")}
    for field, allowed in known.items():
        if config[field] not in allowed:
            raise ValueError(
                f'{CONFIG}: {field}: expected "{allowed[1]}" for an ONNX model, got '
                f'"{config[field]}"'
            )
    refused = [field for field in _REFUSED if config.get(field)]
    if config.get("model_transaction_policy", {}).get("decoupled"):
        refused.append("model_transaction_policy.decoupled")
    if config.get("model_operations", {}).get("op_library_filename"):
        refused.append("model_operations")
    for tensor in config["input"]:
        flags = ("optional", "allow_ragged_batch", "is_shape_tensor")
        refused += [f"input '{tensor['name']}'.{flag}" for flag in flags if tensor.get(flag)]
    if refused:
        raise ValueError(f"{CONFIG}: {', '.join(refused)}: not served for ONNX models")


def settings_of(config: Config, said: dict[str, str]) -> dict[str, str]:
    """Return ``[wrapper]`` with what the file says where ``[wrapper]`` does not."""
    made: dict[str, str] = {}
    if config["default_model_filename"]:
        made["model"] = config["default_model_filename"]
    if config["max_batch_size"] or config["input"]:
        made["max_batch_size"] = str(config["max_batch_size"])
    optimization = config.get("optimization", {})
    level = optimization.get("graph", {}).get("level", 0)
    if level:
        made["optimization"] = _LEVELS.get(level, f"graph level {level}")
    accelerators = optimization.get("execution_accelerators", {})
    kinds = ("gpu_execution_accelerator", "cpu_execution_accelerator")
    names = [each["name"] for kind in kinds for each in accelerators.get(kind, [])]
    if names:
        made["providers"] = ",".join([*names, "cpu"])
    for name, key in _THREADS.items():
        text = config["parameters"].get(name, {}).get("string_value", "")
        if text:
            made[key] = text
    return {**made, **said}


def apply(config: Config, settings: Settings, model: Model) -> None:
    """Let tensors be as the file says: their order, shapes that clients send. Raises ValueError."""
    from aiges.contracts.triton._card import reshapes_of

    rows = bool(settings.max_batch_size)
    reshapes = reshapes_of({**config, "max_batch_size": int(rows)})
    for kind, said, reshape in (
        ("input", config["input"], reshapes[0]),
        ("output", config["output"], reshapes[1]),
    ):
        there = {t.name: t for t in (model.inputs if kind == "input" else model.outputs)}
        for entry in said:
            name = entry["name"]
            if name not in there:
                raise ValueError(
                    f"{CONFIG}: {kind} '{name}': expected one of {', '.join(there)}, which the "
                    "model has"
                )
            _agree(kind, entry, there[name], rows)
            if name in reshape:
                there[name].sent = ((-1,) if rows else ()) + tuple(entry["dims"])
                there[name].reshape = reshape[name]
        missing = [name for name in there if said and name not in [e["name"] for e in said]]
        if missing and kind == "input":
            raise ValueError(f"{CONFIG}: expected all inputs, missing: {', '.join(missing)}")
        if missing:
            model.keep_outputs([entry["name"] for entry in said])


def _agree(kind: str, entry: Config, tensor: Tensor, rows: bool) -> None:
    from aiges.contracts.triton._types import OF_CONFIG

    if OF_CONFIG.get(entry["data_type"]) != tensor.datatype:
        raise ValueError(
            f"{CONFIG}: {kind} '{tensor.name}': expected data_type of {tensor.datatype}, which the "
            f"model has, got {entry['data_type']}"
        )
    dims = entry["reshape"]["shape"] if "reshape" in entry else entry["dims"]
    shape = ((-1,) if rows else ()) + tuple(dims)
    fits = len(shape) == len(tensor.shape) and all(
        -1 in (own, said) or own == said for own, said in zip(tensor.shape, shape)
    )
    if not fits:
        raise ValueError(
            f"{CONFIG}: {kind} '{tensor.name}': expected dims of the model's shape "
            f"{shape_text(tensor.shape)}{' without its first' if rows else ''}, got "
            f"{shape_text(dims)}"
        )


def completed(config: Config, folder: Path, card: dict[str, Any]) -> dict[str, Any]:
    """Return the card with labels, and the whole configuration in it. Raises ValueError."""
    from aiges.contracts.triton._card import card_of
    from aiges.contracts.triton._errors import LoadError
    from aiges.contracts.triton._types import OF_CONFIG

    types = {protocol: name for name, protocol in OF_CONFIG.items()}
    rows = card["max_batch_size"] > 0
    made = {
        **config,
        "platform": "onnxruntime_onnx",
        "backend": "onnxruntime",
        "max_batch_size": card["max_batch_size"],
    }
    blank: dict[str, dict[str, Any]] = {
        "input": {"optional": False, "allow_ragged_batch": False},
        "output": {"label_filename": ""},
    }
    for kind, more in blank.items():
        said = {entry["name"]: entry for entry in config[kind]}
        made[kind] = [
            said.get(each["name"])
            or {
                "name": each["name"],
                "data_type": types[each["datatype"]],
                "dims": each["shape"][1:] if rows else each["shape"],
                **more,
            }
            for each in card[f"{kind}s"]
        ]
    try:
        return card_of(made, folder)
    except LoadError as fault:
        raise ValueError(str(fault)) from None
