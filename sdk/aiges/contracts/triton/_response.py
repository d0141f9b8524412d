# SPDX-License-Identifier: Apache-2.0
"""Answers as models give them, and as the host takes them."""

from __future__ import annotations

import json
from typing import Any

from aiges.contracts.triton._errors import TritonError, TritonModelException
from aiges.contracts.triton._tensor import Tensor, wire_of

__all__ = [
    "ONCE",
    "InferenceResponse",
    "items_of",
    "items_of_tensors",
    "json_of_parameters",
    "results_of",
]

BEGIN, MORE, LAST, ONCE = 0, 1, 2, 3  # Where in a stream: DataStatus of include/aiges/type.h.
_OTHER, _TEXT = 4, 0
PARAMETERS = ":parameters"


def json_of_parameters(parameters: Any) -> str:
    """Return them as JSON. Raises TritonModelException for what they cannot be."""
    if parameters is None:
        return "{}"
    if not isinstance(parameters, dict):
        raise TypeError(f"parameters: expected a dict, got {type(parameters).__name__}")
    for key, value in parameters.items():
        if not isinstance(key, str):
            raise TritonModelException(
                f"Expect parameters keys to have type str, found type {type(key)}"
            )
        if not isinstance(value, (bool, int, str)):
            raise TritonModelException(
                f"Expect parameters values to have type bool/int/str, found type {type(value)}"
            )
    return json.dumps(parameters, separators=(",", ":"), ensure_ascii=False)


class InferenceResponse:
    """Output tensors, or an error; and parameters."""

    __module__ = "c_python_backend_utils"  # As texts of errors name it.
    __slots__ = ("_error", "_outputs", "_parameters")

    def __init__(
        self,
        output_tensors: list[Tensor] = [],  # noqa: B006 (never written)
        error: TritonError | None = None,
        parameters: dict[str, bool | int | str] | None = None,
    ) -> None:
        if type(output_tensors) is not list and not isinstance(output_tensors, (list, tuple)):
            raise TypeError(f"output_tensors: expected a list, got {type(output_tensors).__name__}")
        for tensor in output_tensors:
            if type(tensor) is not Tensor:
                if tensor is None:  # pyright: ignore[reportUnnecessaryComparison] (of users)
                    raise TritonModelException(
                        "Output tensor for inference response should not be empty."
                    )
                raise TypeError(f"output_tensors: expected Tensor, got {type(tensor).__name__}")
        if error is not None and not isinstance(error, TritonError):
            raise TypeError(f"error: expected a TritonError, got {type(error).__name__}")
        self._outputs, self._error = output_tensors, error
        self._parameters = "" if parameters is None else json_of_parameters(parameters)

    def output_tensors(self) -> list[Tensor]:
        """Return the outputs."""
        return list(self._outputs)

    def has_error(self) -> bool:
        """Whether it failed."""
        return self._error is not None

    def error(self) -> TritonError | None:
        """Return why."""
        return self._error

    def parameters(self) -> str:
        """Return the parameters as JSON."""
        return self._parameters or "{}"


_descs: dict[tuple[str, tuple[int, ...]], dict[str, str]] = {}
_MOST_DESCS = 4096


def _desc_of(datatype: str, shape: tuple[int, ...]) -> dict[str, str]:
    key = datatype, shape
    found = _descs.get(key)
    if found is None:
        if len(_descs) >= _MOST_DESCS:
            _descs.clear()
        found = {"datatype": datatype, "shape": ",".join(map(str, shape))}
        _descs[key] = found
    return found


def item(key: str, data: Any, size: int, status: int, desc: Any = None) -> dict[str, Any]:
    """Return one payload, as hooks give it."""
    return {
        "key": key,
        "data": data,
        "len": size,
        "type": _OTHER if desc else _TEXT,
        "status": status,
        "desc": desc,
    }


def items_of_tensors(tensors: list[Tensor]) -> list[dict[str, Any]]:
    """Return the payloads that tensors are."""
    return items_of(InferenceResponse(tensors), None, None)


def results_of(response: InferenceResponse, wanted: Any, reshapes: Any) -> list[Any]:
    """Return the payloads of the one answer to a call; those that are arrays by name alone.

    The host takes arrays as they are, and says type and shape itself.
    """
    if reshapes or response._parameters:
        return items_of(response, wanted, reshapes)
    made: list[Any] = []
    for tensor in response._outputs:
        if wanted is None or tensor._name in wanted:
            datatype = tensor._datatype
            if tensor._array is not None and datatype != "BYTES" and datatype != "BF16":
                made.append((tensor._name, tensor._array))
            else:
                made += items_of(InferenceResponse([tensor]), None, None)
    return made


def items_of(
    response: InferenceResponse, wanted: Any, reshapes: Any, status: int = ONCE
) -> list[dict[str, Any]]:
    """Return the payloads of an answer. ``wanted``: names of outputs, None for all."""
    made = []
    for tensor in response._outputs:
        name = tensor._name
        if wanted is not None and name not in wanted:
            continue
        data, datatype, shape = wire_of(tensor)
        if reshapes and name in reshapes:
            shape = reshapes[name](shape)
            data = data if type(data) is bytes else data.reshape(shape)
        size = len(data) if type(data) is bytes else data.nbytes  # pyright: ignore
        made.append(item(name, data, size, status, _desc_of(datatype, shape)))
    if response._parameters:
        text = response._parameters.encode()
        made.append(item(PARAMETERS, text, len(text), status))
    return made
