# SPDX-License-Identifier: Apache-2.0
import time
from typing import Generator

import bentoml


@bentoml.service(
    http={
        "cors": {
            "enabled": True,
            "access_control_allow_origins": ["*"],
            "access_control_allow_methods": ["*"],
            "access_control_allow_headers": ["*"],
        }
    }
)
class Tokens:
    @bentoml.api
    def predict(self, count: int) -> Generator[str, None, None]:
        for number in range(count):
            time.sleep(0.02)
            yield f"t{number} "
