# SPDX-License-Identifier: Apache-2.0
"""``python -m paddle_serving_server.monitor``."""

from aiges.contracts.paddle.server._monitor import main

__all__ = ["main"]

if __name__ == "__main__":
    main()
