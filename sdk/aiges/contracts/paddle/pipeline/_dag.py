# SPDX-License-Identifier: Apache-2.0
"""The graph of ops: checked, put in order, and gone through for each call.

A chain is gone through on the thread of the call alone. Where there are branches, those that can
run at the same time do, on threads of a pool. With ``jump_to_ops`` ops run one after the other.
"""

from __future__ import annotations

import contextvars
import copy
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Callable

from aiges.contracts.paddle.pipeline._errors import Code, Failed
from aiges.contracts.paddle.pipeline._ops import Op, RequestOp, ResponseOp

__all__ = ["Graph", "Runner"]

# Runs an op: (op's name, {input's name: its output}) -> output. Raises Failed.
RunOp = Callable[[str, dict[str, Any]], Any]
# Makes what check_jumping is given of an op's output.
Shown = Callable[[Any], Any]
_MOST_JUMPS = 100_000
_THREADS = 64


class Graph:
    """The user's ops in an order in which each comes after its inputs. Raises ValueError."""

    def __init__(self, response: Any) -> None:
        if not isinstance(response, ResponseOp):
            raise ValueError(f"expected a ResponseOp at the end of the graph, got {response!r}")
        inputs = response.get_input_ops()
        if len(inputs) != 1 or isinstance(inputs[0], (RequestOp, ResponseOp)):
            raise ValueError("ResponseOp: expected one op of the user's as its input")
        self.response = response
        self.last: Op = inputs[0]
        self.ops: list[Op] = []  # In order.
        self.request: RequestOp | None = None
        self._visit(self.last, [])
        if self.request is None:
            raise ValueError("expected a RequestOp at the begin of the graph, found none")
        names = [op.name for op in self.ops]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"expected ops with different names, got {twice[0]} twice")
        self.inputs: dict[str, list[str]] = {
            op.name: [each.name for each in op.get_input_ops()] for op in self.ops
        }
        self.next: dict[str, list[str]] = {name: [] for name in (RequestOp.NAME, *names)}
        for name, before in self.inputs.items():
            for each in before:
                self.next[each].append(name)
        self._check()

    def _visit(self, op: Op, way: list[Op]) -> None:
        if op in way:
            shown = " -> ".join(each.name for each in [*way[way.index(op) :], op])
            raise ValueError(f"expected a graph without circles, got {shown}")
        if op in self.ops:
            return
        if isinstance(op, RequestOp):
            if self.request not in (None, op):
                raise ValueError("expected one RequestOp, got several")
            self.request = op
            return
        if isinstance(op, ResponseOp):
            raise ValueError("expected one ResponseOp, at the end of the graph")
        if not op.get_input_ops():
            raise ValueError(f"op {op.name}: expected input_ops, got none")
        for each in op.get_input_ops():
            self._visit(each, [*way, op])
        self.ops.append(op)

    def _check(self) -> None:
        for op in self.ops:
            if len(op.get_input_ops()) > 1 and type(op).preprocess is Op.preprocess:
                raise ValueError(
                    f"op {op.name}: expected a preprocess of its own, as it has several inputs"
                )
            for target in op.get_jump_to_ops():
                if target not in self.ops or target.name not in self._before(op):
                    raise ValueError(
                        f"op {op.name}: jump_to_ops: expected ops before it, got {target.name}"
                    )

    def _before(self, op: Op) -> set[str]:
        found, todo = {op.name}, [op.name]
        while todo:
            for each in self.inputs.get(todo.pop(), []):
                if each not in found:
                    found.add(each)
                    todo.append(each)
        return found

    @property
    def is_chain(self) -> bool:
        """Whether each op has one input and one successor."""
        return all(len(each) == 1 for each in self.inputs.values()) and all(
            len(each) <= 1 for each in self.next.values()
        )

    @property
    def jumps(self) -> bool:
        """Whether an op may go back."""
        return any(op.get_jump_to_ops() for op in self.ops)


class Runner:
    """Goes through a graph. ``first_arrival``: an op begins with the first of its inputs."""

    def __init__(self, graph: Graph, first_arrival: bool = False) -> None:
        self._graph, self._first_arrival = graph, first_arrival
        self._last = graph.last.name
        self._pool: ThreadPoolExecutor | None = None
        self._order = [op.name for op in graph.ops]
        self._ops = {op.name: op for op in graph.ops}
        # run(what the request says, RunOp, Shown) -> the last op's output. Raises Failed.
        self.run: Callable[[Any, RunOp, Shown], Any] = self._chain
        if graph.jumps:
            self.run = self._with_jumps
        elif not graph.is_chain:
            self._pool = ThreadPoolExecutor(_THREADS, "pipeline-branch")
            self.run = self._branches

    def end(self) -> None:
        """End the threads when they have nothing more to do."""
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)

    def _chain(self, data: Any, run: RunOp, _shown: Shown) -> Any:
        before = RequestOp.NAME
        for name in self._order:
            data = run(name, {before: data})
            before = name
        return data

    def _with_jumps(self, data: Any, run: RunOp, shown: Shown) -> Any:
        results: dict[str, Any] = {RequestOp.NAME: data}
        instead: dict[str, dict[str, Any]] = {}  # Inputs of what was jumped to.
        at = jumps = 0
        while at < len(self._order):
            name = self._order[at]
            inputs = instead.pop(name, None)
            if inputs is None:
                inputs = {each: results[each] for each in self._graph.inputs[name]}
            out = results[name] = run(name, inputs)
            at += 1
            op = self._ops[name]
            if not op.get_jump_to_ops() or not _asks(op, shown(out)):
                continue
            jumps += 1
            if jumps > _MOST_JUMPS:
                text = f"[{name}] has gone back {_MOST_JUMPS} times: check_jumping never ends"
                raise Failed(Code.UNKNOW, text)
            for target in op.get_jump_to_ops():
                instead[target.name] = {name: out}
            at = min(self._order.index(each.name) for each in op.get_jump_to_ops())
        return results[self._last]

    def _branches(self, data: Any, run: RunOp, _shown: Shown) -> Any:
        assert self._pool is not None
        call = _Call(self._graph, run, self._first_arrival)
        call.done(RequestOp.NAME, data)
        return call.through(self._pool, self._last)


def _asks(op: Op, shown: Any) -> bool:
    try:
        return bool(op.check_jumping(shown))
    except Exception as fault:
        raise Failed(Code.UNKNOW, f"[{op.name}] check_jumping: {fault}", fault) from fault


class _Call:
    """One call on its way through branches. Threads: that of the call, and the pool's."""

    def __init__(self, graph: Graph, run: RunOp, first_arrival: bool) -> None:
        self._graph, self._run, self._first_arrival = graph, run, first_arrival
        self._changed = threading.Condition()
        self._results: dict[str, Any] = {}
        self._begun: set[str] = set()
        self._ready: list[tuple[str, list[str]]] = []  # Ops, and the inputs that they get.
        self._fault: BaseException | None = None

    def done(self, name: str, out: Any) -> None:
        """Keep an op's output, and see what can begin by it."""
        followers = self._graph.next[name]
        with self._changed:
            self._results[name] = out
            for each in followers:
                inputs = [name] if self._first_arrival else self._graph.inputs[each]
                if each not in self._begun and all(before in self._results for before in inputs):
                    self._begun.add(each)
                    self._ready.append((each, inputs))
            self._changed.notify()

    def _outputs(self, names: list[str]) -> dict[str, Any]:
        """Return outputs as inputs; what several ops get is copied, as each may write into it."""
        made = {}
        for each in names:
            out = self._results[each]
            shared = len(self._graph.next[each]) > 1 and isinstance(out, dict)
            made[each] = _copied(out) if shared else out
        return made

    def _do(self, name: str, inputs: dict[str, Any]) -> None:
        try:
            self.done(name, self._run(name, inputs))
        except BaseException as fault:
            with self._changed:
                if self._fault is None:
                    self._fault = fault
                self._changed.notify()

    def through(self, pool: ThreadPoolExecutor, last: str) -> Any:
        """Return the last op's output. Raises what the first op that failed has raised."""
        while True:
            with self._changed:
                while not self._ready and self._fault is None and last not in self._results:
                    self._changed.wait()
                if self._fault is not None:
                    raise self._fault
                if last in self._results:
                    return self._results[last]
                now = [(name, self._outputs(inputs)) for name, inputs in self._ready]
                self._ready.clear()
            # One runs here, unless what another gives may be enough.
            own = None if self._first_arrival and len(now) > 1 else now.pop(0)
            for name, inputs in now:
                context = contextvars.copy_context()
                pool.submit(context.run, self._do, name, inputs)
            if own is not None:
                self._do(*own)


def _copied(out: dict[str, Any]) -> dict[str, Any]:
    try:
        return copy.deepcopy(out)
    except Exception:
        return dict(out)
