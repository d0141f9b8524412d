# SPDX-License-Identifier: Apache-2.0
"""What a running hook can ask about its own call: who makes it, and how long somebody waits for it.

Works inside every hook, in generators, and in tasks of async hooks. Elsewhere name the call by its
``usrTag``: in a thread that user code started, and in wrapperBatchExec, which runs many calls
(``cancelled(usrTags[i])``). A session may be named by its sid or handle too. A call that is over
is one that nobody waits for. Outside the loader somebody always waits. In wrapperFini both speak
of the worker, which is to end: how long it has until it is killed.
"""

from __future__ import annotations

import importlib
from contextvars import ContextVar
from typing import Any

from . import _tracing

aiges_embed: Any = None
try:
    aiges_embed = importlib.import_module("aiges_embed")
except ImportError:
    pass  # Not in a worker.
if not hasattr(aiges_embed, "call_state"):
    aiges_embed = None  # An earlier shim's, which knows nothing of calls.

_task_tag: ContextVar[str] = ContextVar("aiges_usr_tag", default="")


def _enter(tag: str) -> None:  # pyright: ignore[reportUnusedFunction] (the loader's, and _threads')
    """Name the call of this asyncio task; done by the loader."""
    _task_tag.set(tag)
    _tracing.follow(tag)


def usr_tag() -> str:
    """Return the usrTag of the call that runs here; empty outside of one, and in a batch."""
    if aiges_embed is None:
        return ""
    return _task_tag.get() or str(aiges_embed.current_tag())


def caller(tag: str = "") -> str:
    """Return who makes the call: the id of the key it came with; empty where there are no keys."""
    ask = getattr(aiges_embed, "_caller", None)
    return "" if ask is None else str(ask(tag or usr_tag()))


def traceparent(tag: str = "") -> str:
    """Return the trace that the call is a part of, as W3C Trace Context has it; empty: of none.

    The span in it is that of the engine's work, so what user code begins lies within it.
    """
    told = _tracing.told(tag or usr_tag())
    return "" if told is None else told[0]


def remaining_ms(tag: str = "") -> float | None:
    """Return the time until the call's deadline, 0 after it; None without a deadline."""
    if aiges_embed is None:
        return None
    left = aiges_embed.call_state(tag or usr_tag())[1]
    return None if left is None else float(left)


def cancelled(tag: str = "") -> bool:
    """Return True when nobody waits for the call any more: cancelled, over, past its deadline."""
    return aiges_embed is not None and bool(aiges_embed.call_state(tag or usr_tag())[0])
