# SPDX-License-Identifier: Apache-2.0
"""The predictor behind ``POST /``: made once, called by threads side by side."""

from __future__ import annotations

import contextlib
import logging
import sys
import threading
import traceback
from pathlib import Path
from typing import Any, Callable

from aiges.contracts import _handover
from aiges.contracts._doors import seconds_left
from aiges.contracts._http import HttpAnswer, HttpFace, HttpRequest
from aiges.contracts._threads import DoorThreads
from aiges.contracts.openbayes import (
    _answers,
    _background,
    _events,
    _flask,
    _inject,
    _onnx,
    _pages,
    _refused,
    _requirements,
)
from aiges.contracts.openbayes._call import Call, getters
from aiges.contracts.openbayes._console import Console
from aiges.contracts.openbayes._cors import cors_fields
from aiges.contracts.openbayes._log import init_logging
from aiges.contracts.openbayes._once import once_request, once_result
from aiges.contracts.openbayes._options import Options, read_options

__all__ = ["Server"]

_LOG = logging.getLogger("openbayes_serving.serv")
_CALL = "openbayes_serving.run(..)"
_WHAT = "a class with predict()"
_NO_ROOM = HttpAnswer(
    503, [(b"content-type", b"text/plain; charset=utf-8")], b"Service Unavailable"
)
_TOO_LARGE = HttpAnswer(413, [_refused.JSON_TYPE], b'{"error": "the body is too large"}')
_CALLS_BESIDE = 4  # Threads that are left to refuse where limit_concurrency holds the others.


class Config:
    """What a constructor gets that asks for ``config``."""

    def __init__(self) -> None:
        self.limit = 0

    def limit_concurrency(self, n: int) -> None:
        """Let so many requests be served at a time; more are answered with 503."""
        if not isinstance(n, int) or n < 1:
            raise ValueError(f"config.limit_concurrency: expected a number from 1, got {n!r}")
        self.limit = n


class Server:
    """Makes the predictor (start), answers calls, ends."""

    def __init__(self, config: dict[str, str]) -> None:
        self._options: Options = read_options(config)
        self._config = Config()
        self._console = Console() if self._options.console else None
        self._flask: _flask.FlaskSide | None = None
        self._flask_always = False
        self._flask_mu = threading.Lock()
        self._doors: DoorThreads | None = None
        self._predict: Callable[..., Any] | None = None
        self._plan: list[tuple[str, Callable[[Call], Any]]] = []
        self._structure = False
        self._room: threading.BoundedSemaphore | None = None
        self._busy: threading.BoundedSemaphore | None = None

    # --- start and end ---

    def start(self) -> None:
        """Make the predictor, and take calls. Raises what ends the start."""
        predictor = self._make(self._load())
        self._look_at(predictor)
        threads = self._options.threads
        if limit := self._config.limit:
            self._room = threading.BoundedSemaphore(limit)
            if limit > threads:  # Those beyond wait for their turn.
                self._busy = threading.BoundedSemaphore(threads)
            threads = max(threads, limit) + _CALLS_BESIDE
        self._doors = DoorThreads(min(threads, 1000))
        HttpFace(self._doors, self.handle, self._options.max_body, lambda _: _TOO_LARGE)
        self._doors.loop.start()
        _background.start(predictor, self._app_context)
        self._doors.start()

    def doors(self) -> dict[str, Any]:
        """Name what is answered here, and how the host words what it says in our place."""
        return {
            "doors": [{"http": "/{path..}"}],
            "refusal": {"type": "text/html; charset=utf-8", "body": ""},
        }

    def end(self) -> None:
        """End what serves, and send the events that wait."""
        left = seconds_left()
        _events.flush(left / 4)
        if self._doors is not None:
            self._doors.end(left / 2)

    def _load(self) -> Any:
        absent = _requirements.missing(Path.cwd())
        for each in absent:
            _LOG.warning("requirements.txt: %s", each)
        try:
            made = _handover.load(_CALL, "predictor.py", _WHAT)
        except ImportError as fault:
            if not absent:
                raise
            raise ImportError(
                f"{fault} (requirements.txt names what is missing: {', '.join(absent)}; "
                "pip install -r requirements.txt)",
                name=fault.name,
            ) from fault
        init_logging()
        return made

    def _make(self, cls: Any) -> Any:
        if not callable(cls):
            raise TypeError(f"{_CALL}: expected {_WHAT}, got an object of {type(cls).__name__}")
        name = getattr(cls, "__name__", "Predictor")
        wanted = _inject.wanted(f"{name}.__init__", cls, _inject.CONSTRUCTOR)
        given: dict[str, Any] = {}
        for parameter, tag in wanted.items():
            if tag == "onnx":
                given[parameter] = _onnx.load_session(self._options.model_path)
            else:
                given[parameter] = self._config
        main = getattr(sys.modules.get("__main__"), "__file__", None)
        self._flask_always = _flask.names_flask(main)
        with self._app_context():
            return cls(**given)

    def _look_at(self, predictor: Any) -> None:
        """Learn once what predict asks for."""
        name = type(predictor).__name__
        predict = getattr(predictor, "predict", None)
        if not callable(predict):
            raise _inject.Unknown(
                f"{name}: expected a method predict, found none (没有实现 `predict` 接口)"
            )
        wanted = _inject.wanted(f"{name}.predict", predict, _inject.PREDICT)
        strict = self._options.strict
        self._plan = [(parameter, getters(strict)[tag]) for parameter, tag in wanted.items()]
        self._flask_always = self._flask_always or "request" in wanted.values()
        self._structure = _inject.returns_structure(predict)
        self._predict = predict

    def _app_context(self) -> contextlib.AbstractContextManager[Any]:
        if not self._wants_flask():
            return contextlib.nullcontext()
        context: contextlib.AbstractContextManager[Any] = self._flask_side().app.app_context()
        return context

    # --- calls, on threads ---

    def handle(self, request: HttpRequest) -> HttpAnswer:
        """Answer one request."""
        if request.method != "POST" or (request.pseudo["path"] != "/" and request.path.strip("/")):
            if self._console is not None and (page := self._console.answer(request)):
                return page
            return _pages.beside(request)
        if self._room is None:
            return self._answer(request)
        if not self._room.acquire(blocking=False):
            return _NO_ROOM
        try:
            with self._busy or contextlib.nullcontext():
                return self._answer(request)
        finally:
            self._room.release()

    def _answer(self, request: HttpRequest) -> HttpAnswer:
        call = Call(request)
        token = _events.request_id.set(call.head.get(b"x-openbayes-serving-request-id", b""))
        try:
            if self._wants_flask():
                side = self._flask_side()
                with side.context(request) as context:
                    call.flask = context.request
                    answer = self._result(call, side)
            else:
                answer = self._result(call, None)
        except _refused.Refused as refused:
            answer = refused.answer
        except _refused.Missing:
            answer = _refused.BAD_REQUEST
        except Exception as fault:
            page = _flask.http_exception(fault)
            if page is None:
                answer = self._failed(call, fault)
            elif page.code != 400:
                return _flask.page_of(page)
            else:
                answer = _refused.BAD_REQUEST
        finally:
            _events.request_id.reset(token)
        if b"origin" in call.head:
            return _answers.with_fields(answer, cors_fields(request))
        return answer

    def _result(self, call: Call, side: _flask.FlaskSide | None) -> HttpAnswer:
        accept = call.head.get(b"accept", b"")
        if self._structure:
            _answers.check_accept(accept)
        assert self._predict is not None
        result = self._predict(**{name: get(call) for name, get in self._plan})
        answer = _answers.answer_of(result, accept, self._options.strict)
        if answer is not None:
            return answer
        if side is not None:
            return side.answer(result)
        side = self._flask_side()  # Imported within this call, by a module that main does not show.
        with side.context(call.request):
            return side.answer(result)

    def _failed(self, call: Call, fault: Exception) -> HttpAnswer:
        """Answer an exception of the user's: by the host, which keeps it, unless more is wished."""
        console = self._console
        if console is not None and console.may_see(call.request):
            _LOG.error("predict 函数发生了异常，请检查代码", exc_info=fault)
            call.request.note(fault)
            url = console.keep(fault, call.request)
            return _refused.compact(500, {"debug_url": url})
        if self._options.debug:
            _LOG.error("predict 函数发生了异常，请检查代码", exc_info=fault)
            call.request.note(fault)
            text = "".join(traceback.format_exception(type(fault), fault, fault.__traceback__))
            said = f"{type(fault).__name__}: {fault}"
            return _refused.compact(500, {"error": said, "traceback": text})
        if b"origin" not in call.head:
            raise fault
        _LOG.error("predict 函数发生了异常，请检查代码", exc_info=fault)
        call.request.note(fault)
        return HttpAnswer(500, [_pages.HTML_TYPE])

    def _wants_flask(self) -> bool:
        return self._flask_always or _flask.is_loaded()

    def _flask_side(self) -> _flask.FlaskSide:
        if self._flask is None:
            with self._flask_mu:
                if self._flask is None:
                    self._flask = _flask.FlaskSide()
        return self._flask

    # --- the host's own protocols ---

    def once(self, params: dict[str, Any], data: Any) -> Any:
        """Answer a call of xsf, of the envelope, raw or JSON, as a POST of its one input."""
        return once_result(self.handle(once_request(params, data)))
