# SPDX-License-Identifier: Apache-2.0
"""Calls of a model to other models, and what it may ask about them."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NoReturn

from aiges.contracts._oip import OIP, shape_of
from aiges.contracts.triton import _state
from aiges.contracts.triton._errors import TritonError, TritonModelException, error_of

__all__ = ["ResponseIterator", "is_model_ready", "load_model", "run", "run_async", "unload_model"]

_THREADS = 32
_PARAMETERS, _ERROR = ":parameters", ":error"
_pool: ThreadPoolExecutor | None = None
_lock = threading.Lock()


def _refusal(request: Any) -> str:
    if not _state.serving:
        return "BLS is only supported during the 'execute' function."
    if request._params is not None:
        return "exec: expected a request that the model has made, got one of a client"
    return ""


def _failed(error: TritonError) -> Any:
    from aiges.contracts.triton._response import InferenceResponse

    return InferenceResponse(error=error)


def _params_of(request: Any) -> dict[str, str]:
    said = json.loads(request._parameters)
    params = {
        key: value if isinstance(value, str) else json.dumps(value) for key, value in said.items()
    }
    if request._correlation_id:
        said["sequence_id"] = request._correlation_id
        said["sequence_start"], said["sequence_end"] = (
            bool(request._flags & 1),
            bool(request._flags & 2),
        )
    if request._timeout:
        said["timeout"] = request._timeout
    outputs = [{"name": name} for name in sorted(request._outputs)]
    oip = {"id": request._request_id, "parameters": said, "outputs": outputs}
    params[OIP] = json.dumps(oip, separators=(",", ":"), ensure_ascii=False)
    return params


def _arguments(request: Any) -> tuple[str, list[Any], dict[str, str], dict[str, Any]]:
    from aiges.contracts.triton._response import items_of_tensors

    options: dict[str, Any] = {}
    if request._model_version > 0:
        options["version"] = str(request._model_version)
    if request._timeout:
        options["timeout"] = request._timeout / 1e6
    return request._model_name, items_of_tensors(request._inputs), _params_of(request), options


def _field(item: Any, name: str) -> Any:
    return item.get(name) if isinstance(item, dict) else getattr(item, name, None)


def response_of(items: Any, wanted: set[str] | None = None) -> Any:
    """Return what came from another model as an answer."""
    from aiges.contracts.triton._response import InferenceResponse
    from aiges.contracts.triton._tensor import from_wire

    tensors, parameters = [], None
    for item in getattr(items, "list", items):
        key, data = _field(item, "key"), _field(item, "data")
        desc = _field(item, "desc") or {}
        if key == _PARAMETERS:
            parameters = json.loads(bytes(data))
        elif key == _ERROR:
            said = json.loads(bytes(data))
            return InferenceResponse(error=TritonError(said["message"], said["code"]))
        elif "datatype" in desc:
            tensors.append(from_wire(key, data, desc["datatype"], shape_of(desc.get("shape", ""))))
        elif len(data):
            own = bytes(data)
            tensors.append(from_wire(key, len(own).to_bytes(4, "little") + own, "BYTES", (1,)))
    unknown = wanted.difference(tensor._name for tensor in tensors) if wanted else ()
    for name in sorted(unknown):
        return InferenceResponse(
            error=TritonError(f"unexpected inference output '{name}'", TritonError.INVALID_ARG)
        )
    if isinstance(parameters, dict) and any(isinstance(v, float) for v in parameters.values()):
        return InferenceResponse(
            error=TritonError("expected response parameters of type bool, int or str, got a float")
        )
    return InferenceResponse(tensors, parameters=parameters or None)


def _caller_tag() -> str:
    runner = _state.runner
    return str(runner.caller_tag()) if runner is not None else ""


class _Named:
    """Tells the host on whose behalf this thread calls, where it does not know."""

    def __enter__(self) -> None:
        import aiges_embed

        self._host: Any = aiges_embed
        self._is_named = bool(self._host.current_tag())
        if not self._is_named:
            self._host._enter(_caller_tag())

    def __exit__(self, *_: Any) -> None:
        if not self._is_named:
            self._host._enter("")


def _function(name: str) -> Any:
    found = getattr(importlib.import_module("aiges"), name, None)
    if found is None:
        raise RuntimeError("this host cannot call other models")
    return found


def _not_ready(model: str, error: TritonError) -> TritonError:
    if error.code() in (TritonError.NOT_FOUND, TritonError.UNAVAILABLE):
        return TritonError(
            f"Failed for execute the inference request. Model '{model}' is not ready. "
            f"{error.message()}".rstrip(),
            error.code(),
        )
    return error


def run(request: Any, decoupled: bool) -> Any:
    """Run a request; return its answer, or what gives its answers one after the other."""
    if refusal := _refusal(request):
        failed = _failed(TritonError(refusal))
        return ResponseIterator(iter([failed])) if decoupled else failed
    if decoupled:
        return ResponseIterator(_answers(request))
    model, payloads, params, options = _arguments(request)
    try:
        with _Named():
            items = _function("call")(model, payloads, params, **options)
        return response_of(items, request._outputs)
    except Exception as fault:
        return _failed(_not_ready(model, error_of(fault)))


def _threads() -> ThreadPoolExecutor:
    global _pool
    with _lock:
        if _pool is None:
            _pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="bls")
        return _pool


def run_async(request: Any, decoupled: bool) -> Any:
    """Return what is awaited for the same. Raises RuntimeError outside of an event loop."""
    loop = asyncio.get_running_loop()
    return loop.run_in_executor(_threads(), run, request, decoupled)


class ResponseIterator:
    """The answers of a model that gives any number; can be gone through again at its end."""

    def __init__(self, answers: Iterator[Any]) -> None:
        self._rest = answers
        self._seen: list[Any] = []
        self._at = 0
        self._is_over = False

    def __iter__(self) -> ResponseIterator:
        if self._is_over and self._at == len(self._seen):
            self._at = 0
        return self

    def __next__(self) -> Any:
        if self._at == len(self._seen):
            if self._is_over:
                raise StopIteration
            try:
                self._seen.append(next(self._rest))
            except StopIteration:
                self._is_over = True
                raise
        self._at += 1
        return self._seen[self._at - 1]

    def cancel(self) -> None:
        """End it: what has not come is not wanted."""
        self._is_over = True
        close = getattr(self._rest, "close", None)
        if close is not None:
            with contextlib.suppress(ValueError):  # Another thread waits in it, and sees the end.
                close()


def _answers(request: Any) -> Iterator[Any]:
    model, payloads, params, options = _arguments(request)
    try:
        with _Named():
            batches = _function("stream")(model, payloads, params, **options)
        was_last = False
        for batch in batches:
            was_last = getattr(batches, "_over", True)
            yield response_of(batch)
        if not was_last:  # The final flag alone: an answer with nothing in it.
            yield response_of(())
    except Exception as fault:
        yield _failed(_not_ready(model, error_of(fault)))


def _refuse(name: str, model: object, instead: str) -> NoReturn:
    if not isinstance(model, str):
        raise TypeError(f"{name}: expected the name of a model, got {type(model).__name__}")
    raise TritonModelException(f"{name} of model '{model}': models cannot do that here; {instead}")


def load_model(name: str, config: str = "", files: dict[str, bytes] | None = None) -> None:
    """Raise TritonModelException: the host takes no orders from models."""
    _refuse(
        "load_model",
        name,
        "a call loads a model that is not loaded, and clients load it with a configuration and "
        f"files of its own: POST /v2/repository/models/{name}/load",
    )


def unload_model(name: str, unload_dependents: bool = False) -> None:
    """Raise TritonModelException: the host takes no orders from models."""
    _refuse(
        "unload_model",
        name,
        "[models] max_loaded, memory_mb and idle_unload_s in aiges.toml unload what is not used, "
        f"and clients do: POST /v2/repository/models/{name}/unload",
    )


def is_model_ready(name: str, version: str = "") -> bool:
    """Raise TritonModelException: the host tells models nothing of others but their answers."""
    _refuse(
        "is_model_ready",
        name,
        "call it: of one that is not ready the error says so, and one that is not loaded is "
        f"loaded. Clients ask GET /v2/models/{name}/ready",
    )
