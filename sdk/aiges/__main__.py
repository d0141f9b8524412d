# SPDX-License-Identifier: Apache-2.0
"""``python -m aiges ..`` is ``asectl ..``; also ``python -m aiges create -n NAME -p PATH``."""

from aiges.cli import main

if __name__ == "__main__":
    main()
