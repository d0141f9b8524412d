# SPDX-License-Identifier: Apache-2.0
"""Calls of an ONNX model: those that fit together are one run."""

from __future__ import annotations

import os
from typing import Any, NamedTuple

import numpy as np

from aiges._narrow import is_list
from aiges.contracts._detect import folders_here
from aiges.contracts._oip import OIP, Checker, Kind, is_checked, outputs_of, shape_of
from aiges.contracts.onnx import _pbtxt
from aiges.contracts.onnx._file import find_model
from aiges.contracts.onnx._model import Model
from aiges.contracts.onnx._settings import Settings
from aiges.contracts.onnx._tensors import BYTES, shape_text
from aiges.errors import BadInput

__all__ = ["Engine"]

_DEFAULT_ROWS = 64  # Of a run of several calls.
_ELEMENT = bytes(4)  # Of BYTES, and nothing in it.
_WARM = 2  # Runs; the first makes what the second reuses.


class _Call(NamedTuple):
    place: int  # Among those that came together.
    feed: dict[str, Any]
    rows: int
    alike: Any  # The same in calls that may run together.


class Engine:
    """One model. Threads: any."""

    def __init__(self, config: dict[str, str]) -> None:
        found = _pbtxt.read(folders_here())
        if found is not None:
            config = _pbtxt.settings_of(found[0], config)
        self._settings = settings = Settings.read(config)
        file = find_model(settings.model)
        self._model = model = Model(file, settings)
        if found is not None:
            _pbtxt.apply(found[0], settings, model)
        said = settings.max_batch_size
        if said and not model.has_rows:
            shapes = ", ".join(
                f"{t.name} {shape_text(t.shape)}" for t in (*model.inputs, *model.outputs)
            )
            raise ValueError(
                f"max_batch_size = {said}: expected a model whose tensors all have a first "
                f"dimension of any size, got {shapes}"
            )
        stacks = model.has_rows if said else model.rows_by_names and said is None
        self._most_rows = (said or _DEFAULT_ROWS) if stacks else 0
        self._inputs = {tensor.name: tensor for tensor in model.inputs}
        self._has_texts = any(tensor.datatype == BYTES for tensor in model.inputs)
        self._name = os.environ.get("AIGES_MODEL_NAME") or (found and found[0]["name"]) or file.stem
        self._checker = Checker(
            self._name,
            {tensor.name: tensor.declared for tensor in model.inputs},
            [tensor.name for tensor in model.outputs],
            batched=self._most_rows > 0,
            most_rows=said or 0,
        )
        self._card = {
            "platform": "onnxruntime_onnx",
            "max_batch_size": self._most_rows,
            "inputs": [tensor.card for tensor in model.inputs],
            "outputs": [tensor.card for tensor in model.outputs],
        }
        if found is not None:
            self._card = _pbtxt.completed(*found, self._card)
        self._say(file.name, stacks)

    def _say(self, name: str, stacks: bool) -> None:
        model = self._model
        if model.left_out:
            print(f"onnx: {name}: outputs that are no tensors are left out: {model.left_out}")
        if model.has_rows and not stacks and self._settings.max_batch_size is None:
            firsts = {t.name: t.symbols[0] for t in (*model.inputs, *model.outputs)}
            print(
                f"onnx: {name}: calls do not run together, as the file does not say that all first "
                f"dimensions are one ({firsts}); [wrapper] max_batch_size says so"
            )

    def schema(self) -> dict[str, Any]:
        """Return what is declared of the tensors."""
        return {"model": self._card}

    def warm_up(self) -> None:
        """Run zeros, of one row and, where that was said, of the most."""
        if not self._settings.warmup:
            return
        for rows in sorted({1, self._settings.max_batch_size or 1}):
            feed = {tensor.name: tensor.zeros(rows) for tensor in self._model.inputs}
            for _ in range(_WARM):
                self._warm_run(feed)

    def _warm_run(self, feed: dict[str, Any]) -> None:
        try:
            self._model.run(feed)
        except Exception as fault:
            if any(-1 in tensor.shape[1:] for tensor in self._model.inputs):
                print(f"onnx: warm-up left out, zeros of any size are not taken: {fault}")
                return
            raise

    def run(self, params: list[Any], requests: list[Any]) -> list[Any]:
        """Return for each call its outputs, or the exception that it ends with."""
        answers: list[Any] = [None] * len(requests)
        together: dict[Any, list[_Call]] = {}
        for place, request in enumerate(requests):
            try:
                call = self._read(place, request, params[place])
            except BadInput as fault:
                answers[place] = fault
                continue
            together.setdefault(call.alike, []).append(call)
        for calls in together.values():
            for group in self._groups(calls):
                self._answer(group, answers)
        for place, answer in enumerate(answers):
            if is_list(answer):
                answers[place] = self._written(params[place], answer)
        return answers

    def _read(self, place: int, request: Any, params: dict[str, Any]) -> _Call:
        nodes = request.list
        if not is_checked(params) or len(nodes) != len(self._inputs):
            self._check(nodes, params)
        feed: dict[str, Any] = {}
        for node in nodes:
            tensor = self._inputs.get(node.key)
            if tensor is None:  # The model has changed since the loader has looked.
                raise BadInput(f"unexpected inference input '{node.key}' for model '{self._name}'")
            feed[tensor.name] = tensor.read(node)
        if not self._most_rows:
            return _Call(place, feed, 0, place)
        shapes = [feed[name].shape for name in self._inputs]
        rows: int = shapes[0][0]
        return _Call(place, feed, rows, tuple(shape[1:] for shape in shapes) if rows else place)

    def _check(self, nodes: Any, params: dict[str, Any]) -> None:
        kinds = tuple([self._kind(node, params) for node in nodes])
        sizes = tuple([node.len for node in nodes])
        texts: list[bytes] = []
        if self._has_texts:
            is_text = [node.desc.get("datatype") == BYTES for node in nodes]
            texts = [node.data if own else _ELEMENT for node, own in zip(nodes, is_text)]
        self._checker.check(kinds, sizes, params, texts)

    def _kind(self, node: Any, params: dict[str, Any]) -> Kind:
        desc = node.desc
        datatype = desc.get("datatype")
        if datatype is not None:
            return node.key, datatype, shape_of(desc.get("shape", ""))
        # One string. Of the protocol the loader has made it of a tensor of that shape.
        tensor = self._inputs.get(node.key)
        if tensor is None or OIP in params:
            return node.key, BYTES, (1,)
        if tensor.datatype != BYTES:
            raise BadInput(
                f'input "{node.key}": expected {tensor.datatype}, got {node.len} bytes without a '
                "datatype"
            )
        return node.key, BYTES, (1,) * len(tensor.declared.shape)

    def _groups(self, calls: list[_Call]) -> list[list[_Call]]:
        groups: list[list[_Call]] = []
        room = 0
        for call in calls:
            if not groups or call.rows > room:
                groups.append([])
                room = self._most_rows
            groups[-1].append(call)
            room -= call.rows
        return groups

    def _answer(self, calls: list[_Call], answers: list[Any]) -> None:
        if len(calls) > 1 and self._run_together(calls, answers):
            return
        for call in calls:
            try:
                answers[call.place] = self._model.run(call.feed)
            except Exception as fault:
                answers[call.place] = fault

    def _run_together(self, calls: list[_Call], answers: list[Any]) -> bool:
        """Return False where one of the calls, or the model, does not allow it."""
        feed = {name: np.concatenate([call.feed[name] for call in calls]) for name in self._inputs}
        try:
            outputs = self._model.run(feed)
        except Exception:
            return False  # One by one, the call that is at fault has its own error.
        rows = sum(call.rows for call in calls)
        if any(output.shape[:1] != (rows,) for output in outputs):
            return False
        at = 0
        for call in calls:
            end = at + call.rows
            answers[call.place] = [output[at:end] for output in outputs]
            at = end
        return True

    def _written(self, params: dict[str, Any], outputs: list[Any]) -> Any:
        made = {t.name: t.written(array) for t, array in zip(self._model.outputs, outputs)}
        wanted = outputs_of(params)
        return {name: made[name] for name in wanted if name in made} if wanted else made
