# SPDX-License-Identifier: Apache-2.0
"""The class that models, and the client, are made of."""

import json
import locale
import shutil
from pathlib import Path
from typing import Any, Optional

from aipod import logger
from aipod.trainlog import TrainningLogger

_LOG_FILE, _INFO_FILE = "trainning.log", "model.json"


class NotSupportedError(Exception):
    """The model does not do this."""


class AIModelBase:
    """One version of a model, with its folder ``<datapath>/models/<version>``."""

    def __init__(
        self, version: Optional[str] = None, datapath: Optional[str] = None, **kwargs: Any
    ) -> None:
        self._begin(version, datapath, mkdir=True)

    def _begin(self, version: Optional[str], datapath: Optional[str], *, mkdir: bool) -> None:
        self.version = version or "default"
        self.datapath = Path(datapath or "appdata/")
        self.trainning_logger = TrainningLogger(self.model_dir(mkdir=mkdir) / _LOG_FILE)
        self._model_info: Optional[dict[str, Any]] = None
        self.disposed = False

    def model_dir(self, *names: str, mkdir: bool = True, clear: bool = False) -> Path:
        """Return the model's folder, or one below it, made; ``clear``: empty.

        Raises ValueError for a version that is no folder of the data folder.
        """
        from aiges.contracts.aipod._versions import check_version

        folder = self.datapath / "models" / check_version(self.version)
        for name in names:
            folder /= name
        if clear and folder.exists():
            shutil.rmtree(folder)
        if mkdir:
            folder.mkdir(parents=True, exist_ok=not clear)
        return folder

    @property
    def model_info_path(self) -> Path:
        """Return where the parameters lie."""
        return self.model_dir(mkdir=False) / _INFO_FILE

    @property
    def model_info(self) -> dict[str, Any]:
        """Return the parameters that it was initialized with."""
        if self._model_info is None:
            path = self.model_info_path
            if not path.exists():
                raise Exception(f"{path} not exists, model may haven`t initialize yet.")
            self._model_info = _read_info(path)
        return self._model_info

    def dispose(self) -> None:
        """Hear that nobody uses this instance any more."""
        self.disposed = True

    def initialize(self, binary_data: Optional[bytes] = None, **kwargs: Any) -> Any:
        """Begin anew with these parameters: the folder has nothing but them.

        They are written as a whole before the old folder goes.
        """
        from aiges.contracts.aipod._versions import replace_folder

        logger.debug("initialize model %s", self.version)
        text = json.dumps(kwargs, indent=4, ensure_ascii=False)
        replace_folder(self.model_dir(mkdir=False), {_INFO_FILE: text})
        self._model_info = kwargs
        return {"result": True, "model_info": self.model_info}

    def train(self, binary_data: Optional[bytes] = None, **kwargs: Any) -> Any:
        """Train it. For subclasses."""
        raise NotSupportedError()

    def predict(self, binary_data: Optional[bytes] = None, **kwargs: Any) -> Any:
        """Predict. For subclasses."""
        raise NotImplementedError()

    def log(
        self, binary_data: Optional[bytes] = None, name: str = "trainning", **kwargs: Any
    ) -> Any:
        """Return what the training has logged."""
        if name != "trainning":
            raise NotImplementedError()
        return self.trainning_logger.read_all()


def _read_info(path: Path) -> Any:
    data = path.read_bytes()
    try:
        return json.loads(data.decode("utf-8"))
    except UnicodeDecodeError:  # Written elsewhere, in the encoding of that place.
        return json.loads(data.decode(locale.getpreferredencoding(False)))
