# SPDX-License-Identifier: Apache-2.0
"""Serves an estimator of scikit-learn: model.joblib in the folder that model_uri names."""

import logging
import os

import joblib
import seldon_core
import yaml
from seldon_core.user_model import SeldonComponent

logger = logging.getLogger(__name__)


class Model(SeldonComponent):
    """``method`` is the estimator's method that answers."""

    def __init__(self, model_uri=None, method="predict_proba"):
        super().__init__()
        self.folder = seldon_core.Storage.download(model_uri)
        self.method = method
        self.estimator = None
        files = os.listdir(self.folder)
        layouts = {"model.joblib": self._load_joblib, "MLmodel": self._load_mlflow}
        found = [load for name, load in layouts.items() if name in files]
        if not found:
            raise RuntimeError(f"expected model.joblib or MLmodel in {self.folder}, got {files}")
        self.load = found[0]

    def _load_joblib(self):
        if self.estimator is None:
            self.estimator = joblib.load(os.path.join(self.folder, "model.joblib"))

    def _load_mlflow(self):
        if self.estimator is None:
            self.estimator = joblib.load(os.path.join(self.folder, "model.pkl"))

    def predict(self, X, names, meta=None):
        """Answer by the method that was asked for."""
        try:
            name = (
                self.method if self.method in ("predict_proba", "decision_function") else "predict"
            )
            return getattr(self.estimator, name)(X)
        except Exception as error:
            logger.exception(error)

    def init_metadata(self):
        """Return metadata.yaml, where there is one."""
        file = os.path.join(self.folder, "metadata.yaml")
        if not os.path.isfile(file):
            return {}
        with open(file, encoding="utf-8") as text:
            return yaml.safe_load(text)
