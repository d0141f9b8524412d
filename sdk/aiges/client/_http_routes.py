# SPDX-License-Identifier: Apache-2.0
"""Which path calls the model: found with the first call, and again when it is gone. No I/O.

A model with types has a path of its own, ``/predict``. A loader that has no such path says so (404
with the code 10003), and nothing has run; then its description tells the name of the service,
which the loader's own paths want.
"""

from __future__ import annotations

import json
from collections.abc import Generator
from typing import Callable

from aiges.client._http_answer import Answer
from aiges.client._http_request import Request, Route, look_request
from aiges.client._http_target import Target

__all__ = ["Routes", "Steps"]

PREDICT = "/predict"
RAW = "/v1/raw/"

# Yields what to send, is given what came, returns the answer and whose it is.
Steps = Generator[Request, Answer, tuple[Route, Answer]]


class Routes:
    """What one client knows of its server. Threads may share it: what is known is one value."""

    def __init__(self, target: Target, service: str) -> None:
        if target.model and service and service != target.model:
            raise ValueError(
                f"service: expected {target.model!r}, which the target names, got {service!r}"
            )
        self._prefix, self._service = target.prefix, service or target.model
        self._known: Route | None = None

    def steps(self, make: Callable[[Route], Request]) -> Steps:
        """Call what is known, or what is likely; where that is no path, what else there is."""
        route = self._known or self._own_path()
        answer = yield make(route)
        if answer.is_no_such_path:
            other = yield from self._other(route)
            if other is not None and other != route:
                route = other
                answer = yield make(route)
        if not answer.is_no_such_path:
            self._known = route
        return route, answer

    def _own_path(self) -> Route:
        return Route(True, f"/m/{self._service}{PREDICT}" if self._service else PREDICT)

    def _other(self, failed: Route) -> Generator[Request, Answer, Route | None]:
        if not failed.typed:  # The model was replaced by one with types.
            return self._own_path()
        paths = _paths_of((yield look_request(self._prefix)))
        names = [path[len(RAW) :] for path in paths if path.startswith(RAW)]
        wanted = self._service or (names[0] if names else "")
        if PREDICT in paths and failed.where != PREDICT and names[:1] == [wanted]:
            return Route(True, PREDICT)
        return Route(False, wanted) if wanted else None


def _paths_of(answer: Answer) -> list[str]:
    if answer.status != 200:
        return []
    try:
        return list(json.loads(answer.body)["paths"])
    except (ValueError, KeyError, TypeError):
        return []
