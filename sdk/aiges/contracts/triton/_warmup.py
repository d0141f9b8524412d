# SPDX-License-Identifier: Apache-2.0
"""model_warmup: samples that each instance runs before it is ready."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np

from aiges.contracts.triton._config import Config
from aiges.contracts.triton._errors import LoadError
from aiges.contracts.triton._request import InferenceRequest
from aiges.contracts.triton._response import InferenceResponse
from aiges.contracts.triton._tensor import Tensor, from_wire
from aiges.contracts.triton._types import OF_CONFIG, dtype_of

__all__ = ["warm_up"]

_MOST_BYTES = 1 << 30


def _tensor(name: str, given: Config, batched: bool, folder: Path) -> Tensor:
    datatype = OF_CONFIG.get(given["data_type"])
    dims = given["dims"]
    if datatype is None or not all(dim > 0 for dim in dims):
        raise LoadError(
            f"warmup input '{name}': expected a data_type and dims of at least 1, got "
            f"{given['data_type']} and {dims}"
        )
    shape = (1, *dims) if batched else tuple(dims)
    count = math.prod(shape)
    dtype = dtype_of(datatype)
    if count * (4 if dtype is None else dtype.itemsize) > _MOST_BYTES:
        raise LoadError(f"warmup input '{name}': expected at most {_MOST_BYTES} bytes, got {dims}")
    if given.get("input_data_file"):
        file = (folder / "warmup" / given["input_data_file"]).resolve()
        if (folder / "warmup").resolve() not in file.parents:
            raise LoadError(f"warmup input '{name}': expected a file in {folder / 'warmup'}")
        return from_wire(name, file.read_bytes(), datatype, shape)
    if datatype == "BYTES" or dtype is None or not given.get("random_data"):
        data = bytes(count * (4 if datatype == "BYTES" else 2 if dtype is None else dtype.itemsize))
        return from_wire(name, data, datatype, shape)
    generator = np.random.default_rng(0)
    if dtype.kind == "f":
        return Tensor(name, generator.random(shape).astype(dtype))
    return Tensor(name, generator.integers(0, 2 if dtype.kind == "b" else 100, shape).astype(dtype))


def warm_up(config: Config, folder: Path, runner: Any) -> None:
    """Run all samples; raise LoadError where one fails."""
    for sample in config["model_warmup"]:
        for _ in range(sample["count"] if sample["batch_size"] else 0):
            _run(sample, config, folder, runner)


def _run(sample: Config, config: Config, folder: Path, runner: Any) -> None:
    batched = config["max_batch_size"] > 0
    requests = []
    for _ in range(sample["batch_size"] if batched else 1):
        inputs = [_tensor(name, given, batched, folder) for name, given in sample["inputs"].items()]
        request = InferenceRequest._of_call(runner, "", {}, inputs)
        request._outputs = set(runner.output_names)
        requests.append(request)
    for answer in runner.answers(requests, any_number=True):
        error = answer.error() if isinstance(answer, InferenceResponse) else answer
        if error is not None:
            text = error.message() if hasattr(error, "message") else str(error)
            raise LoadError(f"failed to run warmup sample '{sample['name']}': {text}")
