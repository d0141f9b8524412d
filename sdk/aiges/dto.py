# SPDX-License-Identifier: Apache-2.0
"""The data that goes in and out of a wrapper: the loader's own classes in a worker, else the same.

Inside the loader all of it is the native module ``aiges_embed``; outside there are classes in plain
Python that take and refuse the same. So a wrapper may import from here, or as they always did::

    try:
        from aiges_embed import ResponseData, Response, DataListNode, DataListCls
    except ImportError:
        from aiges.dto import ResponseData, Response, DataListNode, DataListCls
"""

from __future__ import annotations

import json
import queue
from typing import TYPE_CHECKING, Any, AnyStr, Dict, List, Tuple  # noqa: UP035 (published)

from aiges import _dto
from aiges._dto import Data as Data
from aiges.core import types
from aiges.core.types import *  # noqa: F403 (published: wrappers import them from here)

__all__ = [
    "DataListCls",
    "DataListNode",
    "Response",
    "ResponseData",
    "SessionCreateResponse",
    "call_state",
    "callback",
    "callback_metric",
    "callback_trace",
    "current_tag",
    "init_rq",
]
_OF_THE_WORKER = tuple(__all__)
__all__ += ["AnyStr", "Dict", "List", "Tuple", "json", "queue"]
__all__ += types.__all__

if TYPE_CHECKING:
    from aiges._dto import (
        DataListCls,
        DataListNode,
        Response,
        ResponseData,
        SessionCreateResponse,
        call_state,
        callback,
        callback_metric,
        callback_trace,
        current_tag,
        init_rq,
    )
else:
    try:
        import aiges_embed as _used
    except ImportError:
        _used = _dto
    for _name in _OF_THE_WORKER:  # The module of an earlier shim has not all of them.
        globals()[_name] = getattr(_used, _name, getattr(_dto, _name))


def __getattr__(name: str) -> Any:
    if name == "result_Queue":  # What init_rq() made.
        return _dto.results()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
