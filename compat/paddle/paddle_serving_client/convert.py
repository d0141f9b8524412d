# SPDX-License-Identifier: Apache-2.0
"""``python -m paddle_serving_client.convert``."""

import sys

from aiges.contracts.paddle.io._convert import main

__all__ = ["main"]

if __name__ == "__main__":
    sys.exit(main())
