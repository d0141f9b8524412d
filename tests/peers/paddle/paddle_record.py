#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Asks the originals of Paddle Serving anew: calls each other .._record.py of this folder.

tests/peers/paddle/paddle_record.py <python of the environment with the originals>
"""

import subprocess
import sys
from pathlib import Path

if __name__ == "__main__":
    here = Path(__file__).resolve()
    for script in sorted(here.parent.glob("*_record.py")):
        if script != here:
            subprocess.run([sys.executable, script, sys.argv[1]], check=True)
