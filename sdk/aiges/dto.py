"""The data that goes in and out of a wrapper: the loader's own classes in a worker, else the same.

Inside the loader all of it is the native module ``aiges_embed``; outside there are classes in plain
Python that take and refuse the same. So a wrapper may import from here, or as they always did::

    try:
        from aiges_embed import ResponseData, Response, DataListNode, DataListCls
    except ImportError:
        from aiges.dto import ResponseData, Response, DataListNode, DataListCls
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiges._dto import Data as Data
from aiges._dto import init_rq as init_rq

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
    )
else:
    try:
        import aiges_embed as _used
    except ImportError:
        from aiges import _dto as _used
    for _name in __all__[:-1]:
        globals()[_name] = getattr(_used, _name)
