# SPDX-License-Identifier: Apache-2.0
"""``python -m aiges_host ..`` is ``asectl ..``, also where PyPI's aiges is installed."""

from aiges_host import asectl

if __name__ == "__main__":
    asectl()
