# SPDX-License-Identifier: Apache-2.0
"""One op made ready in this process: its three steps for a call, its bounds, its faults.

What users' methods raise or return wrongly ends the call with an ``err_no`` (:class:`Failed`).
Threads: any; the steps of one op run for ``concurrency`` calls, or batches, at a time.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Mapping
from time import perf_counter
from typing import Any, Callable

from aiges.contracts.paddle.pipeline import _late, _merge
from aiges.contracts.paddle.pipeline._batches import Batches, Item
from aiges.contracts.paddle.pipeline._config import OpConf
from aiges.contracts.paddle.pipeline._errors import Code, Failed, number_of
from aiges.contracts.paddle.pipeline._late import Lease
from aiges.contracts.paddle.pipeline._ops import Op
from aiges.contracts.paddle.pipeline._places import Places
from aiges.contracts.paddle.pipeline._predictors import Predictor, load

__all__ = ["Marks", "Stage"]

# Seconds of waiting, preprocess, process and postprocess, as far as the call came.
Marks = list[float]
_NOT_AGAIN = frozenset((Code.INPUT_PARAMS_ERROR, Code.TYPE_ERROR))  # The feed stays as it is.
_RAISED = (Exception, SystemExit)  # A step that would end the process is a fault of its call.


def _said_by(fault: BaseException) -> str:
    try:
        return str(fault)
    except Exception:  # Of an exception of the user's.
        return type(fault).__name__


def _arity(method: Callable[..., Any], what: str, most: int) -> int:
    """Return how many arguments a user's method takes, ``most`` at most."""
    try:
        parameters = inspect.signature(method).parameters.values()
    except (TypeError, ValueError):
        return most
    if any(each.kind is each.VAR_POSITIONAL for each in parameters):
        return most
    count = sum(
        each.kind in (each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD) for each in parameters
    )
    if count < 1:
        raise TypeError(f"{what}: expected arguments, got a method that takes none")
    return min(count, most)


class Stage:
    """An op with its model. Raises what ends the start: ValueError, and what init_op raises."""

    def __init__(self, op: Op, conf: OpConf, index: int | None = None) -> None:
        self.op, self.name, self.conf = op, op.name, conf
        kind = type(op)
        own_process = kind.process is not Op.process
        op.concurrency_idx = index
        self._predictor: Predictor | None = load(op, conf, index or 0)
        op.client = self._predictor
        op.init_op()
        self._processes = self._predictor is not None or own_process
        self._feeds = self._predictor.feeds if self._predictor is not None else None
        self._preprocess: Callable[..., Any] = op.preprocess
        self._call_process: Callable[..., Any] = op.process
        self._postprocess: Callable[..., Any] = op.postprocess
        self._takes_pre = _arity(op.preprocess, f"{kind.__qualname__}.preprocess", 3)
        self._takes_post = _arity(op.postprocess, f"{kind.__qualname__}.postprocess", 4)
        self._takes_process = _arity(op.process, f"{kind.__qualname__}.process", 2)
        self._plain_pre = kind.preprocess is Op.preprocess
        self._plain_post = kind.postprocess is Op.postprocess
        self._attempts = conf.retry
        self._timeout_s = conf.timeout / 1000 if conf.timeout > 0 else 0.0
        count = conf.concurrency or 1
        self._places = Places(count, self._timeout_s)
        self._batches: Batches | None = None
        if conf.batch_size > 1:
            wait_s = max(conf.auto_batching_timeout, 0) / 1000
            self._batches = Batches(count, conf.batch_size, wait_s, self._run_batch, self._no_place)

    def run(self, inputs: dict[str, Any], data_id: int, log_id: int, marks: Marks | None) -> Any:
        """Return the op's output for one call. Raises Failed."""
        if self._batches is not None:
            return self._batches.run(Item(inputs, data_id, log_id, marks))
        began = perf_counter() if marks is not None else 0.0
        if not self._timeout_s:
            self._places.take_plainly()
            try:
                return self._whole(inputs, data_id, log_id, marks, began, None)
            finally:
                self._places.give()
        if not self._places.take():
            raise self._too_long(False)
        lease = self._places.lease()
        try:
            return self._whole(inputs, data_id, log_id, marks, began, lease)
        finally:
            lease.drop()

    def _whole(
        self,
        inputs: dict[str, Any],
        data_id: int,
        log_id: int,
        marks: Marks | None,
        began: float,
        lease: Lease | None,
    ) -> Any:
        if marks is None:
            data, skips = self.prepare(inputs, data_id, log_id)
            if self._processes and not skips:
                data = self.process_all(data, log_id, lease)
            return self.finish(inputs, data, data_id, log_id)
        at = [began, perf_counter()]
        try:
            data, skips = self.prepare(inputs, data_id, log_id)
            at.append(perf_counter())
            if self._processes and not skips:
                data = self.process_all(data, log_id, lease)
            at.append(perf_counter())
            return self.finish(inputs, data, data_id, log_id)
        finally:
            at.append(perf_counter())
            marks.extend(then - before for before, then in zip(at, at[1:]))

    # --- the three steps ---

    def prepare(self, inputs: dict[str, Any], data_id: int, log_id: int) -> tuple[Any, bool]:
        """Return what goes to the model, and whether that is left out. Raises Failed."""
        if self._plain_pre:
            (data,) = inputs.values()
            return data, False
        preprocess = self._preprocess
        try:
            if self._takes_pre == 3:
                got = preprocess(inputs, data_id, log_id)
            else:
                got = preprocess(*(inputs, log_id)[: self._takes_pre])
        except _RAISED as fault:
            raise self._raised("preprocess", log_id, fault) from fault
        if type(got) is tuple and len(got) == 4:
            data, skips, code, text = got
            if code is not None:
                raise self._product(code, text)
            return data, bool(skips)
        if isinstance(got, (dict, list)):  # As before 0.4.
            return got, False
        raise self._wrong("preprocess", "(dict, is_skip_process, prod_errcode, prod_errinfo)", got)

    def process_all(self, data: Any, log_id: int, lease: Lease | None) -> Any:
        """Return what the model makes of one feed, or of each in a list. Raises Failed."""
        if isinstance(data, list):
            return [self.process_one(each, log_id, lease) for each in data]
        return self.process_one(data, log_id, lease)

    def process_one(self, feed: Any, log_id: int, lease: Lease | None) -> Any:
        """Return what it makes of one feed, within the op's time and attempts. Raises Failed."""
        if not isinstance(feed, Mapping):
            text = f"expect input type is dict or list, but get {type(feed)}"
            raise Failed(Code.TYPE_ERROR, text)
        self._check(feed)
        attempt = self._attempts
        while True:
            attempt -= 1
            try:
                if self._timeout_s and lease is not None:
                    work = functools.partial(self._process, feed, log_id)
                    return _late.within(self._timeout_s, work, lease, self._too_long)
                return self._process(feed, log_id)
            except Failed as failed:
                if attempt <= 0 or failed.code in _NOT_AGAIN:
                    raise

    def _no_place(self) -> Failed | None:
        return self._too_long(False) if self._places.are_lost else None

    def _too_long(self, is_first: bool) -> Failed:
        """Describe a process that takes too long; the first one of a call costs a place."""
        if is_first:
            self._places.count_late(1)
        text = f"[{self.name}] process took longer than {self.conf.timeout:g} ms (timeout)"
        return Failed(Code.TIMEOUT_ERROR, text)

    def _process(self, feed: Any, log_id: int) -> Any:
        try:
            got = self._call_process(*([feed], log_id)[: self._takes_process])
        except Failed as failed:  # Of ours: it knows its number.
            raise self._unpredicted(failed.text, failed.code, failed.fault) from failed
        except _RAISED as fault:
            said = _said_by(fault) or type(fault).__name__
            raise self._unpredicted(said, Code.UNKNOW, fault) from fault
        if type(got) is tuple and len(got) == 3:
            got, code, text = got
            if code is not None and (number := number_of(code)) != 0:
                raise self._unpredicted(str(text), number)
        if got is None:
            raise self._unpredicted("process returned None", Code.CLIENT_ERROR)
        return got

    def finish(self, inputs: dict[str, Any], data: Any, data_id: int, log_id: int) -> Any:
        """Return the op's output. Raises Failed."""
        if self._plain_post:
            got = data
        else:
            postprocess = self._postprocess
            try:
                if self._takes_post == 4:
                    got = postprocess(inputs, data, data_id, log_id)
                elif self._takes_post == 3:
                    got = postprocess(inputs, data, log_id)
                else:
                    got = postprocess(*(inputs, data)[: self._takes_post])
            except _RAISED as fault:
                raise self._raised("postprocess", log_id, fault) from fault
            if type(got) is tuple and len(got) == 3:
                got, code, text = got
                if code is not None:
                    raise self._product(code, text)
        if not isinstance(got, dict):
            raise self._wrong("postprocess", "(dict, prod_errcode, prod_errinfo)", got)
        return got

    # --- batches ---

    def _run_batch(self, items: list[Item], leave: Callable[[], None]) -> None:
        """Do the steps for all; what is the matter with one is the matter of that one alone."""
        lease = self._places.lease(leave)
        try:
            self._run_items(items, lease)
        finally:
            lease.drop()

    def _run_items(self, items: list[Item], lease: Lease) -> None:
        began = perf_counter()
        todo: list[Item] = []
        for item in items:
            try:
                item.data, skips = self.prepare(item.inputs, item.data_id, item.log_id)
                if self._processes and not skips:
                    todo.append(item)
            except Failed as failed:
                item.failed = failed
        prepared = perf_counter()
        if todo:
            _merge.process(
                todo,
                lambda feed, log_id: self.process_one(feed, log_id, lease),
                lambda data, log_id: self.process_all(data, log_id, lease),
            )
        processed = perf_counter()
        for item in items:
            if item.failed is None:
                try:
                    item.data = self.finish(item.inputs, item.data, item.data_id, item.log_id)
                except Failed as failed:
                    item.failed = failed
        ended = perf_counter()
        for item in items:
            if item.marks is not None:
                steps = (prepared - began, processed - prepared, ended - processed)
                item.marks.extend((began - item.since, *steps))

    # --- what is wrong ---

    def _check(self, feed: Mapping[Any, Any]) -> None:
        """Refuse a feed whose keys are not the model's."""
        if self._feeds is None:
            return
        given = {key for key in feed if "lod" not in str(key)}
        missing = [alias for alias, name in self._feeds if not given & {alias, name}]
        known = {each for pair in self._feeds for each in pair}
        unknown = sorted(str(key) for key in given - known)
        if missing or unknown:
            wanted = ", ".join(alias for alias, _ in self._feeds)
            got = ", ".join(sorted(map(str, given))) or "none"
            text = f"[{self.name}] the feed's keys: expected {wanted}; got {got}"
            raise Failed(Code.INPUT_PARAMS_ERROR, text)

    def _raised(self, step: str, log_id: int, fault: BaseException) -> Failed:
        where = f"{type(self.op).__qualname__}.{step}"
        said = f"Log_id: {log_id}  Raise_msg: {_said_by(fault)}"
        text = f"{said}  ClassName: {where}  FunctionName: {step}_help"
        return Failed(Code.UNKNOW, text, fault)

    def _unpredicted(self, why: str, code: int, fault: BaseException | None = None) -> Failed:
        text = (
            f"[{self.name}] failed to predict. {why}. Please check the input dict and checkout "
            "PipelineServingLogs/pipeline.log for more details."
        )
        return Failed(code, text, fault)

    def _product(self, code: Any, text: Any) -> Failed:
        try:
            number = number_of(code)
        except (TypeError, ValueError):
            return self._wrong("prod_errcode", "a number or a member of ProductErrCode", code)
        return Failed(number, "" if text is None else str(text), is_product=True)

    def _wrong(self, step: str, expected: str, got: Any) -> Failed:
        text = f"[{self.name}] {step}: expected {expected}; got {type(got).__name__}"
        return Failed(Code.TYPE_ERROR, text)
