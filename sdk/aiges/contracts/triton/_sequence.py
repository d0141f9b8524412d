# SPDX-License-Identifier: Apache-2.0
"""Sequences of requests: which are known, and the inputs that tell a model where in one it is."""

from __future__ import annotations

import threading
import time
from typing import Any, Callable

import numpy as np

from aiges.contracts.triton._config import Config
from aiges.contracts.triton._request import SEQUENCE_END, SEQUENCE_START
from aiges.contracts.triton._tensor import Tensor
from aiges.contracts.triton._types import OF_CONFIG, dtype_of
from aiges.errors import BadInput

__all__ = ["Controls"]

_PAIRS = {
    "int32_false_true": np.int32,
    "fp32_false_true": np.float32,
    "bool_false_true": np.bool_,
}
_MOST_SEQUENCES = 1 << 20
Make = Callable[[bool, bool, Any], Tensor]  # start, end, correlation id


class Controls:
    """The sequences of one instance, and what each request is given beside its own inputs."""

    def __init__(self, config: Config) -> None:
        batching = config["sequence_batching"]
        self._name = config["name"]
        self._idle_s = batching["max_sequence_idle_microseconds"] / 1e6
        self._shape = (1, 1) if config["max_batch_size"] > 0 else (1,)
        self._makers = [
            self._maker(each["name"], control)
            for each in batching["control_input"]
            for control in each["control"]
        ]
        self._seen: dict[Any, float] = {}  # By sequence, the oldest first.
        self._lock = threading.Lock()

    @staticmethod
    def of(config: Config) -> Controls | None:
        """Return them where the configuration says sequence_batching."""
        return Controls(config) if "sequence_batching" in config else None

    def _maker(self, name: str, control: Config) -> Make:
        kind = control["kind"]
        if kind == "CONTROL_SEQUENCE_CORRID":
            return self._id_maker(name, OF_CONFIG[control["data_type"]])
        values = next(control[pair] for pair in _PAIRS if control[pair])
        dtype = next(dtype for pair, dtype in _PAIRS.items() if control[pair])
        no: Any = np.full(self._shape, values[0], dtype)
        yes: Any = np.full(self._shape, values[1], dtype)

        def make(start: bool, end: bool, _: Any) -> Tensor:
            is_so = {
                "CONTROL_SEQUENCE_START": start,
                "CONTROL_SEQUENCE_END": end,
                "CONTROL_SEQUENCE_READY": True,
            }[kind]
            return Tensor(name, yes.copy() if is_so else no.copy())

        return make

    def _id_maker(self, name: str, datatype: str) -> Make:
        shape = self._shape

        def make(_: bool, __: bool, sequence: Any) -> Tensor:
            if datatype == "BYTES":
                return Tensor(name, np.full(shape, str(sequence).encode(), np.object_))
            if not isinstance(sequence, int):
                raise BadInput(
                    f"sequence id: expected a number, as the input '{name}' is {datatype}, got "
                    f"{sequence!r}"
                )
            try:
                return Tensor(name, np.full(shape, sequence, dtype_of(datatype)))
            except OverflowError:
                raise BadInput(f"sequence id {sequence} is no {datatype}") from None

        return make

    def add(self, request: Any) -> None:
        """Take a request into its sequence. Raises BadInput where it has none."""
        sequence = request.correlation_id()
        if sequence in (0, ""):
            raise BadInput(
                f"inference request to model '{self._name}' must specify a non-zero or non-empty "
                "correlation ID"
            )
        flags = request.flags()
        start, end = bool(flags & SEQUENCE_START), bool(flags & SEQUENCE_END)
        with self._lock:
            self._forget_idle()
            if not start and sequence not in self._seen:
                raise BadInput(
                    f"inference request for sequence {sequence} to model '{self._name}' must "
                    "specify the START flag on the first request of the sequence"
                )
            self._seen.pop(sequence, None)
            if not end:
                if len(self._seen) >= _MOST_SEQUENCES:
                    raise BadInput(f"expected at most {_MOST_SEQUENCES} sequences at a time")
                self._seen[sequence] = time.monotonic()
        request._inputs = [
            *request._inputs,
            *(make(start, end, sequence) for make in self._makers),
        ]

    def _forget_idle(self) -> None:
        last = time.monotonic() - self._idle_s
        while self._seen:
            oldest = next(iter(self._seen))
            if self._seen[oldest] >= last:
                break
            del self._seen[oldest]
