# SPDX-License-Identifier: Apache-2.0
"""``LocalServiceHandler``: a model that code, not the file, names for an op."""

from __future__ import annotations

from typing import Any

from aiges.contracts.paddle.pipeline import _config

__all__ = ["LocalServiceHandler"]

_IGNORED = frozenset(("available_port_generator", "use_trt", "use_profile"))


class LocalServiceHandler(dict[str, Any]):
    """The keys of ``local_service_conf``. Raises SystemExit for values that they cannot have."""

    def __init__(self, model_config: str, **options: Any) -> None:
        given = {key: value for key, value in options.items() if key not in _IGNORED}
        super().__init__(_config.local_keys({"model_config": model_config, **given}))
