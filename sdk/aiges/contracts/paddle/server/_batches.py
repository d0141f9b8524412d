# SPDX-License-Identifier: Apache-2.0
"""Calls that come together run as one batch (``--runtime_thread_num``, ``--batch_infer_size``).

A batch waits for no company: what lies in the queue when a thread is free runs together, if it has
the same shapes behind the first axis. A call that fails in company runs again alone, so that one
bad request costs no other.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence
from typing import Any

import numpy as np

from aiges.contracts.paddle import _types
from aiges.contracts.paddle._tensors import Value
from aiges.contracts.paddle.engine import Model

__all__ = ["Batches"]


class _Job:
    __slots__ = ("done", "fault", "fetch", "kind", "result", "rows", "values")

    def __init__(self, values: list[Value], fetch: list[str]) -> None:
        self.values, self.fetch = values, fetch
        self.rows: int = 1
        self.kind: Any = None  # What calls have in common that can run together; None: alone.
        self.done = threading.Event()
        self.result: list[Value] = []
        self.fault: BaseException | None = None


class Batches:
    """So many threads that run one model. Threads: any."""

    def __init__(self, model: Model, threads: int, most_rows: int) -> None:
        self._model, self._most = model, most_rows
        self._has_lod = any(var.is_lod for var in model.conf.feeds)
        self._jobs: deque[_Job] = deque()
        self._changed = threading.Condition()
        self._ends = False
        self._threads = [
            threading.Thread(target=self._work, name=f"batch-{at}", daemon=True)
            for at in range(threads)
        ]
        for thread in self._threads:
            thread.start()

    def run(self, values: Sequence[Value], fetch: Sequence[str]) -> list[Value]:
        """Return what the model's ``run`` returns, and raise what it raises."""
        job = _Job(list(values), list(fetch))
        if not self._has_lod:
            job.rows, job.kind = _rows_and_kind(values, fetch)
        with self._changed:
            if self._ends:
                raise RuntimeError("the service ends")
            self._jobs.append(job)
            self._changed.notify()
        job.done.wait()
        if job.fault is not None:
            raise job.fault
        return job.result

    def close(self) -> None:
        """Take no more; what waits is run."""
        with self._changed:
            self._ends = True
            self._changed.notify_all()

    def _work(self) -> None:
        while jobs := self._take():
            self._run(jobs)
            for job in jobs:
                job.done.set()

    def _take(self) -> list[_Job]:
        with self._changed:
            while not self._jobs:
                if self._ends:
                    return []
                self._changed.wait()
            first = self._jobs.popleft()
            taken, rows = [first], first.rows
            if first.kind is None:
                return taken
            for job in list(self._jobs):
                if job.kind == first.kind and rows + job.rows <= self._most:
                    self._jobs.remove(job)
                    taken.append(job)
                    rows += job.rows
            return taken

    def _run(self, jobs: list[_Job]) -> None:
        if len(jobs) > 1:
            try:
                self._run_together(jobs)
                return
            except Exception:  # Whose fault it is shows when each runs alone.
                pass
        for job in jobs:
            try:
                job.result = self._model.run(job.values, job.fetch)
            except BaseException as fault:
                job.fault = fault

    def _run_together(self, jobs: list[_Job]) -> None:
        first = jobs[0]
        values = [
            Value(np.concatenate([job.values[at].array for job in jobs]), value.type, [],
                  value.name, value.alias)
            for at, value in enumerate(first.values)
        ]  # fmt: skip
        outputs = self._model.run(values, first.fetch)
        rows = sum(job.rows for job in jobs)
        if any(output.lod or len(output.array) != rows for output in outputs):
            raise ValueError("outputs that are not one row for each row")
        begin = 0
        for job in jobs:
            end = begin + job.rows
            job.result = [
                Value(output.array[begin:end], output.type, [], output.name, output.alias)
                for output in outputs
            ]
            begin = end


def _rows_and_kind(values: Sequence[Value], fetch: Sequence[str]) -> tuple[int, Any]:
    """Return the rows of a call, and its kind."""
    if any(value.type == _types.STRING or value.lod or not value.array.ndim for value in values):
        return 1, None
    rows = {len(value.array) for value in values}
    if len(rows) != 1 or not rows:
        return 1, None
    kind = (tuple(fetch), *(value.array.shape[1:] for value in values))
    return rows.pop(), kind
