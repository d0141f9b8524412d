# SPDX-License-Identifier: Apache-2.0
"""The models of a service, run one after the other as its workflow says."""

from __future__ import annotations

import time
from collections.abc import Sequence

from aiges.contracts.paddle import _conf
from aiges.contracts.paddle._conf import ModelConf
from aiges.contracts.paddle._tensors import Value
from aiges.contracts.paddle.engine import Model
from aiges.contracts.paddle.server._batches import Batches
from aiges.contracts.paddle.server._cache import Cache, key_of
from aiges.contracts.paddle.server._calls import Call, Output, bind, wanted
from aiges.contracts.paddle.server._settings import Node, Settings

__all__ = ["Graph", "Result", "conf_of"]


class Result:
    """What a call answers. ``times``: begin and end of each step, in microseconds."""

    __slots__ = ("outputs", "times")

    def __init__(self, outputs: list[Output], times: list[int]) -> None:
        self.outputs, self.times = outputs, times


def conf_of(settings: Settings) -> ModelConf:
    """Return what the whole takes and gives. Raises ValueError."""
    confs = {node.name: _conf.read(node.folder, _conf.SERVER) for node in settings.nodes}
    first = confs[settings.nodes[0].name]
    fetches = {var.alias: var for name in settings.answers for var in confs[name].fetches}
    return ModelConf(first.feeds, tuple(fetches.values()))


class Graph:
    """Loads the models, with their key if they have one. Threads: any. Raises ValueError."""

    def __init__(self, settings: Settings, key: bytes | None = None) -> None:
        self._nodes: dict[str, tuple[Node, Model, Batches | None]] = {}
        for node, options in zip(settings.nodes, settings.options):
            model = Model(node.folder, options, key)
            batches = None
            if settings.batch_threads:
                batches = Batches(model, settings.batch_threads, settings.batch_size)
            self._nodes[node.name] = (node, model, batches)
        self._answers = settings.answers
        self._cache = Cache(settings.cache_bytes) if settings.cache_bytes else None
        self.conf = conf_of(settings)

    def run(self, call: Call) -> Result:
        """Return the outputs. Raises ValueError for a client's mistake, RuntimeError."""
        if self._cache is None:
            return self._run(call)
        key = key_of(call)
        outputs = self._cache.get(key)
        if outputs is not None:
            return Result(outputs, [])
        result = self._run(call)
        self._cache.put(key, result.outputs)
        return result

    def _run(self, call: Call) -> Result:
        made: dict[str, list[Value]] = {}
        times: list[int] = []
        for name, (node, model, batches) in self._nodes.items():
            given = self._given(node, model, call, made)
            fetch = self._fetch_of(name, model, call.fetch)
            begin = time.perf_counter_ns()
            run = model.run if batches is None else batches.run
            made[name] = run(given, fetch)
            times += [begin // 1000, time.perf_counter_ns() // 1000]
        return Result([Output(name, made[name]) for name in self._answers], times)

    @staticmethod
    def _given(node: Node, model: Model, call: Call, made: dict[str, list[Value]]) -> list[Value]:
        if not node.sources:
            return bind(model.conf, call.values)
        outputs = [value for source in node.sources for value in made[source]]
        feeds = model.conf.feeds
        names = {value.name for value in outputs} | {value.alias for value in outputs}
        if len(outputs) == len(feeds) and not any(
            var.name in names or var.alias in names for var in feeds
        ):
            # No name says which is which: by their order.
            outputs = [
                Value(value.array, value.type, value.lod, var.name, var.alias)
                for var, value in zip(feeds, outputs)
            ]
        return bind(model.conf, outputs, strict=False)

    def _fetch_of(self, name: str, model: Model, fetch: Sequence[str]) -> list[str]:
        if name not in self._answers:
            return [var.alias for var in model.conf.fetches]
        if len(self._answers) > 1 and fetch:
            wanted(self.conf, fetch)  # Each name is one of some step's.
            there = {each for var in model.conf.fetches for each in (var.alias, var.name)}
            fetch = [each for each in fetch if each in there]
        return wanted(model.conf, fetch)

    def close(self) -> None:
        """End the threads that gather calls."""
        for _, _, batches in self._nodes.values():
            if batches is not None:
                batches.close()
