# SPDX-License-Identifier: Apache-2.0
"""Exit 0 when the service in this container can serve, 1 with a reason when not."""

import os
import sys
import urllib.error
import urllib.request

URL = os.environ.get("AIGES_READY_URL", "http://127.0.0.1:1888/readyz")


def main():
    try:
        with urllib.request.urlopen(URL, timeout=4) as answer:
            answer.read()
    except urllib.error.HTTPError as error:
        reason = error.read(500).decode(errors="replace").strip()
        return f"{URL}: expected 200, got {error.code}: {reason}"
    except OSError as error:
        return f"{URL}: no answer: {error}; set AIGES_READY_URL when http_listen is not port 1888"
    return 0


if __name__ == "__main__":
    sys.exit(main())
