# SPDX-License-Identifier: Apache-2.0
import time
from collections.abc import Iterator


def predict(count: int) -> Iterator[str]:
    for number in range(count):
        time.sleep(0.02)
        yield f"t{number}"
