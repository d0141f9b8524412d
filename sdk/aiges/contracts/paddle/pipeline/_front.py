# SPDX-License-Identifier: Apache-2.0
"""A request through the graph to its answer, whatever it came by."""

from __future__ import annotations

import functools
import itertools
import logging
import sys
from time import perf_counter
from typing import Any, Callable, Optional

from aiges.contracts.paddle.pipeline._config import Config
from aiges.contracts.paddle.pipeline._dag import Graph, Runner
from aiges.contracts.paddle.pipeline._errors import Code, Failed, number_of
from aiges.contracts.paddle.pipeline._messages import Request, Response
from aiges.contracts.paddle.pipeline._ops import ChannelData, RequestOp, ResponseOp
from aiges.contracts.paddle.pipeline._trace import Trace, Tracer

__all__ = ["Answer", "Front"]

log = logging.getLogger("pipeline")

Answer = tuple[Any, Optional[BaseException]]  # The response, and what was raised, if it was that.
# Runs an op: (name, its inputs, data_id, log_id, marks) -> its output. Raises Failed.
RunOp = Callable[[str, dict[str, Any], int, int, Any], Any]
_PROFILE = "pipeline.profile"
# What another attempt may change.
_AGAIN = frozenset((Code.TIMEOUT_ERROR, Code.CLIENT_ERROR, Code.UNKNOW))


class Front:
    """``run_op`` runs an op; ``read`` makes of the last op's output the dict that it is."""

    def __init__(
        self,
        name: str,
        graph: Graph,
        config: Config,
        run_op: RunOp,
        read: Callable[[Any], Any] | None = None,
    ) -> None:
        self.name = name
        self._run_op, self._read = run_op, read
        self._attempts = config.dag.retry
        self._runner = Runner(graph, config.dag.channel_recv_frist_arrive)
        assert graph.request is not None
        self._unpack = graph.request.unpack_request_package
        self._pack = graph.response.pack_response_package
        pack: Any = type(graph.response).pack_response_package
        self._packs_plainly = pack is ResponseOp.pack_response_package
        self._profiles = config.dag.use_profile
        self.tracer = Tracer(config.dag, [op.name for op in graph.ops])
        self._numbers = itertools.count()

    def end(self) -> None:
        """End the threads of branches and of the tracer."""
        self._runner.end()
        self.tracer.end()

    def answer(self, request: Request) -> Answer:
        """Answer a request. Raises nothing of the user's."""
        data_id = next(self._numbers)
        trace = Trace() if self.tracer.is_on or self._profiles else None
        try:
            if request.name and request.name != self.name:
                text = "Failed to inference: Service name error."
                raise Failed(Code.NO_SERVICE, text)
            data, log_id = self._unpacked(request)
            wants_profile = type(data) is dict and data.get(_PROFILE) == "1"
            if wants_profile:
                del data[_PROFILE]
                trace = trace or Trace()
            out = self._through(request, data, data_id, log_id, trace)
            response = self._packed(data_id, log_id, out)
        except Failed as failed:
            return self._refused(request, data_id, failed, trace)
        except Exception as fault:
            unknown = Failed(Code.UNKNOW, f"{type(fault).__name__}: {fault}", fault)
            return self._refused(request, data_id, unknown, trace)
        if trace is not None:
            self._traced(trace, data_id, response, wants_profile)
        return response, None

    def _through(
        self, request: Request, data: Any, data_id: int, log_id: int, trace: Trace | None
    ) -> Any:
        if trace is None:
            run = functools.partial(self._run, data_id, log_id)
        else:
            run = functools.partial(self._run_traced, data_id, log_id, trace)
        for left in range(self._attempts - 1, -1, -1):
            try:
                return self._runner.run(data, run, functools.partial(self._shown, data_id, log_id))
            except Failed as failed:
                if left == 0 or failed.code not in _AGAIN:
                    raise
                data, _ = self._unpacked(request)  # Ops may have written into the other one.

    def _shown(self, data_id: int, log_id: int, out: Any) -> dict[int, ChannelData]:
        return {data_id: self._channel(data_id, log_id, out)}

    def _channel(self, data_id: int, log_id: int, out: Any) -> ChannelData:
        return ChannelData(data_id, log_id, out if self._read is None else self._read(out))

    def _run(self, data_id: int, log_id: int, name: str, inputs: dict[str, Any]) -> Any:
        return self._run_op(name, inputs, data_id, log_id, None)

    def _run_traced(
        self, data_id: int, log_id: int, trace: Trace, name: str, inputs: dict[str, Any]
    ) -> Any:
        marks: list[float] = []
        began = perf_counter()
        try:
            return self._run_op(name, inputs, data_id, log_id, marks)
        finally:
            trace.add(name, began, marks)

    # --- the two ends ---

    def _unpacked(self, request: Request) -> tuple[Any, int]:
        try:
            data, log_id, code, text = self._unpack(request)
            if code is None or (number := number_of(code)) == 0:
                return data, log_id
        except Exception as fault:
            own = isinstance(fault, ValueError)
            failed = Failed(Code.RPC_PACKAGE_ERROR, f"rpc package error: {fault}")
            failed.fault = None if own else fault
            raise failed from fault
        raise Failed(number, str(text or ""), is_product=True)

    def _packed(self, data_id: int, log_id: int, out: Any) -> Any:
        return self._pack_safely(self._channel(data_id, log_id, out))

    def _pack_safely(self, channel: ChannelData) -> Any:
        try:
            return self._pack(channel)
        except Exception as fault:
            text = f"rpc package error: {type(fault).__name__}: {fault}"
            raise Failed(Code.RPC_PACKAGE_ERROR, text, fault) from fault

    def _refused(
        self, request: Request, data_id: int, failed: Failed, trace: Trace | None
    ) -> Answer:
        if failed.fault is not None:
            log.error("data_id %d: %s", data_id, failed.text, exc_info=failed.fault)
        elif failed.code >= Code.NOT_IMPLEMENTED:
            log.warning("data_id %d: %s", data_id, failed.text)
        if trace is not None:
            self.tracer.take(trace, False)
        response: Any = Response(failed.code, failed.text)
        if not self._packs_plainly:
            channel = ChannelData(data_id, request.logid, None, failed)
            try:
                response = self._pack_safely(channel)
            except Failed as again:
                log.error("data_id %d: %s", data_id, again.text, exc_info=again.fault)
        return response, failed.fault

    def _traced(self, trace: Trace, data_id: int, response: Any, wanted: bool) -> None:
        self.tracer.take(trace, response.err_no == 0)
        if self._profiles:
            print(trace.text(data_id), file=sys.stderr)
        if wanted:
            response.key.append(_PROFILE)
            response.value.append(trace.text(data_id))


assert RequestOp.NAME
