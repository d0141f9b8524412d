# SPDX-License-Identifier: Apache-2.0
"""Calls whose messages are those of gRPC; feedback in JSON is one of them, too."""

from __future__ import annotations

from typing import Any

from google.protobuf import json_format  # type: ignore[import-untyped,unused-ignore]

from aiges.contracts.seldon import _messages, _values
from aiges.contracts.seldon._calls import Extras, Kind, Served, needed, routed
from aiges.contracts.seldon._errors import NotDefined, SeldonNotImplementedError, bad_data
from aiges.contracts.seldon._metrics import AGGREGATE, FEEDBACK, checked
from aiges.contracts.seldon._model import MISSING, Outcome

__all__ = ["ProtoCalls"]


class ProtoCalls:
    """Answers SeldonMessages with SeldonMessages."""

    def __init__(self, served: Served) -> None:
        self._served, self._model, self._unit = served, served.model, served.unit
        self._message = _messages.message("SeldonMessage")

    def call(self, kind: Kind, request: Any) -> Any:
        """Answer predict, transform_* or route. Raises what the user's code raises."""
        model, method = self._model, kind.method
        hook = self._hook(method)
        if hook is not None:
            return hook(request)
        answer = self._raw(method, request, kind.label)
        if answer is not MISSING:
            return answer
        features, names, form = _values.payload_of(request)
        meta = _values.meta_of(request)
        outcome = model.call(method, features, names, meta)
        if method == "route":
            outcome = Outcome(routed(outcome), outcome.tags, outcome.metrics)
        return self._answer(needed(outcome, method, features), outcome, kind.label, form, meta)

    def aggregate(self, request: Any) -> Any:
        """Answer a combiner's call."""
        hook = self._hook("aggregate")
        if hook is not None:
            return hook(request)
        answer = self._raw("aggregate", request, AGGREGATE)
        if answer is not MISSING:
            return answer
        messages = request.seldonMessages
        payloads = [_values.payload_of(message) for message in messages]
        outcome = self._model.aggregate([each[0] for each in payloads], [p[1] for p in payloads])
        if outcome.data is MISSING:
            raise NotDefined("Aggregate not defined")
        meta: dict[str, Any] = {"tags": {}, "requestPath": {}}
        for each in map(_values.meta_of, messages):
            meta["tags"].update(each.get("tags") or {})
            meta["requestPath"].update(each.get("requestPath") or {})
            meta.update({"puid": each["puid"]} if "puid" in each else {})
        form = payloads[0][2] if payloads else "tensor"
        return self._answer(needed(outcome, "aggregate", []), outcome, AGGREGATE, form, meta)

    def send_feedback(self, feedback: Any) -> Any:
        """Answer a feedback."""
        for name in ("send_feedback_rest", "send_feedback_grpc"):
            hook = self._model.hook(name)
            if hook is not None:
                self._served.count_reward(feedback.reward)
                return hook(
                    json_format.MessageToJson(feedback) if name.endswith("_rest") else feedback
                )
        answer = self._raw("send_feedback", feedback, FEEDBACK)
        if answer is not MISSING:
            self._served.count_reward(feedback.reward)
            return answer
        features, names, form = _values.feedback_payload(feedback.request)
        routing = feedback.response.meta.routing.get(self._unit.routing_key)
        outcome = self._model.send_feedback(
            features,
            names,
            feedback.reward,
            _values.feedback_payload(feedback.truth)[0],
            routing,
        )
        self._served.count_reward(feedback.reward)
        data = [] if outcome.data is None else outcome.data
        return self._answer(data, outcome, FEEDBACK, form, {})

    def feedback_of(self, body: Any) -> Any:
        """Return a feedback in JSON as its message. Raises SeldonMicroserviceException."""
        feedback = _messages.message("Feedback")()
        try:
            json_format.ParseDict(body, feedback)
        except (json_format.ParseError, AttributeError, TypeError) as fault:
            raise bad_data(f"Invalid JSON: {fault}") from None
        return feedback

    @staticmethod
    def json_of(message: Any) -> Any:
        """Return a message as JSON has it."""
        return message if isinstance(message, dict) else json_format.MessageToDict(message)

    # --- parts ---

    def message_of(self, answer: Any) -> Any:
        """Return what a hook has answered as a message: a dict is one, too."""
        if not isinstance(answer, dict):
            return answer
        try:
            return json_format.ParseDict(answer, self._message())
        except json_format.ParseError as fault:
            raise bad_data(f"Invalid JSON: {fault}") from None

    def _hook(self, method: str) -> Any:
        """Return predict_grpc and the like, or None; a hook of REST but predict's serves, too."""
        hook = self._model.hook(method + "_grpc")
        if hook is None and method != "predict":
            hook = self._model.hook(method + "_rest")
        return hook

    def _raw(self, method: str, request: Any, label: str) -> Any:
        hook = self._model.hook(method + "_raw")
        if hook is None:
            return MISSING
        try:
            answer = self.message_of(hook(request))
        except SeldonNotImplementedError:
            return MISSING
        meta = getattr(answer, "meta", None)
        if meta is not None and len(meta.metrics):
            found = json_format.MessageToDict(meta).get("metrics", [])
            for each in found:
                each.setdefault("type", "COUNTER")  # The first of the enum is left out.
                each.setdefault("value", 0.0)
            self._served.metrics.update(checked(found), label)
            if not self._unit.shows_metrics:
                del meta.metrics[:]
        return answer

    def _answer(
        self, data: Any, outcome: Outcome, label: str, form: str, meta: dict[str, Any]
    ) -> Any:
        answer = self._message()
        array = _values.data_of(data)
        if array is None:
            _values.fill_data(answer, data)
        else:
            its = answer.data
            _values.fill_array(its, array, form)
            names = self._model.class_names(array.shape)
            if len(names):
                its.names.extend([str(name) for name in names])
        extras = self._served.extras(outcome, label, meta.get("tags") if meta else None)
        told = answer.meta
        told.SetInParent()
        if extras.tags or extras.metrics:
            _add_extras(told, extras)
        if "puid" in meta:
            told.puid = meta["puid"]
        if self._unit.name or label == AGGREGATE:
            path = {**self._unit.path, **(meta.get("requestPath") or {})}
            for key, value in path.items():
                told.requestPath[key] = value
        return answer


def _add_extras(told: Any, extras: Extras) -> None:
    for key, value in extras.tags.items():
        _values.fill_value(told.tags[str(key)], value)
    for each in extras.metrics:
        told.metrics.add(
            key=each["key"],
            type=each["type"],
            value=each["value"],
            tags={str(k): str(v) for k, v in (each.get("tags") or {}).items()},
        )
