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
        self._changed = threading.Condition(self.lock)
        self._loading: set[str] = set()
        self._going = 0  # Those that are being disposed of have their places still.

    def get(self, version: Optional[str]) -> Any:
        """Return the instance of a version, made if it is not there."""
        version = version or "default"
        while True:
            with self._changed:
                model = self.pool.get(version)
                if model is not None:
                    self.pool.move_to_end(version)
                    return model
                if version in self._loading:
                    self._changed.wait()
                    continue
                there = len(self.pool) + len(self._loading)
                if self.size <= 0 or there + self._going < self.size:
                    self._loading.add(version)
                    break
                if not self.pool or there < self.size:
                    self._changed.wait()
                    continue
                oldest = [self.pool.popitem(last=False)[1]]
                self._going += 1
            self._dispose(oldest)
        return self._load(version)

    def _load(self, version: str) -> Any:
        model = None
        try:
            model = self.model_class(version=version, datapath=self.datapath)
            return model
        finally:
            with self._changed:
                self._loading.discard(version)
                if model is not None:
                    self.pool[version] = model
                self._changed.notify_all()

    def _dispose(self, last: list[Any]) -> None:
        try:
            model = last.pop()  # Nobody else has it: it is gone before the next one is made.
            model.dispose()
            del model
            gc.collect()
        finally:
            with self._changed:
                self._going -= 1
                self._changed.notify_all()

    def release(self, version: str) -> None:
        """Let the instance go, if it is there."""
        with self._changed:
            if (version or "default") not in self.pool:
                return
            last = [self.pool.pop(version or "default")]
            self._going += 1
        self._dispose(last)
