# SPDX-License-Identifier: Apache-2.0
"""Calls of a web service (up to 0.6): ``POST /{name}/prediction`` with feed and fetch."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from aiges.contracts.paddle import _feed
from aiges.contracts.paddle._conf import ModelConf
from aiges.contracts.paddle._tensors import flat_of
from aiges.contracts.paddle.server._calls import Call, NotYet
from aiges.contracts.paddle.server._graph import Result
from aiges.contracts.paddle.server._pages import JSON, Answer, page

if TYPE_CHECKING:
    from aiges.contracts._http import HttpRequest
    from aiges.contracts.paddle.server._http import Routes

__all__ = ["Default", "WebCalls"]

_LOG = logging.getLogger("aiges.paddle")


class Default:
    """What a service does that has no code of its own."""

    def preprocess(self, feed: Any, fetch: Any) -> tuple[Any, Any, bool]:
        """Return the samples as they are; they become one batch."""
        return feed, fetch, False

    def postprocess(self, feed: Any, fetch: Any, fetch_map: Any) -> Any:
        """Return the arrays as lists."""
        return {name: value.tolist() for name, value in fetch_map.items()}


class WebCalls:
    """Answers them. ``service`` has ``preprocess`` and ``postprocess``. Threads: any."""

    def __init__(
        self, name: str, service: Any, conf: ModelConf, run: Callable[[Call], Result]
    ) -> None:
        self.path = f"/{name}/prediction"
        self._service, self._conf, self._run = service, conf, run

    def add_to(self, routes: Routes) -> None:
        """Name the path."""
        routes.add(self.path, self._handle)

    def _handle(self, request: HttpRequest, body: bytes) -> Answer:
        return self.post(body, request.note)

    def post(self, body: bytes, note: Callable[[BaseException], None] = lambda _: None) -> Answer:
        """Answer a body. ``note`` is told what a page of an error does not say."""
        try:
            said = json.loads(body)
        except (ValueError, RecursionError):
            return page(400)
        if not said or not isinstance(said, dict) or "fetch" not in said:
            return page(400)
        try:
            answer = self.answer(said)
        except ValueError as fault:
            answer = _text({"result": str(fault)})
        except NotYet:
            return page(503)
        except Exception as fault:
            _LOG.error("%s has failed: %s", self.path, fault, exc_info=fault)
            note(fault)
            return page(500)
        return Answer(200, [(b"content-type", JSON)], answer)

    def answer(self, said: dict[str, Any]) -> bytes:
        """Return the answer to an object with feed and fetch. Raises what user code raises."""
        feed, fetch, is_batch = _three(self._service.preprocess(said["feed"], said["fetch"]))
        if isinstance(feed, dict) and "fetch" in feed:
            feed = {name: value for name, value in feed.items() if name != "fetch"}
        if feed is None or len(feed) == 0:
            raise ValueError("empty input")
        fetch_map = self._predict(feed, fetch, bool(is_batch))
        result = self._service.postprocess(feed=said["feed"], fetch=fetch, fetch_map=fetch_map)
        return _text({"result": result})

    def _predict(self, feed: Any, fetch: Any, is_batch: bool) -> dict[str, Any]:
        names = [fetch] if isinstance(fetch, str) else list(fetch or ())
        there = {name for var in self._conf.fetches for name in (var.alias, var.name)}
        if not any(name in there for name in names):
            raise ValueError("Fetch names should not be empty or out of saved fetch list.")
        values = _feed.values_of(self._conf, feed, is_batch)
        outputs = self._run(Call(values, _feed.fetch_names(self._conf, names))).outputs
        made: dict[str, Any] = {}
        for output in outputs:
            for value in output.values:
                made[value.alias] = value.array
                if value.lod:
                    made[value.alias + _feed.LOD] = np.array(flat_of(value.lod), np.int32)
        return made


def _three(given: Any) -> tuple[Any, Any, Any]:
    """Return feed, fetch and whether feed is a batch; up to 0.3 preprocess returned two."""
    if not isinstance(given, tuple) or len(given) not in (2, 3):
        raise TypeError(
            "preprocess: expected feed, fetch, is_batch (or feed, fetch), got "
            f"{type(given).__name__}"
        )
    return given if len(given) == 3 else (*given, False)


def _text(answer: Any) -> bytes:
    """Return it as Flask writes it: keys in order, no spaces, a newline."""
    return (
        json.dumps(answer, sort_keys=True, separators=(",", ":"), default=_plain).encode() + b"\n"
    )


def _plain(value: Any) -> Any:
    if isinstance(value, (np.ndarray, np.generic)):
        return value.tolist()
    raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")
