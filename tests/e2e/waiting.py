# SPDX-License-Identifier: Apache-2.0
"""Bounded waits: poll until something holds, or fail with what was seen last."""

import time


def wait_until(condition, what, timeout_s=10.0):
    """Returns the first truthy value of condition()."""
    deadline = time.monotonic() + timeout_s
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"expected within {timeout_s} s: {what}; got last: {value!r}")
        time.sleep(0.01)
