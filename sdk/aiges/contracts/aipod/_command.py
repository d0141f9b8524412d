# SPDX-License-Identifier: Apache-2.0
"""``serve(UserModel)``: in the user's process it becomes the host, in a worker it hands over."""

from __future__ import annotations

import socket
import sys
from typing import Any, NoReturn

from aiges.contracts import _handover
from aiges.contracts._command import become_loader, said_address, written
from aiges.contracts.aipod._settings import listen_port, read_settings

__all__ = ["run"]

_MOST_MESSAGE = 104_857_600  # What a request may have, as it always was.
# A worker that is to take the place of one that trains is not ready until that is over.
_START_MS = 86_400_000
_BESIDE = 76  # Calls in an instance beside those that threads serve.


def run(model_class: Any, port: int | None) -> NoReturn:
    """Serve the class. Raises ValueError for mistaken variables of the environment."""
    if _handover.is_worker():
        _handover.hand_over(model_class)
    settings = read_settings()
    at = said_address(written()).port or listen_port(port)  # The file goes first.
    program = _handover.program_of("serve()", "python main.py")
    tables: dict[str, dict[str, Any]] = {
        "limits": {"max_message_bytes": _MOST_MESSAGE},
        # Trainings that wait for their turn lie in the instance, too.
        "http": {"app_concurrency": 2 * settings.workers + _BESIDE},
        "instances": {"start_timeout_ms": _START_MS},
        "log": {
            "listening_line": f"listening address: [::]:{at}",
            "stopped_line": "RPC server shutdown",
        },
    }
    host = "::" if socket.has_dualstack_ipv6() else ""
    become_loader(
        "aipod", host, at, tables, folder=program.parent, program=program, arguments=sys.argv[1:]
    )
