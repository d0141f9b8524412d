# SPDX-License-Identifier: Apache-2.0
"""Calls, given to the model: several in one list where the configuration allows, one at a time."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import traceback
import weakref
from pathlib import Path
from typing import Any

import aiges_embed

from aiges.contracts.triton._card import card_of, reshapes_of
from aiges.contracts.triton._config import Config
from aiges.contracts.triton._errors import (
    EngineFault,
    TritonError,
    WrongUse,
    failed_text,
    host_error,
)
from aiges.contracts.triton._groups import Groups
from aiges.contracts.triton._inputs import Inputs
from aiges.contracts.triton._request import RELEASE_RESCHEDULE, InferenceRequest
from aiges.contracts.triton._response import InferenceResponse, results_of
from aiges.contracts.triton._sender import FINAL, InferenceResponseSender, Single, Stream

__all__ = ["Runner"]

host: Any = aiges_embed
_MOST_ROUNDS = 1 << 20  # Of a request that is rescheduled again and again.


class Runner:
    """One instance of a model. ``user``: a UserModel, or an Ensemble."""

    def __init__(self, config: Config, version: str, folder: Path, user: Any) -> None:
        self.name, self.version, self.user = config["name"], version, user
        self.card = card_of(config, folder)
        self.decoupled: bool = self.card["decoupled"]
        self.output_names = [tensor["name"] for tensor in config["output"]]
        self.inputs = Inputs(config)
        self._groups = Groups(config, self.inputs.declared)
        self._reshapes = reshapes_of(config)[1]
        self._iterative = config.get("sequence_batching", {}).get("iterative_sequence", False)
        # Of execute: one at a time, but of an ensemble, which has no code of the user's.
        concurrent = getattr(user, "is_concurrent", False)
        self._lock: Any = contextlib.nullcontext() if concurrent else threading.Lock()
        self._own = threading.local()  # What this thread runs.
        self.current: list[InferenceRequest] = []  # What execute has now.
        self.open: dict[str, Any] = {}  # Sessions, by their tags.

    @staticmethod
    def is_cancelled(tag: str) -> bool:
        """Whether nobody waits for a call any more."""
        return bool(tag) and bool(host.call_state(tag)[0])

    def caller_tag(self) -> str:
        """Return the call on whose behalf the model calls others; empty where it may be any."""
        own = getattr(self._own, "tag", "") or (self.current[0]._tag if self.current else "")
        if own:
            return own
        return next(iter(self.open)) if len(self.open) == 1 else ""

    # --- requests ---

    def request(self, tag: str, params: dict[str, str], data: Any) -> InferenceRequest:
        """Return a call as a request. Raises BadInput."""
        request = InferenceRequest._of_call(self, tag, params, self.inputs.read(data, params))
        if self._groups.controls:
            self._groups.controls.add(request)
        return request

    def sender_of(self, request: InferenceRequest) -> InferenceResponseSender:
        """Return the sender of a request: the same one for as long as a model holds it."""
        answering = self.answering_of(request)
        sender = answering.sender() if answering.sender is not None else None
        if sender is None:
            sender = InferenceResponseSender(request, answering)
            answering.sender = weakref.ref(sender)
        return sender

    def answering_of(self, request: InferenceRequest) -> Any:
        """Return where answers to a request go, made where there is nothing yet."""
        answering = request._answering
        if answering is None:
            answering = request._answering = Single(request._tag)
        return answering

    # --- once calls ---

    def batch(self, params: list[dict[str, str]], data: list[Any], tags: list[str]) -> list[Any]:
        """Return for each call its payloads, or the exception that it fails with."""
        results: list[Any] = [None] * len(tags)
        requests: list[tuple[int, InferenceRequest]] = []
        for at, tag in enumerate(tags):
            try:
                requests.append((at, self.request(tag, params[at], data[at])))
            except Exception as fault:
                results[at] = fault
        for group in self._groups.of(requests):
            answers = self.answers([request for _, request in group])
            for (at, request), answer in zip(group, answers):
                results[at] = self.result_of(request, answer)
        return results

    def result_of(self, request: InferenceRequest, answer: Any) -> Any:
        if not isinstance(answer, InferenceResponse):
            return answer
        if answer._error is not None:
            return host_error(answer._error)
        try:
            made = results_of(answer, request._named_outputs(), self._reshapes)
        except Exception as fault:
            return EngineFault(str(fault))
        # An answer without outputs is one, too.
        return made or [{"key": ":parameters", "data": b"{}", "len": 2, "type": 0, "status": 3}]

    def answers(self, requests: list[InferenceRequest], *, any_number: bool = False) -> list[Any]:
        """Run requests as one list; return for each its InferenceResponse, or an exception.

        A decoupled model gets each alone. ``any_number``: not one answer is wanted of it but all,
        of which the last one or an error is returned.
        """
        if self.decoupled:
            kind = _Last if any_number else _Only
            return [self._only(request, kind(request._tag)) for request in requests]
        try:
            with self._lock:
                self.current, self._own.tag = requests, requests[0]._tag
                try:
                    responses = self.user.execute(requests)
                    if self.user.is_async:
                        responses = self.user.begin(responses).result()
                    rounds = 0
                    while self._iterative and self._rescheduled(requests, responses):
                        rounds += 1
                        if rounds == _MOST_ROUNDS:
                            raise RuntimeError("rescheduled without end")
                        responses = self._again(requests, responses)
                finally:
                    self.current, self._own.tag = [], ""
            return self._taken(requests, responses)
        except Exception as fault:
            return self._failed(requests, fault)

    def _failed(self, requests: list[InferenceRequest], fault: Exception) -> list[Any]:
        traceback.print_exception(type(fault), fault, fault.__traceback__)
        text = failed_text(self.user.instance, fault)
        for request in requests:
            if request._answering is not None:
                request._answering.close()
        return [InferenceResponse(error=TritonError(text)) for _ in requests]

    def _taken(self, requests: list[InferenceRequest], responses: Any) -> list[Any]:
        if type(responses) is not list:
            if responses is None and all(request._answering for request in requests):
                responses = [None] * len(requests)
            else:
                raise WrongUse(
                    f"Expected a list in the execute return, found type '{type(responses)}'."
                )
        if len(responses) != len(requests):
            raise WrongUse(
                "Number of InferenceResponse objects do not match the number of InferenceRequest "
                f"objects. InferenceRequest(s) size is:{len(requests)}, and InferenceResponse(s) "
                f"size is:{len(responses)}\n"
            )
        for request, response in zip(requests, responses):
            if type(response) is not InferenceResponse:
                self._check_response(request, response)
            if request._release == RELEASE_RESCHEDULE and response is not None:
                raise WrongUse(
                    "Expected a None object in the execute function return list for reschduled "
                    f"request, found type '{type(response)}'."
                )
            answering = request._answering
            if answering is not None and response is not None:
                answering.send(response, FINAL)
        return [
            response if response is not None else self._awaited(request)
            for request, response in zip(requests, responses)
        ]

    @staticmethod
    def _check_response(request: InferenceRequest, response: Any) -> None:
        if response is not None:
            raise WrongUse(
                "Expected an 'InferenceResponse' object in the execute function return list, "
                f"found type '{type(response)}'."
            )

    def _awaited(self, request: InferenceRequest) -> InferenceResponse:
        answering = request._answering
        if answering is None:
            text = "execute returned None for a request that no response sender was taken of"
            return InferenceResponse(error=TritonError(text))
        answered: InferenceResponse = answering.wait()
        return answered

    # --- rescheduled requests ---

    def _rescheduled(self, requests: list[InferenceRequest], responses: Any) -> bool:
        return type(responses) is list and any(
            request._release == RELEASE_RESCHEDULE and response is None
            for request, response in zip(requests, responses)
        )

    def _again(self, requests: list[InferenceRequest], responses: list[Any]) -> list[Any]:
        """Run once more those that ask for it; return all answers, old and new."""
        answers = list(responses)
        places = []
        for at, request in enumerate(requests):
            if request._release == RELEASE_RESCHEDULE and responses[at] is None:
                request._release = 1
                if self.is_cancelled(request._tag):
                    text = "nobody waits for the answer any more"
                    answers[at] = InferenceResponse(error=TritonError(text, TritonError.CANCELLED))
                else:
                    places.append(at)
        for at in places:  # One after the other, as a sequence's slot has them.
            got = self.user.execute([requests[at]])
            if self.user.is_async:
                got = self.user.begin(got).result()
            if type(got) is not list or len(got) != 1:
                raise WrongUse(f"Expected a list in the execute return, found type '{type(got)}'.")
            answers[at] = got[0]
        return answers

    # --- models with any number of answers ---

    def stream(self, request: InferenceRequest, on_end: Any) -> Stream:
        """Begin a request whose answers go to its session."""
        stream = Stream(request._tag, request, self._reshapes, on_end)
        request._answering = stream
        self._begin(request, stream)
        return stream

    def _begin(self, request: InferenceRequest, answering: Any) -> None:
        try:
            with self._lock:
                self.current = [request]
                try:
                    returned = self.user.execute([request])
                finally:
                    self.current = []
            if asyncio.iscoroutine(returned):
                self._follow(request, answering, self.user.begin(returned))
                return
            self._check_none(returned)
        except Exception as fault:
            self._fail(answering, fault)
            return
        self._after(request, answering)

    def _check_none(self, returned: Any) -> None:
        if returned is not None:
            raise WrongUse(
                f"Python model '{self.user.instance}' is using the decoupled mode and the execute "
                "function must return None."
            )

    def _after(self, request: InferenceRequest, answering: Any) -> None:
        """See what becomes of a request that execute has returned from."""
        if request._release == RELEASE_RESCHEDULE and answering.is_open:
            request._release = 1
            self._begin(request, answering)
        elif answering.sender is None:
            answering.drop()  # Nobody can answer it.

    def _follow(self, request: InferenceRequest, answering: Any, future: Any) -> None:
        def done(finished: Any) -> None:
            fault = finished.exception()
            if fault is not None:
                self._fail(answering, fault)
            else:
                self._after(request, answering)

        future.add_done_callback(done)

    def _fail(self, answering: Any, fault: BaseException) -> None:
        traceback.print_exception(type(fault), fault, fault.__traceback__)
        answering.fail(EngineFault(failed_text(self.user.instance, fault)))

    def _only(self, request: InferenceRequest, only: _Only) -> InferenceResponse:
        """Return the one answer of a model that may give any number."""
        request._answering = only
        self._begin(request, only)
        return only.wait()


class _Only(Single):
    """The one answer of a decoupled model to a once call."""

    def send(self, response: InferenceResponse | None, flags: int) -> None:
        with self._changed:
            if self._closed:
                super().send(response, flags)
            more = response is not None and self._kept is not None
            if more or (flags == FINAL and response is None and self._kept is None):
                text = "expected one answer of a model that may give any number, got "
                text += "more: use a stream" if more else "none"
                self._kept = InferenceResponse(error=TritonError(text, TritonError.UNSUPPORTED))
            elif response is not None:
                self._kept = response
            if flags == FINAL or more:
                self._closed, self.response = flags == FINAL, self._kept
                self._changed.notify_all()

    _kept: InferenceResponse | None = None

    @property
    def is_open(self) -> bool:
        return not self._closed

    def fail(self, fault: Exception) -> None:
        with self._changed:
            self._closed = True
            self.response = InferenceResponse(error=TritonError(str(fault)))
            self._changed.notify_all()


class _Last(_Only):
    """The last answer of a decoupled model, or the first that is an error."""

    def send(self, response: InferenceResponse | None, flags: int) -> None:
        with self._changed:
            if self._closed:
                super().send(response, flags)
            if self._kept is None or (response is not None and self._kept._error is None):
                self._kept = response
            if flags == FINAL:
                self._closed, self.response = True, self._kept or InferenceResponse()
                self._changed.notify_all()
