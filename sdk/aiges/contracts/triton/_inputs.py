# SPDX-License-Identifier: Apache-2.0
"""The tensors of a call: read, and checked where the loader has not done so before."""

from __future__ import annotations

from typing import Any

from aiges.contracts._oip import OIP, Checker, is_checked, shape_of
from aiges.contracts.triton._card import inputs_of, reshapes_of
from aiges.contracts.triton._config import Config
from aiges.contracts.triton._tensor import Tensor, from_wire

__all__ = ["Inputs"]


def _prefixed(data: bytes) -> bytes:
    return len(data).to_bytes(4, "little") + data


class Inputs:
    """What the model declares, and calls made into it."""

    def __init__(self, config: Config) -> None:
        self.declared = inputs_of(config)
        self._reshapes, _ = reshapes_of(config)
        most = config["max_batch_size"]
        self._checker = Checker(
            config["name"],
            self.declared,
            [tensor["name"] for tensor in config["output"]],
            batched=most > 0,
            most_rows=most,
        )

    def read(self, data: Any, params: dict[str, str]) -> list[Tensor]:
        """Return the tensors. Raises BadInput."""
        made = []
        for node in data:
            desc = node["desc"]
            datatype = desc.get("datatype")
            if datatype is None:
                made.append(self._text(node, params))
            else:
                shape = shape_of(desc.get("shape", ""))
                made.append(from_wire(node["key"], node["data"], datatype, shape))
        if not is_checked(params):
            kinds = tuple([(each._name, each._datatype, each._shape) for each in made])
            raw = [each._raw for each in made]
            self._checker.check(kinds, tuple(map(len, raw)), params, raw)
        if self._reshapes:
            for tensor in made:
                reshape = self._reshapes.get(tensor._name)
                if reshape is not None:
                    tensor._shape = reshape(tensor._shape)
        return made

    def _text(self, node: dict[str, Any], params: dict[str, str]) -> Tensor:
        """Return the one string that data without a type are."""
        name = node["key"]
        shape: tuple[int, ...] = (1,)
        if OIP not in params:  # Else the loader has made it of a tensor of that shape.
            declared = self.declared.get(name)
            if declared is None and len(self.declared) == 1:  # As plain bodies have no name.
                name, declared = next(iter(self.declared.items()))
            shape *= len(declared.shape) if declared is not None else 1
        return from_wire(name, _prefixed(bytes(node["data"])), "BYTES", shape)
