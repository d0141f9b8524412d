# SPDX-License-Identifier: Apache-2.0
"""What a call is, whichever protocol brings it: the parts that JSON and gRPC have in common."""

from __future__ import annotations

from typing import Any, NamedTuple

from aiges.contracts.seldon import _metrics
from aiges.contracts.seldon._errors import (
    INTERNAL,
    NotDefined,
    SeldonMicroserviceException,
    bad_data,
)
from aiges.contracts.seldon._model import MISSING, Outcome, UserModel
from aiges.contracts.seldon._unit import Unit

__all__ = ["Extras", "Kind", "Served", "needed", "routed"]


class Kind(NamedTuple):
    """One of the calls with a message in and a message out."""

    method: str  # Of the user's object.
    label: str  # In metrics.


PREDICT = Kind("predict", _metrics.PREDICT)
INPUT = Kind("transform_input", _metrics.INPUT)
OUTPUT = Kind("transform_output", _metrics.OUTPUT)
ROUTE = Kind("route", _metrics.ROUTER)


class Extras(NamedTuple):
    """What goes with a result, of the user's code."""

    tags: dict[str, Any]
    metrics: list[dict[str, Any]]


_NOTHING = Extras({}, [])


class Served(NamedTuple):
    """The object, and where it stands."""

    model: UserModel
    unit: Unit
    metrics: _metrics.SeldonMetrics

    def count_reward(self, reward: float) -> None:
        """Count a feedback, unless somebody else does."""
        if self.unit.counts_rewards:
            self.metrics.update_reward(reward)

    def extras(self, outcome: Outcome, label: str, tags: Any = None) -> Extras:
        """Count the metrics, and return what the answer says."""
        model = self.model
        if model.says_nothing and not (tags or outcome.tags or outcome.metrics):
            return _NOTHING
        all_tags = {**(tags or {}), **model.tags(), **outcome.tags}
        found = [*model.metrics(), *_metrics.checked(outcome.metrics)]
        if not found:
            return Extras(all_tags, [])
        self.metrics.update(found, label)
        if not self.unit.shows_metrics:
            return Extras(all_tags, [])
        return Extras(all_tags, [_shown(each, label) for each in found])


def _shown(metric: dict[str, Any], label: str) -> dict[str, Any]:
    """A metric as the answer says it: one with tags says the call, too."""
    return {**metric, "tags": {**metric["tags"], "method": label}} if metric.get("tags") else metric


def needed(outcome: Outcome, kind: str, features: Any) -> Any:
    """Return the data of the answer. Raises SeldonMicroserviceException where there is none."""
    if outcome.data is MISSING:
        return [] if kind == "predict" else features
    if outcome.data is None:
        raise SeldonMicroserviceException(
            f"{kind} returned None: expected a list, an array, a dict, a str or bytes",
            status_code=500,
            reason=INTERNAL,
        )
    return outcome.data


def routed(outcome: Outcome) -> list[list[int]]:
    """Return the answer of a router. Raises SeldonMicroserviceException."""
    route = outcome.data
    if route is MISSING:
        raise NotDefined("Route not defined")
    index = getattr(route, "__index__", None)
    if index is None:
        raise bad_data(f"Routing response must be int but got {route}")
    return [[int(index())]]
