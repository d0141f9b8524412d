# SPDX-License-Identifier: Apache-2.0
"""The user's own error handlers: ``model_error_handler``, a Blueprint of Flask.

Flask is imported where the user's code has such a handler, which has imported it already.
"""

from __future__ import annotations

import logging
from typing import Any

from aiges.contracts.seldon._errors import SeldonMicroserviceException

__all__ = ["UserHandlers"]

_LOG = logging.getLogger("aiges.seldon")
_OWN = frozenset((b"content-length", b"transfer-encoding", b"connection"))


def _leave(fault: Exception) -> None:
    """Those of ours are answered as everywhere; the user may have a handler for a subclass."""
    raise fault


Handled = tuple[int, list[tuple[bytes, bytes]], bytes]


class UserHandlers:
    """Asked about each exception that leaves the user's code."""

    def __init__(self, user: Any) -> None:
        self._app: Any = None
        blueprint = getattr(user, "model_error_handler", None)
        if blueprint is None:
            return
        from flask import Flask

        self._app = Flask("seldon")
        self._app.register_error_handler(SeldonMicroserviceException, _leave)
        self._app.register_blueprint(blueprint)

    def answer(self, fault: Exception) -> Handled | None:
        """Return status, head and body of the answer; None: nobody handles it."""
        app = self._app
        if app is None:
            return None
        with app.test_request_context("/predict", method="POST"):
            try:
                raise fault
            except Exception:
                try:
                    response = app.make_response(app.handle_user_exception(fault))
                except Exception as another:
                    if another is not fault:
                        _LOG.error("model_error_handler raised", exc_info=another)
                    return None
        fields = [
            (name.lower().encode("latin-1"), value.encode("latin-1"))
            for name, value in response.headers.items()
            if name.lower().encode("latin-1") not in _OWN
        ]
        return response.status_code, fields, response.get_data()
