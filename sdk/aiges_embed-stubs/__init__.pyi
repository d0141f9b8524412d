# The native module inside the loader (wrapper/embed_module.cc, deliveries.cc). Outside a worker
# aiges.dto has the same names. Tests compare this file with both, and run mypy on it.
import queue as _queue
from builtins import list as _list
from typing import Any as _Any

import numpy as _np

_Data = bytes | bytearray | memoryview | str

class ResponseData:
    """One output payload. ``len`` follows ``data`` unless it is set by hand."""

    key: str
    len: int
    status: int
    type: int
    desc: dict[str, str]
    def __init__(
        self,
        key: str = "",
        len: int | _Data | None = 0,
        status: int = 3,
        type: int = 0,
        data: _Data | None = None,
        length: int = 0,
    ) -> None: ...
    @property
    def data(self) -> bytes: ...
    @data.setter
    def data(self, value: _Data) -> None: ...
    def get_data(self) -> bytes: ...
    def numpy(self) -> _np.ndarray[_Any, _Any]: ...
    def setData(self, d: _Data) -> None: ...
    def setDataType(self, t: int) -> None: ...
    def setKey(self, key: str) -> None: ...

class DataListNode:
    """One input payload; ``desc`` has the attributes that the client sent."""

    key: str
    len: int
    status: int
    type: int
    desc: dict[str, str]
    def __init__(
        self,
        key: str = "",
        len: int | _Data | None = 0,
        status: int = 3,
        type: int = 0,
        data: _Data | None = None,
        length: int = 0,
    ) -> None: ...
    @property
    def data(self) -> bytes: ...
    @data.setter
    def data(self, value: _Data) -> None: ...
    def get_data(self) -> bytes: ...
    def numpy(self) -> _np.ndarray[_Any, _Any]: ...
    def setData(self, d: _Data) -> None: ...
    def setDataType(self, t: int) -> None: ...
    def setKey(self, key: str) -> None: ...

class DataListCls:
    """The input payloads of a call."""

    list: _list[DataListNode]
    def __init__(self) -> None: ...
    def get(self, key: str) -> DataListNode | None: ...

class Response:
    """The result of a call: output payloads, or an error code other than 0."""

    list: _list[ResponseData]
    error_code: int
    def __init__(self) -> None: ...
    def response_err(self, error_code: int) -> Response: ...

class SessionCreateResponse:
    """The result of wrapperCreate."""

    handle: str
    error_code: int
    def __init__(self, handle: str = "", error_code: int = 0) -> None: ...

def callback(response: object, usrTag: str, *sid: object) -> int: ...
def call_state(usrTag: str) -> tuple[bool, int | None]: ...
def current_tag() -> str: ...
def callback_metric(tag: str, key: str, count: int, /) -> int: ...
def callback_trace(tag: str, key: str, value: str, /) -> int: ...
def init_rq() -> _queue.Queue[tuple[Response, str]]: ...
