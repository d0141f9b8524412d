# SPDX-License-Identifier: Apache-2.0
"""Instances of a model class, for programs that hold them themselves; the host has its own."""

import gc
import threading
from collections import OrderedDict
from typing import Any, Optional, Union


class ModelPool:
    """So many instances at most, used longest ago goes first; 0 or less: no limit.

    One that is loaded makes only those wait that want the same version.
    """

    def __init__(
        self,
        model_class: Any,
        size: Union[int, str, None] = None,
        datapath: Optional[str] = None,
    ) -> None:
        self.model_class, self.datapath = model_class, datapath
        self.size = 1 if size is None else int(size)
        self.pool: OrderedDict[str, Any] = OrderedDict()
        self.lock = threading.Lock()
        self._loading: dict[str, threading.Lock] = {}

    def get(self, version: Optional[str]) -> Any:
        """Return the instance of a version, made if it is not there."""
        version = version or "default"
        model = self._found(version)
        if model is not None:
            return model
        with self.lock:
            one = self._loading.setdefault(version, threading.Lock())
        with one:
            model = self._found(version)
            if model is None:
                self._make_room()
                model = self.model_class(version=version, datapath=self.datapath)
                with self.lock:
                    self.pool[version] = model
        return model

    def _found(self, version: str) -> Any:
        with self.lock:
            model = self.pool.get(version)
            if model is not None:
                self.pool.move_to_end(version)
            return model

    def _make_room(self) -> None:
        while self.size > 0:
            with self.lock:
                if len(self.pool) < self.size:
                    return
                model = self.pool.popitem(last=False)[1]
            model.dispose()
            del model
            gc.collect()

    def release(self, version: str) -> None:
        """Let the instance go, if it is there."""
        with self.lock:
            model = self.pool.pop(version or "default", None)
        if model is not None:
            model.dispose()
            del model
            gc.collect()
