# SPDX-License-Identifier: Apache-2.0
"""The functions of pb_utils."""

from __future__ import annotations

from typing import Any

import numpy as np

from aiges.contracts.triton import _state
from aiges.contracts.triton._types import NUMBERS, dtype_of

__all__ = [
    "get_input_config_by_name",
    "get_input_tensor_by_name",
    "get_model_dir",
    "get_output_config_by_name",
    "get_output_tensor_by_name",
    "numpy_to_triton_type",
    "triton_string_to_numpy",
    "triton_to_numpy_type",
    "using_decoupled_model_transaction_policy",
]

_TO_NUMPY: dict[str, Any] = {
    f"TYPE_{name}": np.object_ if name == "STRING" else getattr(dtype_of(name), "type", None)
    for name in NUMBERS
    if name != "BF16"
}
_BY_NUMBER = {NUMBERS[name[5:]]: kind for name, kind in _TO_NUMPY.items()}
_BY_DTYPE = {kind: number for number, kind in _BY_NUMBER.items()}


def get_input_tensor_by_name(inference_request: Any, name: str) -> Any:
    """Return an input, or None."""
    for tensor in inference_request._inputs:
        if tensor._name == name:
            return tensor
    return None


def get_output_tensor_by_name(inference_response: Any, name: str) -> Any:
    """Return an output, or None."""
    for tensor in inference_response._outputs:
        if tensor._name == name:
            return tensor
    return None


def _config_by_name(model_config: dict[str, Any], kind: str, name: str) -> Any:
    for properties in model_config.get(kind, ()):
        if properties["name"] == name:
            return properties
    return None


def get_input_config_by_name(model_config: dict[str, Any], name: str) -> Any:
    """Return what the configuration says of an input, or None."""
    return _config_by_name(model_config, "input", name)


def get_output_config_by_name(model_config: dict[str, Any], name: str) -> Any:
    """Return what the configuration says of an output, or None."""
    return _config_by_name(model_config, "output", name)


def triton_to_numpy_type(data_type: int) -> Any:
    """Return numpy's type of a number; None for those that there are not."""
    return _BY_NUMBER.get(data_type)


def numpy_to_triton_type(data_type: Any) -> Any:
    """Return the number of numpy's type; None for those that there are not."""
    if isinstance(data_type, np.dtype):
        data_type = data_type.type
    if isinstance(data_type, type) and issubclass(data_type, np.bytes_):
        data_type = np.object_
    return _BY_DTYPE.get(data_type)


def triton_string_to_numpy(triton_type_string: str) -> Any:
    """Return numpy's type of a name as config.pbtxt has it. Raises KeyError."""
    return _TO_NUMPY[triton_type_string]


def using_decoupled_model_transaction_policy(model_config: dict[str, Any]) -> bool:
    """Whether requests may have any number of answers."""
    return bool(model_config.get("model_transaction_policy", {}).get("decoupled", False))


def get_model_dir() -> str:
    """Return the folder of the model's file."""
    return _state.version_folder
