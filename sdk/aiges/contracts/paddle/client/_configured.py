# SPDX-License-Identifier: Apache-2.0
"""What both clients have in common: the configuration of a model, and the key of one."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from aiges.contracts.paddle import _conf
from aiges.contracts.paddle._conf import ModelConf
from aiges.contracts.paddle.client import _key

__all__ = ["Configured"]


def _load(paths: str | os.PathLike[str] | Sequence[Any]) -> ModelConf:
    """Return the configuration of a client: one file or folder, or one for each chained model."""
    listed = [paths] if isinstance(paths, (str, os.PathLike)) else list(paths)
    if not listed:
        raise ValueError("load_client_config: expected a file, a folder, or several of them")
    confs = [_conf.read(path, _conf.CLIENT) for path in listed]
    return ModelConf(confs[0].feeds, confs[-1].fetches)


class Configured:
    """A client that knows what its model takes and gives."""

    def __init__(self) -> None:
        self._conf: ModelConf | None = None
        self._key = ""

    @property
    def conf(self) -> ModelConf:
        """What the model takes and gives. Raises ValueError before it is loaded."""
        if self._conf is None:
            raise ValueError("expected load_client_config before the first call")
        return self._conf

    def load_client_config(self, model_config_path_list: Any) -> None:
        """Read a prototxt, a folder with one, or one for each chained model. Raises ValueError."""
        self._conf = _load(model_config_path_list)

    def use_key(self, key_filename: str) -> None:
        """Read the key of an encrypted model, for ``connect(encryption=True)``."""
        self._key = _key.read(key_filename)

    def get_feed_names(self) -> list[str]:
        """Return the aliases of what goes in."""
        return [var.alias for var in self.conf.feeds]

    def get_fetch_names(self) -> list[str]:
        """Return the aliases of what comes out."""
        return [var.alias for var in self.conf.fetches]
