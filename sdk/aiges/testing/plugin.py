# SPDX-License-Identifier: Apache-2.0
"""For pytest: ``pytest_plugins = ["aiges.testing.plugin"]`` in conftest.py.

``aiges_client(model, ..)`` is ``aiges.testing.Client(model, ..)``, closed after the test. With
``pytest --aiges-loader`` every such client is that of the real AIService.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any, Callable

import pytest

from aiges.testing import Client


def pytest_addoption(parser: Any) -> None:
    """Add the option."""
    parser.addoption(
        "--aiges-loader",
        action="store_true",
        help="try models with the real AIService rather than in the process of the tests",
    )


@pytest.fixture
def aiges_client(request: Any) -> Iterator[Callable[..., Client]]:
    """Return what opens clients; they are closed after the test."""
    with contextlib.ExitStack() as opened:

        def open_client(model: Any, **options: Any) -> Client:
            if request.config.getoption("--aiges-loader"):
                options["loader"] = True
            return opened.enter_context(Client(model, **options))

        yield open_client
