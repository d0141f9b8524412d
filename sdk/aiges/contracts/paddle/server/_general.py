# SPDX-License-Identifier: Apache-2.0
"""GeneralModelService of one workflow: inference and debug, over gRPC, baidu_std and HTTP."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from aiges.contracts.paddle import _fast, _wire
from aiges.contracts.paddle._conf import ModelConf
from aiges.contracts.paddle.server import _json, _messages
from aiges.contracts.paddle.server._calls import Call, NotYet
from aiges.contracts.paddle.server._graph import Result
from aiges.contracts.paddle.server._metrics import Counts
from aiges.contracts.paddle.server._multi_lang import SERVICE as MULTI_LANG
from aiges.contracts.paddle.server._multi_lang import MultiLang
from aiges.contracts.paddle.server._pages import JSON, PROTO, Answer, text

if TYPE_CHECKING:
    from aiges.contracts._http import HttpRequest
    from aiges.contracts.paddle.server._http import Routes

__all__ = ["General", "Runs"]

_LOG = logging.getLogger("aiges.paddle")
_METHODS = ("inference", "debug")


Method = Callable[["bytes | memoryview"], _fast.Pieces]


class Runs(Protocol):
    """What runs calls: the models' Graph, or one that waits for a key."""

    conf: ModelConf

    def run(self, call: Call) -> Result:
        """Return the outputs. Raises ValueError, RuntimeError, NotYet."""
        ...


class General:
    """Answers calls. Threads: any."""

    def __init__(self, graph: Runs, counts: Counts | None = None) -> None:
        self._graph, self._counts = graph, counts
        self._multi_lang = MultiLang(graph.conf, self.run)

    def run(self, call: Call) -> Result:
        """Predict, and count it. Raises what the models raise."""
        counts = self._counts
        if counts is None:
            return self._graph.run(call)
        begin = time.perf_counter()
        try:
            result = self._graph.run(call)
        except BaseException:
            counts.add(False, time.perf_counter() - begin, [])
            raise
        counts.add(True, time.perf_counter() - begin, result.times)
        return result

    # --- messages ---

    def methods(self) -> dict[str, Method]:
        """Return the methods of gRPC by their paths."""
        made: dict[str, Method] = {
            f"/{_wire.SERVICE}/inference": self.inference,
            f"/{_wire.SERVICE}/debug": self.debug,
        }
        for name, method in self._multi_lang.methods().items():
            made[f"/{MULTI_LANG}/{name}"] = _of_pieces(method)
        return made

    @property
    def services(self) -> list[str]:
        """The full names of the services."""
        return [_wire.SERVICE, MULTI_LANG]

    def inference(self, message: bytes | memoryview) -> _fast.Pieces:
        """Answer a Request, in the generation that it is of. Raises ValueError, RuntimeError."""
        return self._answer(message, False)

    def debug(self, message: bytes | memoryview) -> _fast.Pieces:
        """Answer it with the times of each step, whether they are asked for or not."""
        return self._answer(message, True)

    def _read(self, read: Callable[..., Call], *arguments: Any) -> Call:
        try:
            return read(*arguments)
        except ValueError:
            if self._counts is not None:
                self._counts.add(False, 0, [])
            raise

    def _answer(self, message: bytes | memoryview, times: bool) -> _fast.Pieces:
        if _messages.is_old(message):
            call = self._read(_messages.read_old, message, self._graph.conf)
            result = self.run(call)
            return [_messages.write_old(result.outputs, _times(call, result, times))]
        call = self._read(_messages.read_request, message)
        result = self.run(call)
        outputs = [(output.engine, output.values) for output in result.outputs]
        return _fast.write_response(outputs, call.log_id, _times(call, result, times))

    # --- HTTP ---

    def add_to(self, routes: Routes) -> None:
        """Name the paths."""
        for name in _METHODS:
            # Under the service's full name the host takes gRPC alone.
            routes.add(f"/GeneralModelService/{name}", self._handler(name == "debug"))

    def _handler(self, is_debug: bool) -> Callable[[HttpRequest, bytes], Answer]:
        def handle(request: HttpRequest, body: bytes) -> Answer:
            try:
                return self._post(request, body, is_debug)
            except ValueError as fault:
                return text(400, str(fault))
            except NotYet as fault:
                return text(503, str(fault))
            except Exception as fault:
                _LOG.error("%s has failed: %s", request.path, fault, exc_info=fault)
                request.note(fault)
                return text(500, str(fault) or type(fault).__name__)

        return handle

    def _post(self, request: HttpRequest, body: bytes, is_debug: bool) -> Answer:
        kind = request.get(b"content-type").partition(b";")[0].strip().lower()
        if kind in (PROTO, b"application/x-protobuf", b"application/protobuf"):
            answer = b"".join(self._answer(body, is_debug))
            return Answer(200, [(b"content-type", PROTO)], answer)
        answer = self.json(body, is_debug)
        return Answer(200, [(b"content-type", JSON)], answer)

    def json(self, body: bytes, times: bool = False) -> bytes:
        """Answer a request in JSON. Raises ValueError, RuntimeError."""
        call = self._read(_json.read_json, body)
        result = self.run(call)
        return _json.write_json(result.outputs, call.log_id, _times(call, result, times))


def _of_pieces(method: Callable[[bytes], bytes]) -> Method:
    return lambda message: [method(bytes(message))]


def _times(call: Call, result: Result, always: bool) -> list[int]:
    return result.times if always or call.wants_times else []
