# SPDX-License-Identifier: Apache-2.0
"""The file as ONNX Runtime has it: what goes in, what comes out, and a run."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

from aiges.contracts.onnx._settings import Settings
from aiges.contracts.onnx._tensors import Tensor
from aiges.errors import BadInput

__all__ = ["Model"]

# Taken where they are there and nothing is said. TensorRT is not: it builds for minutes.
_USUAL = ("CUDAExecutionProvider", "ROCMExecutionProvider", "CPUExecutionProvider")


def _runtime() -> Any:
    try:
        return importlib.import_module("onnxruntime")
    except ImportError as fault:
        raise ImportError(
            "contract onnx: expected the packages onnxruntime and numpy (pip install onnxruntime)"
        ) from fault


def _options(runtime: Any, settings: Settings) -> Any:
    options = runtime.SessionOptions()
    options.intra_op_num_threads = settings.intra_op_threads
    options.inter_op_num_threads = settings.inter_op_threads
    level = runtime.GraphOptimizationLevel
    options.graph_optimization_level = {
        "none": level.ORT_DISABLE_ALL,
        "basic": level.ORT_ENABLE_BASIC,
        "extended": level.ORT_ENABLE_EXTENDED,
        "all": level.ORT_ENABLE_ALL,
    }[settings.optimization]
    if settings.inter_op_threads > 1:
        options.execution_mode = runtime.ExecutionMode.ORT_PARALLEL
    if not settings.spinning:
        # Threads that spin between runs take the time of the loader and of other instances.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.add_session_config_entry("session.inter_op.allow_spinning", "0")
    return options


def _providers(runtime: Any, said: tuple[str, ...]) -> list[str]:
    there = runtime.get_available_providers()
    if not said:
        return [name for name in _USUAL if name in there]
    found: list[str] = []
    for word in said:
        full = [name for name in there if word.lower() in (name.lower(), _short(name))]
        if not full:
            names = ", ".join(_short(name) for name in there)
            raise ValueError(f"[wrapper] providers: expected some of {names}, got {word}")
        found += full
    return found


def _short(name: str) -> str:
    return name.removesuffix("ExecutionProvider").lower()


class Model:
    """Threads: any; ONNX Runtime lets runs of one session overlap."""

    def __init__(self, file: Path, settings: Settings) -> None:
        runtime = _runtime()
        providers = _providers(runtime, settings.providers)
        self.session = runtime.InferenceSession(
            str(file), _options(runtime, settings), providers=providers
        )
        used = self.session.get_providers()
        if settings.providers and used[0] != providers[0]:
            raise ValueError(
                f"[wrapper] providers: expected {_short(providers[0])} to take the model, got "
                f"{', '.join(map(_short, used))}"
            )
        state: Any = importlib.import_module("onnxruntime.capi.onnxruntime_pybind11_state")
        self._callers_fault = (state.InvalidArgument,)
        self.inputs = _inputs(self.session)
        self.outputs, self.left_out = _outputs(self.session)
        self._names = [tensor.name for tensor in self.outputs]
        self._run = self.session._sess.run  # InferenceSession.run checks what check() has checked.

    def keep_outputs(self, names: list[str]) -> None:
        """Compute only these outputs, in this order."""
        there = {tensor.name: tensor for tensor in self.outputs}
        self.outputs, self._names = [there[name] for name in names], names

    def run(self, feed: dict[str, Any]) -> list[Any]:
        """Return the outputs. Raises BadInput where the model does not take these."""
        try:
            made: list[Any] = self._run(self._names, feed, None)
        except self._callers_fault as fault:
            raise BadInput(f"the model does not take these inputs: {fault}") from None
        return made

    @property
    def rows_by_names(self) -> bool:
        """Whether the file itself says that all first dimensions are one: the rows of a batch."""
        firsts = [tensor.symbols[:1] for tensor in (*self.inputs, *self.outputs)]
        return self.has_rows and len(set(firsts)) == 1

    @property
    def has_rows(self) -> bool:
        """Whether the first dimension of each input and output may be any number."""
        return all(tensor.shape[:1] == (-1,) for tensor in (*self.inputs, *self.outputs))


def _inputs(session: Any) -> list[Tensor]:
    found: list[Tensor] = []
    for argument in session.get_inputs():
        tensor = Tensor.of(argument)
        if tensor is None:
            raise ValueError(
                f'input "{argument.name}": expected a tensor of a type that clients can send, got '
                f"{argument.type}"
            )
        found.append(tensor)
    return found


def _outputs(session: Any) -> tuple[list[Tensor], list[str]]:
    found: list[Tensor] = []
    left: list[str] = []
    for argument in session.get_outputs():
        tensor = Tensor.of(argument)
        if tensor is None:
            left.append(f"{argument.name} ({argument.type})")
        else:
            found.append(tensor)
    if not found:
        raise ValueError(f"expected an output that is a tensor, got {', '.join(left)}")
    return found, left
