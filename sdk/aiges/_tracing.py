# SPDX-License-Identifier: Apache-2.0
"""The trace of a call, made the current one of OpenTelemetry where user code runs.

Needs ``opentelemetry-api`` in the user's environment, and nothing else of it: spans that user code
begins, and requests that its instrumented clients make, are then within the call's. The package is
looked for with the first call that is a part of a trace.
"""

from __future__ import annotations

import importlib
import sys
from contextvars import ContextVar
from typing import Any

__all__ = ["follow", "outgoing", "told"]

# Whether a trace of ours is the current one of this thread or task.
_followed: ContextVar[bool] = ContextVar("aiges_followed", default=False)
_api: Any = None  # (opentelemetry.context, opentelemetry.propagate); False: not there.


def told(tag: str) -> tuple[str, str] | None:
    """Return traceparent and tracestate of a call by its usrTag; None: it is of no trace."""
    ask = getattr(sys.modules.get("aiges_embed"), "_trace", None)
    found: tuple[str, str] | None = None if ask is None or not tag else ask(tag)
    return found


def _find_api() -> Any:
    global _api
    if _api is None:
        try:
            _api = (
                importlib.import_module("opentelemetry.context"),
                importlib.import_module("opentelemetry.trace.propagation.tracecontext"),
            )
        except ImportError:
            _api = False
    return _api


def follow(tag: str) -> None:
    """Make the call's trace the current one of this thread or task, until the next call here."""
    trace = told(tag)
    if trace is None and not _followed.get():
        return
    api = _find_api()
    if not api:
        return
    context, propagation = api
    _followed.set(trace is not None)
    if trace is None:
        context.attach(context.Context())
        return
    carrier = {"traceparent": trace[0], "tracestate": trace[1]}
    propagator = propagation.TraceContextTextMapPropagator()
    context.attach(propagator.extract(carrier, context.Context()))


def outgoing() -> dict[str, str]:
    """Return what goes along with a call that user code makes: its current span, if it has one."""
    if not _followed.get() or not _api:
        return {}
    carrier: dict[str, str] = {}
    _api[1].TraceContextTextMapPropagator().inject(carrier)
    return carrier
