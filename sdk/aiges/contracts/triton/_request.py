# SPDX-License-Identifier: Apache-2.0
"""Requests: those that come from clients, and those that a model makes for other models."""

from __future__ import annotations

import json
from typing import Any

from aiges.contracts._oip import OIP, outputs_of, said_of
from aiges.contracts.triton import _bls
from aiges.contracts.triton._errors import TritonModelException
from aiges.contracts.triton._response import json_of_parameters
from aiges.contracts.triton._tensor import Tensor

__all__ = ["InferenceRequest", "InferenceTrace", "PreferredMemory"]

RELEASE_ALL, RELEASE_RESCHEDULE = 1, 2
SEQUENCE_START, SEQUENCE_END = 1, 2
# Of the parameters of a request, those that say how it is served.
RESERVED = ("sequence_id", "sequence_start", "sequence_end", "priority", "timeout")
_HIDDEN = ("sid", "binary_data_output")


_MISSING: Any = object()  # Of an argument: it may be None, which is another mistake.


class PreferredMemory:
    """Where outputs of another model are to lie."""

    __slots__ = ("device_id", "kind")

    def __init__(self, preferred_memory_type: int, preferred_device_id: int = 0) -> None:
        if not isinstance(preferred_memory_type, int) or not isinstance(preferred_device_id, int):
            raise TypeError("expected a kind of memory and the number of a device")
        self.kind, self.device_id = preferred_memory_type, preferred_device_id


class InferenceTrace:
    """The trace that a request belongs to."""

    __slots__ = ("_context",)

    def __init__(self, context: str | None = None) -> None:
        self._context = context

    def get_context(self) -> str | None:
        """Return the text that names the trace, or None."""
        return self._context


class InferenceRequest:
    """One request. Of what a client has sent, each part is read when it is asked for."""

    __module__ = "c_python_backend_utils"  # As texts of errors name it.
    __slots__ = (
        "_answering",
        "_correlation_id",
        "_flags",
        "_host",
        "_inputs",
        "_model_name",
        "_model_version",
        "_oip",
        "_outputs",
        "_parameters",
        "_params",
        "_release",
        "_request_id",
        "_tag",
        "_timeout",
        "_trace",
        "preferred_memory",
    )

    _flags: int | None
    _host: Any
    _oip: dict[str, Any] | None
    _outputs: set[str] | None
    _parameters: str | None
    _params: Any  # Those of a client's call; None: the request is a model's.
    _answering: Any

    def __init__(
        self,
        request_id: str = "",
        correlation_id: int | str = 0,
        inputs: list[Tensor] = _MISSING,
        requested_output_names: list[str] = _MISSING,
        model_name: str = _MISSING,
        model_version: int = -1,
        flags: int = 0,
        timeout: int = 0,
        preferred_memory: PreferredMemory = _MISSING,
        trace: InferenceTrace = _MISSING,
        parameters: dict[str, bool | int | str] | None = None,
    ) -> None:
        memory = PreferredMemory(0) if preferred_memory is _MISSING else preferred_memory
        given = InferenceTrace() if trace is _MISSING else trace
        for name, value, kinds in (
            ("request_id", request_id, (str,)),
            ("correlation_id", correlation_id, (int, str)),
            ("inputs", inputs, (list, tuple)),
            ("requested_output_names", requested_output_names, (list, tuple, set)),
            ("model_name", model_name, (str,)),
            ("model_version", model_version, (int,)),
            ("flags", flags, (int,)),
            ("timeout", timeout, (int,)),
            ("preferred_memory", memory, (PreferredMemory,)),
            ("trace", given, (InferenceTrace,)),
        ):
            if not isinstance(value, kinds):
                expected = " or ".join(kind.__name__ for kind in kinds)
                got = "nothing" if value is _MISSING else type(value).__name__
                raise TypeError(f"InferenceRequest: {name}: expected {expected}, got {got}")
        if not all(isinstance(name, str) for name in requested_output_names):
            raise TypeError("InferenceRequest: requested_output_names: expected texts")
        for tensor in inputs:
            if tensor is None:  # pyright: ignore[reportUnnecessaryComparison] (of users)
                raise TritonModelException(
                    "Input tensor for request with id '" + request_id + "' should not be empty."
                )
            if not isinstance(tensor, Tensor):
                raise TypeError(
                    f"InferenceRequest: inputs: expected Tensor, got {type(tensor).__name__}"
                )
        self._parameters = json_of_parameters(parameters)
        self._request_id, self._correlation_id = request_id, correlation_id
        self._inputs, self._outputs = list(inputs), set(requested_output_names)
        self._model_name, self._model_version = model_name, model_version
        self._flags, self._timeout, self._trace = flags, timeout, given
        self.preferred_memory = memory
        self._host = self._params = self._oip = self._answering = None
        self._tag, self._release = "", RELEASE_ALL

    # --- of a client ---

    @classmethod
    def _of_call(cls, host: Any, tag: str, params: dict[str, str], inputs: Any) -> InferenceRequest:
        """Return the request that a call is. ``inputs``: its tensors."""
        made = cls.__new__(cls)
        made._host, made._tag, made._params, made._inputs = host, tag, params, inputs
        made._oip = made._answering = made._outputs = made._parameters = made._flags = None
        made._release = RELEASE_ALL
        return made

    def _said(self) -> dict[str, Any]:
        """Return what the protocol says beside the tensors: id, parameters, outputs."""
        oip = self._oip
        if oip is None:
            if self._params.get(OIP):
                oip = said_of(self._params)
            else:
                own = {k: v for k, v in self._params.items() if k[:1] != ":" and k not in _HIDDEN}
                oip = {"parameters": own}
            self._oip = oip
        return oip

    def _said_parameter(self, name: str) -> Any:
        return self._said().get("parameters", {}).get(name)

    # --- what models ask ---

    def inputs(self) -> list[Tensor]:
        """Return the tensors; an optional one that was not sent is not among them."""
        return list(self._inputs)

    def request_id(self) -> str:
        """Return the client's name for it, or nothing."""
        if self._params is None:
            return self._request_id
        return str(self._said().get("id") or "")

    def correlation_id(self) -> int | str:
        """Return which sequence it belongs to; 0: to none."""
        if self._params is None:
            return self._correlation_id
        return self._said_parameter("sequence_id") or 0

    def flags(self) -> int:
        """Return 1 where a sequence starts, 2 where one ends, 3 for both."""
        if self._flags is None:
            self._flags = (SEQUENCE_START if self._said_parameter("sequence_start") else 0) | (
                SEQUENCE_END if self._said_parameter("sequence_end") else 0
            )
        return self._flags

    def set_flags(self, flags: int) -> None:
        """Say where in a sequence it is."""
        self._flags = flags

    def timeout(self) -> int:
        """Return after how many microseconds the client does not want it; 0: not said."""
        if self._params is None:
            return self._timeout
        return int(self._said_parameter("timeout") or 0)

    def priority(self) -> int:
        """Return what the client says of its urgency; 0: nothing. Upstream has no such method."""
        return 0 if self._params is None else int(self._said_parameter("priority") or 0)

    def model_name(self) -> str:
        """Return which model it is for. Upstream has no such method."""
        return self._model_name if self._params is None else str(self._host.name)

    def model_version(self) -> int:
        """Return which version it is for; -1: as that model's policy says. Not upstream's."""
        return self._model_version if self._params is None else int(self._host.version)

    def parameters(self) -> str:
        """Return the parameters that are not the protocol's own, and passed headers, as JSON."""
        if self._parameters is None:
            said = self._said().get("parameters", {})
            own = {k: v for k, v in said.items() if k not in RESERVED and k not in _HIDDEN}
            for name, value in self._params.items():
                if value and name not in said and name[:1] != ":" and name not in _HIDDEN:
                    own[name] = value
            self._parameters = json.dumps(own, separators=(",", ":"), ensure_ascii=False)
        return self._parameters

    def requested_output_names(self) -> set[str]:
        """Return which outputs are wanted."""
        named = self._named_outputs()
        if named is None:
            return set(self._host.output_names)
        return set(named)

    def _named_outputs(self) -> set[str] | None:
        """Return the outputs that the client names; None: all."""
        if self._params is None or self._outputs:
            return self._outputs
        names = outputs_of(self._params)
        if not names:
            return None
        self._outputs = set(names)
        return self._outputs

    def trace(self) -> InferenceTrace:
        """Return the trace that it belongs to."""
        if self._params is None:
            return self._trace
        return InferenceTrace(self._params.get("traceparent"))

    # --- how it is answered ---

    def get_response_sender(self) -> Any:
        """Return what sends answers to it, from any thread."""
        if self._host is None:
            raise TritonModelException(
                "get_response_sender: expected a request that has come from a client"
            )
        return self._host.sender_of(self)

    def is_cancelled(self) -> bool:
        """Whether nobody waits for the answer any more."""
        return self._host is not None and bool(self._host.is_cancelled(self._tag))

    def set_release_flags(self, flags: int) -> None:
        """Say what becomes of it after execute: 1, it is done; 2, it runs once more."""
        if flags not in (RELEASE_ALL, RELEASE_RESCHEDULE):
            raise TritonModelException("Unable to set release flags. Unsupported flag provided.")
        self._release = flags

    def exec(self, decoupled: bool = False) -> Any:
        """Run it by the model that it names; errors are in the answer."""
        return _bls.run(self, decoupled)

    def async_exec(self, decoupled: bool = False) -> Any:
        """Return what is awaited for the same."""
        return _bls.run_async(self, decoupled)
