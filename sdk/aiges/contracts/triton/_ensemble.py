# SPDX-License-Identifier: Apache-2.0
"""ensemble_scheduling: a model that is nothing but calls to others, step by step."""

from __future__ import annotations

from typing import Any

from aiges.contracts.triton._checks import ignored, validate
from aiges.contracts.triton._config import CONFIG, Config, normalised, read, to_dict
from aiges.contracts.triton._errors import LoadError, TritonError
from aiges.contracts.triton._logger import Logger
from aiges.contracts.triton._place import Place
from aiges.contracts.triton._request import InferenceRequest
from aiges.contracts.triton._response import InferenceResponse
from aiges.contracts.triton._tensor import Tensor, renamed

__all__ = ["Ensemble", "ensemble_config"]


def _check_one_way(name: str, steps: list[Config], config: Config) -> None:
    """Raise LoadError unless each tensor has one source, and there is a way to each output."""
    sources = {tensor["name"]: "the client" for tensor in config["input"]}
    for step in steps:
        for tensor in step["output_map"].values():
            if tensor in sources:
                raise LoadError(
                    f"ensemble '{name}': ensemble tensor '{tensor}' comes from {sources[tensor]} "
                    f"and from model '{step['model_name']}': expected one source"
                )
            sources[tensor] = f"model '{step['model_name']}'"
    wanted = {tensor: step["model_name"] for step in steps for tensor in step["input_map"].values()}
    for tensor, model in wanted.items():
        if tensor not in sources:
            raise LoadError(
                f"ensemble '{name}': ensemble tensor '{tensor}', an input of model '{model}', "
                "comes from nowhere: expected an input of the ensemble, or an output of a step"
            )
    for tensor in (each["name"] for each in config["output"]):
        if tensor not in sources:
            raise LoadError(f"ensemble '{name}': no step gives the ensemble output '{tensor}'")
    for tensor in (each["name"] for each in config["input"]):
        if tensor not in wanted:
            raise LoadError(f"ensemble '{name}': no step takes the ensemble input '{tensor}'")


def _ordered(name: str, steps: list[Config], config: Config) -> list[Config]:
    """Return the steps, each after those that it needs. Raises LoadError for a circle."""
    there = {tensor["name"] for tensor in config["input"]}
    ordered, rest = [], list(steps)
    while rest:
        ready = [step for step in rest if there.issuperset(step["input_map"].values())]
        if not ready:
            shown = ", ".join(step["model_name"] for step in rest)
            raise LoadError(f"ensemble '{name}': these steps wait for one another: {shown}")
        for step in ready:
            there.update(step["output_map"].values())
            rest.remove(step)
        ordered += ready
    return ordered


def _check_types(name: str, steps: list[Config], config: Config, place: Place) -> None:
    """Compare with the configurations of the steps' models, where these lie beside this one."""
    types = {each["name"]: each["data_type"] for each in (*config["input"], *config["output"])}
    for step in steps:
        model = step["model_name"]
        if "/" in model or model in ("", ".", ".."):
            raise LoadError(f"ensemble '{name}': expected the name of a model, got {model!r}")
        file = place.model.parent / model / CONFIG
        if not file.is_file():
            continue
        other = to_dict(read(file))
        if other.get("model_transaction_policy", {}).get("decoupled"):
            raise LoadError(
                f"ensemble '{name}': model '{model}' may give any number of answers, which is not "
                "served in a step"
            )
        for kind, pairs in (("input", step["input_map"]), ("output", step["output_map"])):
            declared = {each["name"]: each["data_type"] for each in other[kind]}
            for own, tensor in pairs.items():
                if not declared:
                    break  # The model's code says them.
                if own not in declared:
                    raise LoadError(f"ensemble '{name}': model '{model}' has no {kind} '{own}'")
                if types.setdefault(tensor, declared[own]) != declared[own]:
                    raise LoadError(
                        f"ensemble '{name}': inconsistent data type: ensemble tensor '{tensor}' is "
                        f"{types[tensor]}, {kind} '{own}' of model '{model}' is {declared[own]}"
                    )


def ensemble_config(message: Any, place: Place) -> Config:
    """Return the whole configuration, checked. Raises LoadError."""
    config = to_dict(normalised(message, place.name, is_python=False))
    name, steps = config["name"], config.get("ensemble_scheduling", {}).get("step", [])
    if not steps:
        raise LoadError(f"must specify 'step' in ensemble_scheduling for ensemble '{name}'")
    if config.get("model_transaction_policy", {}).get("decoupled"):
        raise LoadError("config.pbtxt: model_transaction_policy: not served for an ensemble")
    if not config["ensemble_scheduling"]["max_inflight_requests"]:
        del config["ensemble_scheduling"]["max_inflight_requests"]  # Of later versions only.
    for step in steps:
        if step["model_namespace"]:
            raise LoadError("config.pbtxt: ensemble_scheduling.step.model_namespace: not served")
        if step["model_name"] == name:
            raise LoadError(f"ensemble '{name}': a step is the ensemble itself")
    validate(config)
    _check_one_way(name, steps, config)
    _check_types(name, steps, config, place)
    config["ensemble_scheduling"]["step"] = _ordered(name, steps, config)
    for field in ignored(config):
        Logger.log_warn(f"config.pbtxt: {field} has no effect here")
    return config


class Ensemble:
    """Serves requests by its steps. Several at a time: it only waits for others."""

    is_async, is_concurrent = False, True

    def __init__(self, config: Config) -> None:
        self.instance = f"{config['name']}_0"
        self._name = config["name"]
        self._steps = config["ensemble_scheduling"]["step"]
        self._outputs = [each["name"] for each in config["output"]]

    def execute(self, requests: list[InferenceRequest]) -> list[InferenceResponse]:
        """Answer requests, one after the other."""
        return [self._run(request) for request in requests]

    def _run(self, request: InferenceRequest) -> InferenceResponse:
        there: dict[str, Tensor] = {tensor._name: tensor for tensor in request._inputs}
        for step in self._steps:
            answer = self._step(step, request, there)
            if answer._error is not None:
                return answer
            for tensor in answer._outputs:
                name = step["output_map"].get(tensor._name)
                if name is not None:
                    there[name] = renamed(tensor, name)
        missing = [name for name in self._outputs if name not in there]
        if missing and set(missing) & (request._named_outputs() or set(missing)):
            text = (
                f"in ensemble '{self._name}', no step has given the output '{missing[0]}' for this "
                "request"
            )
            return InferenceResponse(error=TritonError(text))
        return InferenceResponse([there[name] for name in self._outputs if name in there])

    def _step(
        self, step: Config, request: InferenceRequest, there: dict[str, Tensor]
    ) -> InferenceResponse:
        inputs = [
            renamed(there[tensor], own)
            for own, tensor in step["input_map"].items()
            if tensor in there
        ]
        call = InferenceRequest(
            request_id=request.request_id(),
            correlation_id=request.correlation_id(),
            inputs=inputs,
            requested_output_names=[],
            model_name=step["model_name"],
            model_version=step["model_version"] or -1,
            flags=request.flags(),
        )
        call._parameters = request.parameters()
        answer: InferenceResponse = call.exec()
        error = answer._error
        if error is not None:
            text = f"in ensemble '{self._name}', {error.message()}"
            return InferenceResponse(error=TritonError(text, error.code()))
        return answer

    def finalize(self) -> None:
        """Nothing is to be ended."""
