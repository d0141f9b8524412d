# SPDX-License-Identifier: Apache-2.0
"""What a configuration must say, and what it may not say here.

A field that would change answers and is not served refuses the load by its name. What only makes
things quicker, or only says how a server of several models shares a machine, is taken and has no
effect.
"""

from __future__ import annotations

import math
from typing import Any

from aiges.contracts.triton._config import Config
from aiges.contracts.triton._errors import LoadError

__all__ = ["ignored", "validate"]


def _refuse(field: str, why: str = "it is not served here") -> None:
    raise LoadError(f"config.pbtxt: {field}: {why}")


def _check_dims(what: str, tensor: Config) -> None:
    if not tensor["dims"]:
        raise LoadError(f"{what} must specify 'dims'")
    for dim in tensor["dims"]:
        if dim < -1 or dim == 0:
            raise LoadError(
                f"{what} dimension must be integer >= 1, or -1 to indicate a variable-size "
                f"dimension, got {dim}"
            )


def _check_reshape(what: str, tensor: Config, batched: bool) -> None:
    if "reshape" not in tensor:
        return
    shape, dims = tensor["reshape"]["shape"], tensor["dims"]
    if not shape and not (batched and dims == [1]):
        raise LoadError(
            f"{what} cannot have empty reshape for non-batching model as scalar tensors are not "
            "supported"
            if not batched
            else f"{what} has different size for dims and reshape"
        )
    if any(dim < -1 or dim == 0 for dim in shape):
        raise LoadError(f"{what} reshape dimensions must be integer >= 1, or -1")
    if shape.count(-1) != dims.count(-1):
        raise LoadError(f"{what} has different number of variable dimensions for dims and reshape")
    if -1 not in dims and math.prod(shape) != math.prod(dims):
        raise LoadError(f"{what} has different size for dims and reshape")


def _check_tensors(config: Config) -> None:
    batched = config["max_batch_size"] > 0
    for kind in ("input", "output"):
        names = set()
        for tensor in config[kind]:
            name = tensor["name"]
            if not name:
                raise LoadError(f"model {kind} must specify 'name'")
            if name in names:
                raise LoadError(f"model {kind} '{name}' is there twice: expected one of a name")
            names.add(name)
            if tensor["data_type"] == "TYPE_INVALID":
                raise LoadError(f"model {kind} '{name}' must specify 'data_type'")
            what = f"model {kind} '{name}'"
            _check_dims(what, tensor)
            _check_reshape(what, tensor, batched)
            for flag in ("is_shape_tensor", "is_non_linear_format_io"):
                if tensor.get(flag):
                    _refuse(f"{kind} '{name}'.{flag}")
        if not names:
            raise LoadError(
                f"model configuration must contain at least one {kind}, none were specified: name "
                "them in config.pbtxt or in auto_complete_config"
            )


def _check_batching(batching: Config, config: Config) -> None:
    if batching["priority_levels"] or batching["priority_queue_policy"]:
        _refuse("dynamic_batching.priority_levels")
    policy = batching.get("default_queue_policy", {})
    for field in ("default_timeout_microseconds", "max_queue_size"):
        if policy.get(field):
            _refuse(
                f"dynamic_batching.default_queue_policy.{field}",
                "it is not read here: set [queue] in aiges.toml",
            )
    for size in batching["preferred_batch_size"]:
        if not 0 < size <= max(config["max_batch_size"], 1):
            raise LoadError(
                f"dynamic batching preferred size must be positive and <= max batch size for "
                f"{config['name']}, got {size}"
            )


_CONTROL_TYPES = ("TYPE_UINT64", "TYPE_INT64", "TYPE_UINT32", "TYPE_INT32", "TYPE_STRING")


def _check_sequences(batching: Config, config: Config) -> None:
    if batching["state"]:
        _refuse(
            "sequence_batching.state",
            "models in Python get no implicit state: keep it in the model, by correlation_id()",
        )
    for control_input in batching["control_input"]:
        name = control_input["name"]
        if not name or not control_input["control"]:
            raise LoadError("sequence batching control tensor must have a name and a control")
        for control in control_input["control"]:
            pairs = [
                pair
                for pair in ("int32_false_true", "fp32_false_true", "bool_false_true")
                if control[pair]
            ]
            if control["kind"] == "CONTROL_SEQUENCE_CORRID":
                if control["data_type"] not in _CONTROL_TYPES:
                    raise LoadError(
                        f"unexpected data type for control tensor '{name}': expected one of "
                        f"{', '.join(_CONTROL_TYPES)}, got {control['data_type']}"
                    )
            elif len(pairs) != 1 or len(control[pairs[0]]) != 2:
                raise LoadError(
                    f"sequence batching control tensor '{name}' must specify one of "
                    "int32_false_true, fp32_false_true and bool_false_true, with two values"
                )
    groups = config["instance_group"]
    if len(groups) > 1 or groups[0]["count"] > 1 or len(groups[0]["gpus"]) > 1:
        _refuse(
            "sequence_batching",
            "expected one instance: requests of a sequence are not kept on one of several",
        )


def _check_parameters(parameters: dict[str, Any]) -> None:
    force = parameters.get("FORCE_CPU_ONLY_INPUT_TENSORS", {}).get("string_value", "yes")
    if force not in ("yes", "no"):
        raise LoadError(
            "Incorrect value for FORCE_CPU_ONLY_INPUT_TENSORS: "
            f"{force}. Supported values are 'yes' and 'no'."
        )
    if "TRITON_BATCH_STRATEGY_PATH" in parameters:
        _refuse("parameters.TRITON_BATCH_STRATEGY_PATH")


def validate(config: Config) -> None:
    """Raise LoadError where a complete configuration is wrong, or asks for what is not served."""
    is_ensemble = config["platform"] == "ensemble"
    if not is_ensemble and (config["backend"] != "python" or config["platform"]):
        field = "platform" if config["platform"] else "backend"
        _refuse(field, f'expected backend "python", got {field} "{config[field]}"')
    if config["max_batch_size"] < 0:
        raise LoadError("'max_batch_size' must be non-negative value for " + config["name"])
    _check_tensors(config)
    for field in ("batch_input", "batch_output", "runtime"):
        if config[field]:
            _refuse(field)
    if config.get("model_operations", {}).get("op_library_filename"):
        _refuse("model_operations")
    if config.get("model_repository_agents", {}).get("agents"):
        _refuse("model_repository_agents")
    if any(group["passive"] for group in config["instance_group"]):
        _refuse("instance_group.passive")
    _check_parameters(config["parameters"])
    if "dynamic_batching" in config:
        _check_batching(config["dynamic_batching"], config)
    if "sequence_batching" in config:
        _check_sequences(config["sequence_batching"], config)


def ignored(config: Config) -> list[str]:
    """Return the fields that are said and have no effect here."""
    found = []
    if config.get("response_cache", {}).get("enable"):
        found.append("response_cache")
    batching = config.get("dynamic_batching", {})
    if batching.get("preferred_batch_size", []) not in ([], [config["max_batch_size"]]):
        found.append("dynamic_batching.preferred_batch_size")
    if batching.get("preserve_ordering"):
        found.append("dynamic_batching.preserve_ordering")
    optimization = config.get("optimization", {})
    for field in ("graph", "cuda", "execution_accelerators"):
        if field in optimization:
            found.append(f"optimization.{field}")
    if optimization.get("priority", "PRIORITY_DEFAULT") != "PRIORITY_DEFAULT":
        found.append("optimization.priority")
    if config.get("ensemble_scheduling", {}).get("max_inflight_requests"):
        found.append("ensemble_scheduling.max_inflight_requests")
    for group in config["instance_group"]:
        for field in ("rate_limiter", "secondary_devices", "profile", "host_policy"):
            if group.get(field):
                found.append(f"instance_group.{field}")
    for field in ("metric_tags", "model_metrics", "cc_model_filenames"):
        if config.get(field):
            found.append(field)
    return found
