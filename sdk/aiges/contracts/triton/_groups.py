# SPDX-License-Identifier: Apache-2.0
"""Which requests the model gets in one list.

The host gathers what is there together; here that is cut by the rules of the dynamic batcher: not
more than max_batch_size in the sum of the first dimensions, and only those whose inputs agree.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from aiges.contracts._oip import Declared
from aiges.contracts.triton._config import Config
from aiges.contracts.triton._sequence import Controls

__all__ = ["Groups"]

Numbered = tuple[int, Any]  # The place among the calls, and the request.


class Groups:
    """The rules of one model."""

    def __init__(self, config: Config, declared: dict[str, Declared]) -> None:
        self._most = config["max_batch_size"]
        # Of sequences each request comes alone: two of one sequence may not be in a list.
        self.batches = self._most > 1 and "dynamic_batching" in config
        self.controls = Controls.of(config)
        # Inputs whose shapes must be the same in all requests of a list.
        self._compared = {
            name
            for name, each in declared.items()
            if not each.ragged and any(dim == -1 for dim in each.shape[1:])
        }
        self._has_optional = any(each.optional for each in declared.values())

    def of(self, requests: list[Numbered]) -> Iterator[list[Numbered]]:
        """Return the requests in lists, in their order."""
        if not self.batches:
            for each in requests:
                yield [each]
            return
        group: list[Numbered] = []
        size, kind = 0, None
        for each in requests:
            tensors = each[1]._inputs
            rows = tensors[0]._shape[0] if tensors and tensors[0]._shape else 1
            own = self._kind(tensors)
            if group and (size + rows > self._most or own != kind):
                yield group
                group, size = [], 0
            group.append(each)
            size, kind = size + rows, own
        if group:
            yield group

    def _kind(self, tensors: list[Any]) -> Any:
        names = frozenset(tensor._name for tensor in tensors) if self._has_optional else None
        if not self._compared:
            return names
        shapes = tuple(tensor._shape[1:] for tensor in tensors if tensor._name in self._compared)
        return names, shapes
