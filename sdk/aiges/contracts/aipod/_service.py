# SPDX-License-Identifier: Apache-2.0
"""The methods of ``ai.AI``, whatever carries them.

A call is answered by its :class:`Reply`, by the thread that serves it or later by another one.
"""

from __future__ import annotations

import functools
import inspect
import logging
from typing import Any, Callable, Protocol

from aiges.contracts.aipod._data import decode, encode
from aiges.contracts.aipod._disk import Disk
from aiges.contracts.aipod._pool import Entry, Pool
from aiges.contracts.aipod._trainings import TrainingCancelled, Trainings
from aiges.contracts.aipod._versions import DEFAULT, version_problem

__all__ = ["CODES", "Reply", "Service", "takes_binary_data"]

_LOG = logging.getLogger("aiges.aipod")
CODES = {
    "CANCELLED": 1,
    "UNKNOWN": 2,
    "INVALID_ARGUMENT": 3,
    "RESOURCE_EXHAUSTED": 8,
    "FAILED_PRECONDITION": 9,
    "UNAVAILABLE": 14,
}
_TRUE, _FALSE = encode({"result": True}), encode({"result": False})


class Reply(Protocol):
    """Where the one answer of a call goes. Of those whose client has left it is dropped."""

    def answer(self, data_json: bytes) -> None:
        """Answer it."""

    def refuse(self, code: int, text: str, fault: BaseException | None = None) -> None:
        """Answer with an error; ``fault`` is what the user's code has raised."""

    def detach(self) -> None:
        """Give the call's place with the host back as soon as the client has left."""

    @property
    def gone(self) -> bool:
        """Whether nobody waits for it."""
        ...


def takes_binary_data(function: Any) -> bool:
    """Whether a method takes ``binary_data``; of what cannot be told, it does."""
    try:
        parameters = inspect.signature(function).parameters
    except (TypeError, ValueError):
        return True
    kinds = {parameter.kind for parameter in parameters.values()}
    named = parameters.get("binary_data")
    return inspect.Parameter.VAR_KEYWORD in kinds or (
        named is not None and named.kind is not inspect.Parameter.POSITIONAL_ONLY
    )


class Service:
    """Serves one class of models."""

    def __init__(
        self, model_class: Any, pool: Pool, disk: Disk, trainings: Trainings, debug: bool
    ) -> None:
        self._pool, self._disk, self._trainings, self._debug = pool, disk, trainings, debug
        self._bare = {
            name: takes_binary_data(getattr(model_class, name, None)) is False
            for name in ("train", "predict", "log")
        }
        self._methods: dict[str, Callable[[str, bytes, bytes, Reply], None]] = {
            "initialize": self._initialize,
            "train": self._train,
            "predict": functools.partial(self._call, "predict"),
            "log": functools.partial(self._call, "log"),
            "cancel": self._cancel,
        }

    def serve(
        self, method: str, version: str, kwargs_json: bytes, binary_data: bytes, reply: Reply
    ) -> None:
        """Serve a call; ``method`` is one of METHODS."""
        version = version or DEFAULT
        problem = version_problem(version)
        if problem:
            reply.refuse(CODES["INVALID_ARGUMENT"], problem)
            return
        try:
            self._methods[method](version, kwargs_json, binary_data, reply)
        except BaseException as fault:  # Of the disk, say.
            self._fail(reply, method, version, fault)

    # --- predict and log ---

    def _call(
        self, method: str, version: str, kwargs_json: bytes, binary_data: bytes, reply: Reply
    ) -> None:
        kwargs = self._kwargs(method, kwargs_json, binary_data, reply)
        if kwargs is None:
            return
        entry = self._pool.find(version)
        if entry is None:
            then = functools.partial(self._call_later, method, kwargs, reply)
            entry = self._pool.take(version, then)
        if entry is not None:
            self._call_now(method, kwargs, reply, entry)

    def _call_now(self, method: str, kwargs: Any, reply: Reply, entry: Entry) -> None:
        try:
            data = encode(getattr(entry.model, method)(**kwargs))
        except BaseException as fault:
            self._fail(reply, method, entry.version, fault)
        else:
            reply.answer(data)
        finally:
            self._pool.give(entry)  # Now: it may dispose of the instance, which takes its time.

    def _call_later(
        self,
        method: str,
        kwargs: Any,
        reply: Reply,
        entry: Entry | None,
        fault: BaseException | None,
    ) -> None:
        if entry is None:
            self._fail(reply, method, "", fault)
        elif reply.gone:
            self._pool.give(entry)
            reply.refuse(CODES["CANCELLED"], "")
        else:
            self._call_now(method, kwargs, reply, entry)

    def _kwargs(self, method: str, kwargs_json: bytes, binary_data: bytes, reply: Reply) -> Any:
        """Return what the method is called with; None: the call has been refused."""
        try:
            kwargs = decode(kwargs_json)
            # Of what is no object this says what it always said.
            kwargs.update(binary_data=binary_data)
        except Exception as fault:
            reply.refuse(CODES["UNKNOWN"], self._text_of(fault))
            return None
        if not binary_data and self._bare[method]:
            del kwargs["binary_data"]
        return kwargs

    # --- initialize ---

    def _initialize(self, version: str, kwargs_json: bytes, _data: bytes, reply: Reply) -> None:
        then = functools.partial(self._initialize_later, kwargs_json, reply)
        entry = self._pool.take(version, then)
        if entry is not None:
            then(entry, None)

    def _initialize_later(
        self, kwargs_json: bytes, reply: Reply, entry: Entry | None, fault: BaseException | None
    ) -> None:
        if entry is None:
            self._fail(reply, "initialize", "", fault)
            return
        try:
            # Only who runs holds it: what waits for a thread never makes another one wait.
            held = self._disk.hold(entry.version, "initialize")
            if held is None:
                text = (
                    f"version {entry.version!r} is being trained: cancel that, or wait for its end"
                )
                reply.refuse(CODES["FAILED_PRECONDITION"], text)
                return
            try:
                entry.model.initialize(**decode(kwargs_json))
                self._pool.renew(entry, self._disk.raise_generation(entry.version))
            finally:
                held.free()
            reply.answer(_TRUE)
        except BaseException as raised:
            self._fail(reply, "initialize", entry.version, raised)
        finally:
            self._pool.give(entry)

    # --- train and cancel ---

    def _train(self, version: str, kwargs_json: bytes, binary_data: bytes, reply: Reply) -> None:
        kwargs = self._kwargs("train", kwargs_json, binary_data, reply)
        if kwargs is None:
            return
        reply.detach()
        tell = functools.partial(self._tell_trained, reply, version)
        problem = self._trainings.start(version, kwargs, lambda: not reply.gone, tell)
        if problem:
            name, _, text = problem.partition(": ")
            reply.refuse(CODES[name], text)

    def _cancel(self, version: str, _kwargs: bytes, _data: bytes, reply: Reply) -> None:
        reply.answer(_TRUE if self._trainings.cancel(version) else _FALSE)

    def _tell_trained(
        self, reply: Reply, version: str, result: Any, fault: BaseException | None
    ) -> None:
        if isinstance(fault, TrainingCancelled):
            reply.refuse(CODES["CANCELLED"], str(fault))
            return
        if fault is None:
            try:
                data = encode(result)  # After the instance has gone, as clients know it.
            except Exception as raised:
                fault = raised
            else:
                reply.answer(data)
                return
        self._fail(reply, "train", version, fault)

    # --- errors ---

    def _fail(self, reply: Reply, method: str, version: str, fault: BaseException | None) -> None:
        """Answer what the user's code has raised; the cause is in the log."""
        if fault is None:
            return
        what = type(fault).__name__
        _LOG.error("%s of version %r raised %s", method, version, what, exc_info=fault)
        reply.refuse(CODES["UNKNOWN"], self._text_of(fault), fault)

    def _text_of(self, fault: BaseException) -> str:
        what = f"{type(fault).__name__}: " if self._debug else ""
        try:
            return f"Exception calling application: {what}{fault}"
        except Exception:
            return "Calling application raised unprintable Exception!"
