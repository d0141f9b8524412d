# SPDX-License-Identifier: Apache-2.0
"""A service with its graph and configuration, as the user's program hands it over."""

from __future__ import annotations

import re
from typing import Any

from aiges.contracts.paddle.pipeline._config import Config, OpConf
from aiges.contracts.paddle.pipeline._dag import Graph
from aiges.contracts.paddle.pipeline._ops import Op

__all__ = ["Plan"]

_MOST_THREADS, _LEAST_THREADS = 256, 8
_WAITING_THREADS = 32  # Where calls wait for ops in other processes.
_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]{0,99}")


class Plan:
    """What is served. Raises SystemExit for names that models cannot have."""

    def __init__(self, name: str, graph: Graph, config: Config) -> None:
        self.name, self.graph, self.config = name, graph, config
        self.ops: dict[str, Op] = {op.name: op for op in graph.ops}
        if self.has_processes:
            for each in (name, *self.ops):
                if not _NAME.fullmatch(each):
                    raise SystemExit(
                        f"[CONF] {each}: expected letters, digits, _ and - in the names of a "
                        "service and its ops where is_thread_op is false"
                    )

    @property
    def has_processes(self) -> bool:
        """Whether each op has processes of its own."""
        return not self.config.dag.is_thread_op

    def conf_of(self, name: str) -> OpConf:
        """Return what the file says of an op."""
        return self.config.ops.get(name) or OpConf()

    def model_of(self, name: str) -> str:
        """Return the name of an op's model."""
        return f"{self.name}.{name}"

    def op_of_model(self, model: str) -> str | None:
        """Return the op of which this is the model; None: it is the pipeline's."""
        return next((name for name in self.ops if self.model_of(name) == model), None)

    @property
    def threads(self) -> int:
        """How many calls are worked on at a time: no op lacks calls, in batches too."""
        most = self.config.worker_num
        for name, op in self.ops.items():
            conf: Any = op.conf_over(self.conf_of(name))
            most = max(most, 2 * (conf.concurrency or 1) * conf.batch_size)
        least = _WAITING_THREADS if self.has_processes else _LEAST_THREADS
        return min(max(most, least), _MOST_THREADS)
