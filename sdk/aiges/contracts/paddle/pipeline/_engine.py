# SPDX-License-Identifier: Apache-2.0
"""What a worker serves: the pipeline, or one op of it."""

from __future__ import annotations

import logging
import os
from typing import Any

from aiges.contracts import _handover
from aiges.contracts._threads import DoorThreads
from aiges.contracts.paddle.pipeline import _logs, _remote, _seat
from aiges.contracts.paddle.pipeline._codec import NotCarried
from aiges.contracts.paddle.pipeline._errors import Code, Failed
from aiges.contracts.paddle.pipeline._front import Front
from aiges.contracts.paddle.pipeline._grpc import GrpcSide, Reply
from aiges.contracts.paddle.pipeline._http import REFUSAL, HttpSide
from aiges.contracts.paddle.pipeline._messages import (
    METHOD,
    SERVICE,
    BadRequest,
    from_json,
    from_wire,
    to_json,
    to_wire,
)
from aiges.contracts.paddle.pipeline._plan import Plan
from aiges.contracts.paddle.pipeline._stage import Stage

__all__ = ["OpModel", "Service", "engine_of", "start"]

log = logging.getLogger("pipeline")

_CALL = "run_service() or run_server()"
_WHAT = "a program that serves a pipeline"


def start() -> Service | OpModel:
    """Run the user's program and serve its pipeline, or the op whose model this worker has."""
    return engine_of(_handover.load(_CALL, "web_service.py", _WHAT))


def engine_of(plan: Any) -> Service | OpModel:
    """Serve what was handed over, as this worker's model. Raises ValueError."""
    if not isinstance(plan, Plan):
        raise ValueError(f"expected {_WHAT}, got {type(plan).__name__}")
    _logs.start()
    model = os.environ.get("AIGES_MODEL_NAME", "")
    op = plan.op_of_model(model)
    if op is not None:
        return OpModel(plan, op)
    if plan.has_processes and model != plan.name:
        log.warning(
            "is_thread_op: false needs the command python web_service.py, which makes a model of "
            "each op: here all ops are in one process"
        )
    return Service(plan, plan.has_processes and model == plan.name)


class OpModel:
    """One op in a process of its own."""

    def __init__(self, plan: Plan, name: str) -> None:
        op = plan.ops[name]
        index = _seat.take(os.environ.get("AIGES_MODEL_FOLDER", "."))
        self._stage = Stage(op, op.conf_over(plan.conf_of(name)).of_one_process(), index)

    def doors(self) -> dict[str, Any]:
        """Answer nothing but calls of the pipeline."""
        return {"doors": []}

    def once(self, data: Any) -> Any:
        """Run the op for one call."""
        marks: list[float] = []
        try:
            inputs, data_id, log_id = _remote.read_call(data)
            out = self._stage.run(inputs, data_id, log_id, marks)
            return _remote.answer_of(self._stage.name, out, marks)
        except Failed as failed:
            if failed.fault is not None:
                log.error("%s", failed.text, exc_info=failed.fault)
            return _remote.failure_of(failed, marks)
        except NotCarried as fault:
            return _remote.failure_of(Failed(Code.TYPE_ERROR, str(fault)), marks)

    def end(self, _seconds: float) -> None:
        """Nothing runs beside calls."""


class Service:
    """The pipeline behind its ports."""

    def __init__(self, plan: Plan, has_processes: bool) -> None:
        if has_processes:
            models = {name: plan.model_of(name) for name in plan.ops}

            def run(name: str, inputs: Any, data_id: int, log_id: int, marks: Any) -> Any:
                return _remote.run(models[name], name, inputs, data_id, log_id, marks)

            self._front = Front(plan.name, plan.graph, plan.config, run, _remote.read)
        else:
            stages = {
                name: Stage(op, op.conf_over(plan.conf_of(name))) for name, op in plan.ops.items()
            }

            def run(name: str, inputs: Any, data_id: int, log_id: int, marks: Any) -> Any:
                return stages[name].run(inputs, data_id, log_id, marks)

            self._front = Front(plan.name, plan.graph, plan.config, run)
        self._doors = DoorThreads(plan.threads)
        HttpSide(self._doors, self._front.answer)
        grpc = GrpcSide(self._doors, METHOD, self._reply)
        self._doors.loop.start()
        self._doors.start(grpc.simple)

    def doors(self) -> dict[str, Any]:
        """Name what is answered here."""
        return {
            "doors": [{"http": "/{path..}"}, {"grpc": SERVICE}],
            "refusal": REFUSAL,
        }

    def _reply(self, data: bytes, at: int) -> Reply:
        try:
            asked = from_wire(data, at, self._front.name)
        except BadRequest as fault:
            return Reply(13, f"Exception deserializing request! ({fault})")
        response, raised = self._front.answer(asked)
        return Reply(0, "", to_wire(response), raised)

    def once(self, data: Any) -> Any:
        """Answer a call of xsf, of the envelope or raw: its input is a body of POST."""
        from aiges.contracts._once import result_of
        from aiges.errors import BadInput

        nodes = _nodes_of(data)
        if len(nodes) != 1:
            raise BadInput(f"expected one input, the body of POST, got {len(nodes)}")
        try:
            node = nodes[0]
            body = node["data"] if isinstance(node, dict) else node.data
            asked = from_json(bytes(body), self._front.name, "prediction")
        except BadRequest as fault:
            raise BadInput(str(fault)) from None
        response, _ = self._front.answer(asked)
        return result_of(to_json(response), is_json=True)

    def end(self, seconds: float) -> None:
        """End what serves, within that time."""
        self._doors.end(seconds)
        self._front.end()


def _nodes_of(data: Any) -> list[Any]:
    """Return the payloads of a call: in the class style, or as dicts."""
    return list(data.list) if hasattr(data, "list") else list(data)
