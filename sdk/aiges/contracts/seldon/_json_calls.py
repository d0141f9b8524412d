# SPDX-License-Identifier: Apache-2.0
"""Calls whose messages are JSON."""

from __future__ import annotations

from typing import Any

from aiges.contracts.seldon._arrays import data_of, features_of, names_of
from aiges.contracts.seldon._calls import Kind, Served, needed, routed
from aiges.contracts.seldon._errors import NotDefined, SeldonNotImplementedError, bad_data
from aiges.contracts.seldon._metrics import AGGREGATE, HEALTH, checked
from aiges.contracts.seldon._model import MISSING, Outcome

__all__ = ["JsonCalls"]


def _meta_of(message: dict[str, Any]) -> dict[str, Any] | None:
    meta = message.get("meta")
    if meta is not None and not isinstance(meta, dict):
        raise bad_data(f"Invalid request data type: {message}")
    return meta


class JsonCalls:
    """Answers messages in JSON with messages in JSON."""

    def __init__(self, served: Served) -> None:
        self._served, self._model, self._unit = served, served.model, served.unit

    def call(self, kind: Kind, message: Any) -> Any:
        """Answer predict, transform_* or route. Raises what the user's code raises."""
        model, method = self._model, kind.method
        hook = model.hook(method + "_rest")
        if hook is not None:
            return hook(message)
        answer = self._raw(method, message, kind.label)
        if answer is not MISSING:
            return answer
        if isinstance(message, (bytes, str)):  # Passed through.
            outcome = model.call(method, message, [], None)
            return needed(outcome, method, message)
        if not isinstance(message, dict):
            raise bad_data(f"Invalid request data type: {message}")
        features, meta = features_of(message), _meta_of(message)
        outcome = model.call(method, features, names_of(message), meta)
        if method == "route":
            outcome = Outcome(routed(outcome), outcome.tags, outcome.metrics)
        return self._answer(needed(outcome, method, features), outcome, kind.label, message, meta)

    def aggregate(self, body: Any) -> Any:
        """Answer a combiner's call."""
        hook = self._model.hook("aggregate_rest")
        if hook is not None:
            return hook(body)
        answer = self._raw("aggregate", body, AGGREGATE)
        if answer is not MISSING:
            return answer
        messages = body.get("seldonMessages") if isinstance(body, dict) else body
        if not isinstance(messages, list) or not all(isinstance(m, dict) for m in messages):
            raise bad_data(f"Invalid request data type: {body}")
        features = [features_of(message) for message in messages]
        metas = [_meta_of(message) or {} for message in messages]
        outcome = self._model.aggregate(features, [names_of(message) for message in messages])
        if outcome.data is MISSING:
            raise NotDefined("Aggregate not defined")
        meta: dict[str, Any] = {"tags": {}, "requestPath": {}}
        for each in metas:
            meta["tags"].update(each.get("tags") or {})
            meta["requestPath"].update(each.get("requestPath") or {})
            if "puid" in each:
                meta["puid"] = each["puid"]
        first = messages[0] if messages else {}
        return self._answer(needed(outcome, "aggregate", []), outcome, AGGREGATE, first, meta)

    def health(self) -> Any:
        """Answer how the object is."""
        hook = self._model.hook("health_status_raw")
        if hook is not None:
            try:
                answer = hook()
                self.count_raw(answer, HEALTH)
                return answer
            except SeldonNotImplementedError:
                pass
        outcome = self._model.health()
        return self._answer(needed(outcome, "health_status", []), outcome, HEALTH, {}, None)

    # --- parts ---

    def _raw(self, method: str, message: Any, label: str) -> Any:
        hook = self._model.hook(method + "_raw")
        if hook is None:
            return MISSING
        try:
            answer = hook(message)
        except SeldonNotImplementedError:
            return MISSING
        self.count_raw(answer, label)
        return answer

    def count_raw(self, answer: Any, label: str) -> None:
        """Count the metrics of an answer that the user's code has made whole."""
        meta = answer.get("meta") if isinstance(answer, dict) else None
        found = meta.get("metrics") if isinstance(meta, dict) else None
        if found:
            self._served.metrics.update(checked(found), label)
            if not self._unit.shows_metrics:
                del answer["meta"]["metrics"]

    def _answer(
        self, data: Any, outcome: Outcome, label: str, request: Any, meta: dict[str, Any] | None
    ) -> dict[str, Any]:
        (key, value), array = data_of(data, request)
        if array is not None:
            names = self._model.class_names(array.shape)
            value["names"] = names.tolist() if hasattr(names, "tolist") else names
        meta = meta or {}
        extras = self._served.extras(outcome, label, meta.get("tags"))
        told: dict[str, Any] = {}
        if extras.tags:
            told["tags"] = extras.tags
        if extras.metrics:
            told["metrics"] = extras.metrics
        if "puid" in meta:
            told["puid"] = meta["puid"]
        if self._unit.name:
            told["requestPath"] = {**self._unit.path, **(meta.get("requestPath") or {})}
        elif label == AGGREGATE and meta.get("requestPath"):
            told["requestPath"] = meta["requestPath"]
        return {key: value, "meta": told}
