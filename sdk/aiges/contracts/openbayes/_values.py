# SPDX-License-Identifier: Apache-2.0
"""``params`` and ``headers``, as Flask's request has them, without Flask."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from typing import Any, Callable, NoReturn, cast
from urllib.parse import parse_qsl

from aiges.contracts._doors import Field
from aiges.contracts.openbayes._refused import Missing

__all__ = ["Headers", "Params"]

_BYTES_STAY = "aiges.percent"


def _percent(fault: UnicodeError) -> tuple[str, int]:
    """Leave bytes that are no UTF-8 as they came in the query."""
    if not isinstance(fault, UnicodeDecodeError):
        raise fault
    wrong = fault.object[fault.start : fault.end]
    return "".join(f"%{byte:02X}" for byte in wrong), fault.end


codecs.register_error(_BYTES_STAY, _percent)


def _converted(value: str, default: Any, kind: Callable[[str], Any] | None) -> Any:
    if kind is None:
        return value
    try:
        return kind(value)
    except (ValueError, TypeError):
        return default


class Params(dict[str, Any]):
    """The query: a dict that gives first values, and has the others too. It cannot be changed."""

    def __init__(self, query: str) -> None:
        pairs = parse_qsl(query, keep_blank_values=True, errors=_BYTES_STAY) if query else []
        lists: dict[str, list[str]] = {}
        for name, value in pairs:
            lists.setdefault(name, []).append(value)
        super().__init__(lists)

    def __iter__(self) -> Iterator[str]:
        """Iterate over names; with this here, ``dict(params)`` asks for values one by one."""
        return super().__iter__()

    def __getitem__(self, name: str) -> Any:
        values = super().get(name)
        if values is None:
            raise Missing(name)
        return values[0]

    def get(self, name: Any, default: Any = None, type: Any = None) -> Any:
        """Return the first value, as ``type`` makes it, or ``default``."""
        values = super().get(name)
        return default if values is None else _converted(values[0], default, type)

    def getlist(self, name: str, type: Any = None) -> list[Any]:
        """Return all values of that name that ``type`` takes."""
        wrong = object()
        values = (_converted(value, wrong, type) for value in super().get(name, ()))
        return [value for value in values if value is not wrong]

    def items(self, multi: bool = False) -> Any:
        """Iterate over first values; ``multi``: over all."""
        for name, values in super().items():
            for value in values if multi else values[:1]:
                yield name, value

    def values(self) -> Any:
        """Iterate over first values."""
        return (values[0] for values in super().values())

    def lists(self) -> Iterator[tuple[str, list[str]]]:
        """Iterate over names with all their values."""
        return ((name, list(values)) for name, values in super().items())

    def listvalues(self) -> Iterator[list[str]]:
        """Iterate over the lists of values."""
        return (list(values) for values in super().values())

    def to_dict(self, flat: bool = True) -> dict[str, Any]:
        """Return a plain dict, of first values or of lists."""
        return dict(self.items() if flat else self.lists())

    def copy(self) -> dict[str, Any]:
        """Return a dict that can be changed."""
        return self.to_dict()

    def _fixed(self, *_: Any, **__: Any) -> NoReturn:
        raise TypeError("params cannot be changed: use params.to_dict()")

    __setitem__ = __delitem__ = pop = popitem = clear = _fixed
    # They take anything, to refuse it.
    update = setdefault = _fixed  # pyright: ignore[reportAssignmentType]
    __ior__ = _fixed
    __hash__ = None


class Headers:
    """The head of the request: names in any letters; iterates over pairs."""

    __slots__ = ("_known",)

    def __init__(self, fields: list[Field]) -> None:
        known: dict[str, str] = {}
        for name, value in fields:
            key, text = name.decode("latin-1"), value.decode("latin-1")
            known[key] = f"{known[key]},{text}" if key in known else text
        self._known = known

    def __getitem__(self, name: str) -> str:
        return self._known[name.lower()]

    def get(self, name: str, default: Any = None, type: Any = None) -> Any:
        """Return the value, as ``type`` makes it, or ``default``."""
        value = self._known.get(name.lower())
        return default if value is None else _converted(value, default, type)

    def getlist(self, name: str, type: Any = None) -> list[Any]:
        """Return the value in a list, or an empty one."""
        value = self.get(name, None, type)
        return [] if value is None else [value]

    get_all = getlist

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name.lower() in self._known

    has_key = __contains__

    def keys(self, lower: bool = False) -> Iterator[str]:
        """Iterate over names, each word of which begins with a capital."""
        return iter(self._known) if lower else (name.title() for name in self._known)

    def values(self) -> Iterator[str]:
        """Iterate over values."""
        return iter(self._known.values())

    def items(self, lower: bool = False) -> Iterator[tuple[str, str]]:
        """Iterate over pairs."""
        return zip(self.keys(lower), self._known.values())

    def to_wsgi_list(self) -> list[tuple[str, str]]:
        """Return the pairs."""
        return list(self.items())

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return self.items()

    def __len__(self) -> int:
        return len(self._known)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Headers) and self._known == other._known

    __hash__ = None  # type: ignore[assignment]

    def __str__(self) -> str:
        return "".join(f"{name}: {value}\r\n" for name, value in self.items()) + "\r\n"

    def __repr__(self) -> str:
        return f"Headers({self.to_wsgi_list()!r})"

    def __getattr__(self, name: str) -> Any:
        """Have what else the real one has, where that is installed."""
        if name.startswith("_"):
            raise AttributeError(name)
        try:
            from werkzeug.datastructures import Headers as Real
        except ImportError:
            raise AttributeError(name) from None
        return getattr(cast(Any, Real)(self.to_wsgi_list()), name)
