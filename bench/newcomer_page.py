# SPDX-License-Identifier: Apache-2.0
"""Opens a page as a double click does, waits until a text is on it, and prints what it shows."""

import sys
import time
from pathlib import Path

from page_row import chromium

LIMIT_S = 20


def main():
    page, text = Path(sys.argv[1]).resolve().as_uri(), sys.argv[2]
    with chromium() as driver:
        driver.get(page)
        until = time.monotonic() + LIMIT_S
        while True:
            shown = driver.execute_script("return document.body.innerText")
            if text in shown or time.monotonic() > until:
                break
            time.sleep(0.02)
    print(shown)


if __name__ == "__main__":
    main()
