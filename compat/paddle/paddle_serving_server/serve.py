# SPDX-License-Identifier: Apache-2.0
"""``python -m paddle_serving_server.serve``."""

from __future__ import annotations

__all__ = ["main"]


def main(gpu: bool = False) -> None:
    """Serve, stop, kill or check, as the arguments say."""
    from aiges.contracts.paddle.server._command import main as start

    start(gpu=gpu)


if __name__ == "__main__":
    main()
