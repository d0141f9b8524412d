# SPDX-License-Identifier: Apache-2.0
"""``python -m paddle_serving_server.env_check``, which ``serve check`` does, too."""

from __future__ import annotations

import sys

__all__ = ["main"]


def main() -> int:
    """Say what is there, and return the exit status."""
    from aiges.contracts.paddle.server._check import check

    return check()


if __name__ == "__main__":
    sys.exit(main())
