"""The data that goes in and out of a wrapper, outside the loader.

Inside the loader the native module ``aiges_embed`` has the same classes with the same behaviour,
so a wrapper starts with::

    try:
        from aiges_embed import ResponseData, Response, DataListNode, DataListCls
    except ImportError:
        from aiges.dto import ResponseData, Response, DataListNode, DataListCls
"""

from __future__ import annotations

import queue
from typing import Any, Union

from aiges.core.types import DataOnce, DataText

__all__ = [
    "DataListCls",
    "DataListNode",
    "Response",
    "ResponseData",
    "SessionCreateResponse",
    "callback",
    "callback_metric",
    "callback_trace",
    "init_rq",
]

Data = Union[bytes, bytearray, memoryview, str]


def _to_bytes(value: Any) -> bytes:
    if isinstance(value, bytes):
        return value
    if isinstance(value, str):
        return value.encode()
    try:
        return memoryview(value).tobytes()
    except TypeError:
        raise TypeError(
            f"data: expected bytes, a buffer or str, got {type(value).__name__}"
        ) from None


class _Node:
    """One payload. ``len`` follows ``data`` unless it is set by hand."""

    def __init__(
        self,
        key: str = "",
        len: int | Data = 0,  # noqa: A002 (frozen name)
        status: int = DataOnce,
        type: int = DataText,  # noqa: A002 (frozen name)
        data: Data | None = None,
        length: int = 0,
    ) -> None:
        self.key = key
        self.status = status
        self.type = type
        self.desc: dict[str, str] = {}
        self.len = 0
        self._data = b""
        if data is not None:
            self.data = data
        if isinstance(len, int):
            self.len = len or self.len
        self.len = length or self.len

    @property
    def data(self) -> bytes:
        """The payload; takes bytes, any buffer, or str (sent as UTF-8)."""
        return self._data

    @data.setter
    def data(self, value: Data) -> None:
        self._data = _to_bytes(value)
        self.len = len(self._data)

    def get_data(self) -> bytes:
        return self._data

    def setData(self, value: Data) -> None:  # noqa: N802 (frozen name)
        self.data = value

    def setDataType(self, type: int) -> None:  # noqa: A002, N802 (frozen names)
        if not 0 <= type <= 3:
            raise ValueError(
                f"type: expected 0 (text), 1 (audio), 2 (image) or 3 (video), got {type}"
            )
        self.type = type

    def setKey(self, key: str) -> None:  # noqa: N802 (frozen name)
        self.key = key

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}(key={self.key!r}, type={self.type}, "
            f"status={self.status}, len={self.len})"
        )


class ResponseData(_Node):
    """One output payload."""


class DataListNode(_Node):
    """One input payload; ``desc`` has the attributes that the client sent."""


class DataListCls:
    """The input payloads of a call."""

    def __init__(self) -> None:
        self.list: list[DataListNode] = []

    def get(self, key: str) -> DataListNode | None:
        """Return the first payload of that key, or None."""
        return next((node for node in self.list if node.key == key), None)


class Response:
    """The result of a call: output payloads, or an error code other than 0."""

    def __init__(self) -> None:
        self.list: list[ResponseData] = []
        self.error_code = 0

    def response_err(self, code: int) -> Response:
        """Set the error code; returns self, for ``return Response().response_err(100)``."""
        self.error_code = code
        return self


class SessionCreateResponse:
    """The result of wrapperCreate."""

    def __init__(self, handle: str = "", error_code: int = 0) -> None:
        self.handle = handle
        self.error_code = error_code


_results: queue.Queue[tuple[Response, str]] | None = None


def init_rq() -> queue.Queue[tuple[Response, str]]:
    """Make the queue that ``callback`` fills, and return it."""
    global _results
    _results = queue.Queue()
    return _results


def callback(response: Response, tag: str, sid: str = "") -> int:
    """Deliver a result of a session, as (response, tag) or (response, handle, sid).

    Returns 0, or -1 when nobody waits (``init_rq`` was not called).
    """
    if _results is None:
        return -1
    _results.put((response, sid or tag))
    return 0


def callback_metric(tag: str, key: str, count: int) -> int:
    """Count something; only the loader has a place for it."""
    return 0


def callback_trace(tag: str, key: str, value: str) -> int:
    """Note something about a call; only the loader has a place for it."""
    return 0
