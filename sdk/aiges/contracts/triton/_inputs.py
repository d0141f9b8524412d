# SPDX-License-Identifier: Apache-2.0
"""The tensors of a call: read, and checked where no protocol has done so before."""

from __future__ import annotations

from typing import Any

from aiges.contracts.triton._card import Declared, inputs_of, reshapes_of
from aiges.contracts.triton._config import Config
from aiges.contracts.triton._request import OIP
from aiges.contracts.triton._tensor import Tensor, from_wire
from aiges.contracts.triton._types import shape_of
from aiges.errors import BadInput

__all__ = ["Inputs"]


def _prefixed(data: bytes) -> bytes:
    return len(data).to_bytes(4, "little") + data


class Inputs:
    """What the model declares, and calls made into it."""

    def __init__(self, config: Config) -> None:
        self._name = config["name"]
        self._most = config["max_batch_size"]
        self.declared = inputs_of(config)
        self._reshapes, _ = reshapes_of(config)
        self._required = {name for name, each in self.declared.items() if not each.optional}

    def read(self, data: Any, params: dict[str, str]) -> list[Tensor]:
        """Return the tensors. Raises BadInput."""
        made = []
        for node in data:
            desc = node["desc"]
            datatype = desc.get("datatype")
            if datatype is None:
                made.append(self._text(node))
            else:
                shape = shape_of(desc.get("shape", ""))
                made.append(from_wire(node["key"], node["data"], datatype, shape))
        if OIP not in params:
            self._check(made)
        if self._reshapes:
            for tensor in made:
                reshape = self._reshapes.get(tensor._name)
                if reshape is not None:
                    tensor._shape = reshape(tensor._shape)
        return made

    def _text(self, node: dict[str, Any]) -> Tensor:
        """Return the one string that data without a type are."""
        name = node["key"]
        declared = self.declared.get(name)
        if declared is None and len(self.declared) == 1:  # As plain bodies have no name.
            name, declared = next(iter(self.declared.items()))
        rank = len(declared.shape) if declared is not None else 1
        return from_wire(name, _prefixed(bytes(node["data"])), "BYTES", (1,) * rank)

    def _check(self, tensors: list[Tensor]) -> None:
        names = [tensor._name for tensor in tensors]
        missing = sorted(self._required.difference(names))
        if missing:
            most, least = len(self.declared), len(self._required)
            expected = (
                f"expected {most} inputs but got {len(names)} inputs"
                if most == least
                else f"expected number of inputs between {least} and {most} but got {len(names)} "
                "inputs"
            )
            raise BadInput(
                f"{expected} for model '{self._name}'. Got input(s) {sorted(names)}, but missing "
                f"required input(s) {missing}. Please provide all required input(s)."
            )
        for tensor in tensors:
            declared = self.declared.get(tensor._name)
            if declared is None or names.count(tensor._name) > 1:
                raise BadInput(
                    f"unexpected inference input '{tensor._name}' for model '{self._name}'"
                )
            self._check_one(tensor, declared)
        batches = {tensor._shape[0] for tensor in tensors} if self._most else set()
        if len(batches) > 1:
            raise BadInput(
                f"input batch sizes don't match for model '{self._name}': {sorted(batches)}"
            )

    def _check_one(self, tensor: Tensor, declared: Declared) -> None:
        name, shape = tensor._name, tensor._shape
        if tensor._datatype != declared.datatype:
            raise BadInput(
                f"inference input '{name}' data-type is '{tensor._datatype}', but model "
                f"'{self._name}' expects '{declared.datatype}'"
            )
        fits = len(shape) == len(declared.shape) and all(
            expected in (-1, got) for expected, got in zip(declared.shape, shape)
        )
        if not fits:
            raise BadInput(
                f"unexpected shape for input '{name}' for model '{self._name}'. Expected "
                f"{list(declared.shape)}, got {list(shape)}."
            )
        if self._most and shape[0] > self._most:
            raise BadInput(
                f"inference request batch-size must be <= {self._most} for '{self._name}'"
            )
