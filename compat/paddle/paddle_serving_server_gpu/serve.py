# SPDX-License-Identifier: Apache-2.0
"""``python -m paddle_serving_server_gpu.serve``."""

import sys

from paddle_serving_server.serve import main

__all__ = ["main"]

if __name__ == "__main__":
    sys.exit(main(gpu=True))
