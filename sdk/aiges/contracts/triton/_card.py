# SPDX-License-Identifier: Apache-2.0
"""What the model says of itself to protocols of tensors, and how its tensors are to come."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Callable

from aiges.contracts._oip import Declared
from aiges.contracts.triton._config import Config
from aiges.contracts.triton._errors import LoadError
from aiges.contracts.triton._types import OF_CONFIG

__all__ = ["card_of", "inputs_of", "reshapes_of"]

_MOST_LABELS = 1 << 20
Shape = tuple[int, ...]
Reshape = Callable[[Shape], Shape]


def _shape(tensor: Config, config: Config) -> Shape:
    batch = (-1,) if config["max_batch_size"] > 0 else ()
    return (*batch, *tensor["dims"])


def inputs_of(config: Config) -> dict[str, Declared]:
    """Return the inputs by name."""
    return {
        tensor["name"]: Declared(
            OF_CONFIG[tensor["data_type"]],
            _shape(tensor, config),
            tensor["optional"],
            tensor["allow_ragged_batch"],
        )
        for tensor in config["input"]
    }


def _labels(tensor: Config, folder: Path) -> list[str]:
    name = tensor.get("label_filename")
    if not name:
        return []
    file = (folder / name).resolve()
    if folder.resolve() not in file.parents:
        raise LoadError(f"label_filename: expected a file in {folder}, got {name}")
    try:
        lines: list[str] = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as fault:
        raise LoadError(f"label_filename of output '{tensor['name']}': {fault}") from None
    return lines[:_MOST_LABELS]


def card_of(config: Config, folder: Path) -> dict[str, Any]:
    """Return the member "model" of the schema. Raises LoadError for labels that are not there."""
    outputs = []
    for tensor in config["output"]:
        made = {
            "name": tensor["name"],
            "datatype": OF_CONFIG[tensor["data_type"]],
            "shape": list(_shape(tensor, config)),
        }
        labels = _labels(tensor, folder)
        outputs.append({**made, "labels": labels} if labels else made)
    return {
        "platform": config["platform"] or config["backend"],
        "max_batch_size": config["max_batch_size"],
        "decoupled": config.get("model_transaction_policy", {}).get("decoupled", False),
        "inputs": [
            {
                "name": name,
                "datatype": each.datatype,
                "shape": list(each.shape),
                **({"optional": True} if each.optional else {}),
            }
            for name, each in inputs_of(config).items()
        ],
        "outputs": outputs,
        "config": config,
    }


def _mapping(before: list[int], after: list[int], batched: bool) -> Reshape:
    """Return what makes of a shape like ``before`` one like ``after``; -1 in order."""
    places = [at for at, dim in enumerate(before) if dim == -1]
    front = 1 if batched else 0

    def reshape(shape: Shape) -> Shape:
        rest = iter([shape[front + at] for at in places if front + at < len(shape)])
        return (*shape[:front], *(next(rest, 1) if dim == -1 else dim for dim in after))

    return reshape


def reshapes_of(config: Config) -> tuple[dict[str, Reshape], dict[str, Reshape]]:
    """Return by name how inputs and outputs change their shape between client and model."""
    batched = config["max_batch_size"] > 0
    inputs, outputs = {}, {}
    for tensor in config["input"]:
        if "reshape" in tensor:
            inputs[tensor["name"]] = _mapping(tensor["dims"], tensor["reshape"]["shape"], batched)
    for tensor in config["output"]:
        if "reshape" in tensor:
            outputs[tensor["name"]] = _mapping(tensor["reshape"]["shape"], tensor["dims"], batched)
    return inputs, outputs
