# SPDX-License-Identifier: Apache-2.0
"""``python -m paddle_serving_app.package --list_model | --get_model NAME [--from PLACE]``."""

import sys

from aiges.contracts.paddle.reader._package import main

if __name__ == "__main__":
    sys.exit(main())
