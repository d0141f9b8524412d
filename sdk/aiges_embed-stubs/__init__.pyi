# The native module inside the loader (wrapper/embed_module.cc). Same classes as aiges.dto.
from aiges.dto import (
    DataListCls as DataListCls,
)
from aiges.dto import (
    DataListNode as DataListNode,
)
from aiges.dto import (
    Response as Response,
)
from aiges.dto import (
    ResponseData as ResponseData,
)
from aiges.dto import (
    SessionCreateResponse as SessionCreateResponse,
)

def callback(response: object, usrTag: str, sid: str = ...) -> int: ...
def call_state(usrTag: str) -> tuple[bool, int | None]: ...
def current_tag() -> str: ...
def callback_metric(tag: str, key: str, count: int) -> int: ...
def callback_trace(tag: str, key: str, value: str) -> int: ...
