# SPDX-License-Identifier: Apache-2.0
"""``paddle_serving_server_gpu``, as 0.5 and before called the package: the same modules."""

from typing import Any

import paddle_serving_server as _server

__path__ = [*__path__, *_server.__path__]  # What is not here lies there.


def __getattr__(name: str) -> Any:
    return getattr(_server, name)
