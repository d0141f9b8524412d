# SPDX-License-Identifier: Apache-2.0
"""The engine in a worker: one instance of a model, or an ensemble's steps."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from aiges.contracts._command import use_first
from aiges.contracts._options import flag
from aiges.contracts.triton import _place, _state
from aiges.contracts.triton._config import from_dict, read
from aiges.contracts.triton._environment import check_environment
from aiges.contracts.triton._model import UserModel, completed, import_model
from aiges.contracts.triton._runner import Runner
from aiges.contracts.triton._session import Session
from aiges.contracts.triton._warmup import warm_up

__all__ = ["Engine"]

_CONFIG = "AIGES_MODEL_CONFIG"  # JSON in place of config.pbtxt, as a client loads a model with.
_NO_COMPLETION = "disable_auto_complete_config"


class Engine:
    """Begins when it is made; raises what the user's code raises."""

    def __init__(self, config: Mapping[str, str]) -> None:
        use_first("triton")
        said = dict(config)
        place = _place.find(os.environ)
        own = os.environ.get(_CONFIG)
        message = from_dict(own, _CONFIG) if own else read(place.config)
        check_environment(message, place)
        if message.HasField("ensemble_scheduling") or message.platform == "ensemble":
            from aiges.contracts.triton._ensemble import Ensemble, ensemble_config

            self._config = ensemble_config(message, place)
            user: Any = Ensemble(self._config)
        else:
            model = import_model(place, message.default_model_filename)
            self._config = completed(message, model, place, not flag(said, _NO_COMPLETION))
            user = UserModel(place, self._config, model, _place.instance_number())
        self._place = place
        self.user: Any = user
        self.runner = Runner(self._config, place.number, place.model, user)
        _state.runner, _state.serving = self.runner, True

    def warm_up(self) -> None:
        """Run the samples of model_warmup."""
        warm_up(self._config, self._place.model, self.runner)

    def create(self, tag: str, params: dict[str, str]) -> None:
        """Begin a session."""
        self.runner.open[tag] = Session(self.runner, tag, params)

    def write(self, tag: str, data: Any) -> None:
        """Take a part of a session's input."""
        session = self.runner.open.get(tag)
        if session is not None:  # Else it has been answered.
            session.write(data)

    def destroy(self, tag: str) -> None:
        """End a session."""
        session = self.runner.open.get(tag)
        if session is not None:
            session.close()

    def end(self) -> None:
        """Finalize the model."""
        _state.serving = False
        self.user.finalize()
