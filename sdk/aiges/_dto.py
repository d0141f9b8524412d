# SPDX-License-Identifier: Apache-2.0
"""What aiges_embed (wrapper/embed_module.cc) has, in plain Python: as strict, and as lenient.

pybind11 takes bytes and bytearray for a str, anything with ``__index__`` or ``__int__`` but no
float for an int, and knows no attributes but its own. tests/e2e/test_dto_in_worker.py runs the same
lines through both.
"""

from __future__ import annotations

import operator
import queue
import re
from typing import TYPE_CHECKING, Any, NoReturn, SupportsIndex, Union

from aiges.core.types import DataOnce, DataText

if TYPE_CHECKING:
    import numpy as np

Data = Union[bytes, bytearray, memoryview, str]
HEAP_TYPE = 1 << 9  # Py_TPFLAGS_HEAPTYPE: other types have their module in the name that C sees.


def _c_name(value: object) -> str:
    kind = type(value)
    if kind.__flags__ & HEAP_TYPE or kind.__module__ == "builtins":
        return kind.__name__
    return f"{kind.__module__}.{kind.__name__}"


def _holds_addresses(view_format: str) -> bool:
    """Tell whether a PEP 3118 format has objects or pointers in it: their addresses, that is."""
    codes = re.sub(r":[^:]*(:|$)", " ", view_format)  # Names of fields stand between colons.
    return re.search(r"[OPXz&]|Z(?![efdg])", codes) is not None  # Zd is a complex number.


def buffer_bytes(value: Any, expected: str) -> bytes:
    """Return the bytes in any buffer. TypeError: there are none, or none that mean something."""
    name, mend = _c_name(value), "; convert it first, as with .astype(..), or send it as JSON"
    try:
        view = memoryview(value)
    except Exception as error:
        if isinstance(error, TypeError) and "bytes-like object is required" in str(error):
            raise TypeError(f"expected {expected}, got {name}") from None
        reason = f"{type(error).__name__}: {error}"
        raise TypeError(f"this {name} gives no bytes ({reason}){mend}") from None
    if _holds_addresses(view.format):
        raise TypeError(
            f"this {name} holds addresses of objects (format '{view.format}'), not their "
            f"values{mend}"
        )
    return view.tobytes()


def _to_bytes(value: Any) -> bytes:
    if isinstance(value, bytes):
        return value
    if isinstance(value, str):
        return value.encode()
    try:
        return buffer_bytes(value, "bytes, a buffer or str")
    except TypeError as error:
        raise TypeError(f"data: {error}") from None


def _tensor(value: Any) -> tuple[str, str, bytes] | None:
    if isinstance(value, (bytes, str)):
        return None
    from aiges.tensors import try_encode

    return try_encode(value)


def _text(value: Any, what: str) -> bytes:
    if isinstance(value, (bytes, bytearray)):
        return bytes(value)
    try:
        if isinstance(value, str):
            return value.encode()
    except UnicodeEncodeError:
        raise TypeError(f"{what}: this str has lone surrogates, so no UTF-8 form") from None
    raise TypeError(f"{what}: expected a str, got {_c_name(value)}")


def _number(value: Any, what: str, low: int, high: int) -> int:
    number = None
    if not isinstance(value, float):
        try:
            number = operator.index(value)
        except TypeError:
            if hasattr(type(value), "__int__"):  # pyright: ignore[reportUnknownArgumentType] (of users)
                number = int(value)
    if number is None:
        raise TypeError(f"{what}: expected an int, got {_c_name(value)}")
    if not low <= number <= high:
        raise TypeError(f"{what}: expected {low} to {high}, got {number}")
    return number


def _int(value: Any, what: str) -> int:
    return _number(value, what, -(2**31), 2**31 - 1)


def _size(value: Any, what: str) -> int:
    return _number(value, what, 0, 2**64 - 1)


class _Value:
    """What all classes here are: nothing but their fields, and nothing that can be copied."""

    __slots__ = ("__weakref__",)

    def __reduce_ex__(self, protocol: SupportsIndex) -> NoReturn:
        kind = type(self)
        raise TypeError(f"cannot pickle '{kind.__module__}.{kind.__qualname__}' object")


class _Node(_Value):
    """One payload. ``len`` follows ``data`` unless it is set by hand."""

    __slots__ = ("_data", "_desc", "_key", "_len", "_status", "_tensor", "_type")

    def __init__(
        self,
        key: str = "",
        len: int | Data | None = 0,  # noqa: A002 (frozen name)
        status: int = DataOnce,
        type: int = DataText,  # noqa: A002 (frozen name)
        data: Data | None = None,
        length: int = 0,
    ) -> None:
        self._data, self._len, self._tensor = b"", 0, False
        self._desc: dict[str, str] = {}
        self.key = key
        self.status = status
        self.type = type
        length = _size(length, "length")
        if data is not None:
            self.data = data
        if isinstance(len, int) and len:
            if not 0 <= len < 2**64:
                raise RuntimeError(f"len: expected 0 to {2**64 - 1}, got {len}")
            self._len = int(len)
        self._len = length or self._len

    @property
    def key(self) -> str:
        """The name of the payload."""
        return self._key.decode()

    @key.setter
    def key(self, value: str) -> None:
        self._key = _text(value, "key")

    @property
    def data(self) -> bytes:
        """The payload; takes bytes, any buffer, or str (sent as UTF-8), and arrays as tensors."""
        return self._data

    @data.setter
    def data(self, value: Data) -> None:
        made = _tensor(value)
        if made is not None:
            self._desc["datatype"], self._desc["shape"], self._data = made
        else:
            self._data = _to_bytes(value)
            if self._tensor:
                del self._desc["datatype"], self._desc["shape"]
        self._tensor = made is not None
        self._len = len(self._data)

    @property
    def len(self) -> int:
        """The length of the payload, as it was said last."""
        return self._len

    @len.setter
    def len(self, value: int) -> None:
        self._len = _size(value, "len")

    @property
    def status(self) -> int:
        """The place in the stream: 0 begin, 1 continue, 2 end, 3 the whole."""
        return self._status

    @status.setter
    def status(self, value: int) -> None:
        self._status = _int(value, "status")

    @property
    def type(self) -> int:
        """0 text, 1 audio, 2 image, 3 video."""
        return self._type

    @type.setter
    def type(self, value: int) -> None:
        self._type = _int(value, "type")

    @property
    def desc(self) -> dict[str, str]:
        """The attributes of the payload."""
        return self._desc

    @desc.setter
    def desc(self, value: dict[str, str]) -> None:
        if not isinstance(value, dict):
            raise TypeError(f"desc: expected a dict, got {_c_name(value)}")
        self._desc = value

    def get_data(self) -> bytes:
        return self._data

    def numpy(self) -> np.ndarray[Any, Any]:
        """Return the array that the payload is; BadInput where it is none (aiges.tensors)."""
        from aiges.tensors import decode

        return decode(self._desc, self._data, self.key)

    def setData(self, d: Data) -> None:  # noqa: N802 (frozen name)
        self.data = d

    def setDataType(self, t: int) -> None:  # noqa: N802 (frozen name)
        number = _int(t, "type")
        if not 0 <= number <= 3:
            raise ValueError(
                f"type: expected 0 (text), 1 (audio), 2 (image) or 3 (video), got {number}"
            )
        self._type = number

    def setKey(self, key: str) -> None:  # noqa: N802 (frozen name)
        self.key = key

    def __repr__(self) -> str:
        return (
            f"{self.__class__.__name__}(key={self.key!r}, type={self.type}, "
            f"status={self.status}, len={self.len})"
        )


class ResponseData(_Node):
    """One output payload."""

    __slots__ = ()


class DataListNode(_Node):
    """One input payload; ``desc`` has the attributes that the client sent."""

    __slots__ = ()


class DataListCls(_Value):
    """The input payloads of a call."""

    __slots__ = ("_list",)

    def __init__(self) -> None:
        self._list: list[DataListNode] = []

    @property
    def list(self) -> list[DataListNode]:
        """The payloads, in the client's order."""
        return self._list

    @list.setter
    def list(self, value: list[DataListNode]) -> None:
        self._list = _list(value)

    def get(self, key: str) -> DataListNode | None:
        """Return the first payload of that key, or None."""
        wanted = _text(key, "key")
        for node in self._list:
            try:
                found = _text(node.key, "key")
            except TypeError as error:
                raise RuntimeError(str(error)) from None
            if found == wanted:
                return node
        return None


class Response(_Value):
    """The result of a call: output payloads, or an error code other than 0."""

    __slots__ = ("_error_code", "_list")

    def __init__(self) -> None:
        self._list: list[ResponseData] = []
        self._error_code = 0

    @property
    def list(self) -> list[ResponseData]:
        """The output payloads."""
        return self._list

    @list.setter
    def list(self, value: list[ResponseData]) -> None:
        self._list = _list(value)

    @property
    def error_code(self) -> int:
        """0, or the engine's own error number."""
        return self._error_code

    @error_code.setter
    def error_code(self, value: int) -> None:
        self._error_code = _int(value, "error_code")

    def response_err(self, error_code: int) -> Response:
        """Set the error code; returns self, for ``return Response().response_err(100)``."""
        self.error_code = error_code
        return self


def _list(value: Any) -> Any:
    if not isinstance(value, list):
        raise TypeError(f"list: expected a list, got {_c_name(value)}")
    return value  # pyright: ignore[reportUnknownVariableType] (the caller's declared list)


class SessionCreateResponse(_Value):
    """The result of wrapperCreate."""

    __slots__ = ("_error_code", "_handle")

    def __init__(self, handle: str = "", error_code: int = 0) -> None:
        self.handle = handle
        self.error_code = error_code

    @property
    def handle(self) -> str:
        """The wrapper's own name for the session."""
        return self._handle.decode()

    @handle.setter
    def handle(self, value: str) -> None:
        self._handle = _text(value, "handle")

    @property
    def error_code(self) -> int:
        """0, or why there is no session."""
        return self._error_code

    @error_code.setter
    def error_code(self, value: int) -> None:
        self._error_code = _int(value, "error_code")


_results: queue.Queue[tuple[Response, str]] | None = None


def init_rq() -> queue.Queue[tuple[Response, str]]:
    """Make the queue that ``callback`` fills, and return it; in a worker it stays empty."""
    global _results
    _results = queue.Queue()
    return _results


def results() -> queue.Queue[tuple[Response, str]] | None:
    """Return the queue that init_rq() made last."""
    return _results


def callback(response: Response, usrTag: str, *sid: object) -> int:  # noqa: N803 (frozen name)
    """Deliver a result of a session, as (response, usrTag) or (response, handle, sid).

    Returns 0, or -1 when nobody waits (``init_rq`` was not called).
    """
    tag = _text(usrTag, "usrTag").decode(errors="replace")
    if _results is None:
        return -1
    _results.put((response, (str(sid[0]) if sid else "") or tag))
    return 0


def callback_metric(tag: str, key: str, count: int, /) -> int:
    """Count something; only the loader has a place for it."""
    _ = (_text(tag, "tag"), _text(key, "key"), _int(count, "count"))
    return 0


def callback_trace(tag: str, key: str, value: str, /) -> int:
    """Note something about a call; only the loader has a place for it."""
    _ = (_text(tag, "tag"), _text(key, "key"), _text(value, "value"))
    return 0


def call_state(usrTag: str) -> tuple[bool, int | None]:  # noqa: N803 (frozen name)
    """Return whether nobody waits for a call any more, and its milliseconds left; here: (no, -)."""
    _text(usrTag, "usrTag")
    return False, None


def current_tag() -> str:
    """Return the usrTag of the call that this thread works for; here there is none."""
    return ""
