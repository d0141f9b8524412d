# SPDX-License-Identifier: Apache-2.0
"""Models tried as their clients see them, in a test or a notebook::

with aiges.testing.Client(Model) as client:  # In this process: a debugger works.
    assert client.predict(text="hi", top=1).json() == {"hi": 1}
with aiges.testing.Client("model.py", loader=True) as client:  # By the real AIService.
    assert list(client.stream(text="hi")) == ["h", "i"]

For pytest: ``pytest_plugins = ["aiges.testing.plugin"]`` in conftest.py gives the fixture
``aiges_client``, which closes what it opened.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

import aiges.client
from aiges.client.message import Reply

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["Client", "LoaderFailed"]


class LoaderFailed(Exception):
    """AIService did not start; the text is the end of its log."""


class Client(aiges.client.Client):
    """The face of ``aiges.client.Client`` on a model of one's own.

    ``model``: a class, a function or an object with ``predict``; a module, or its name, with
    ``:name`` behind it or without; a file or a folder, as a path. Also v1 functions and v2 classes
    (``wrapperOnceExec``). What is served is found as ``asectl serve`` finds it.

    Without ``loader`` the model runs here: inputs are read, checked and converted by the same code
    as in a worker, results likewise, and an error of the model's is the cause of what is raised.
    With it the real AIService is started on free ports, with worker processes, and called over
    HTTP; ``settings`` are tables over its aiges.toml, as ``{"instances": {"count": 2}}``.
    ``config`` is what ``setup`` and ``wrapperInit`` get. Ends with ``close()``, or a ``with``.

    Raises TypeError and ValueError for a model that cannot be served; what its own code raises;
    LoaderFailed where AIService does not start.
    """

    def __new__(cls, model: Any = None, *, loader: bool = False, **_: Any) -> Self:
        """Make the kind that is asked for."""
        if cls is not Client:
            return object.__new__(cls)
        if loader:
            from aiges.testing._loader import LoaderClient

            return cast("Self", object.__new__(LoaderClient))
        from aiges.testing._local import LocalClient

        return cast("Self", object.__new__(LocalClient))

    def __init__(  # pyright: ignore[reportInconsistentConstructor] (__new__ takes any)
        self,
        model: Any,
        *,
        loader: bool = False,
        config: Mapping[str, str] | None = None,
        settings: Mapping[str, Mapping[str, Any]] | None = None,
        timeout_s: float = 30.0,
    ) -> None:
        raise NotImplementedError

    def post(
        self,
        path: str,
        *,
        json: Any = None,
        data: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """Send a body to a path: ``json``, a value, or ``data``, bytes. Raises AigesError."""
        raise NotImplementedError

    def get(self, path: str, *, headers: Mapping[str, str] | None = None) -> Reply:
        """Read a path. Raises AigesError."""
        raise NotImplementedError
