# SPDX-License-Identifier: Apache-2.0
"""Takes pictures as bytes: how light each colour is, and whether the picture is light."""

import io

import numpy as np
from PIL import Image


class Model:
    """Stands for a network: its weights are three numbers."""

    def __init__(self, model_uri=None):
        self.model_uri = model_uri
        self.weights = None

    def load(self):
        """Make the weights, once in each worker."""
        self.weights = np.array([[1.0, 0.0], [0.0, 1.0], [0.5, 0.5]])

    def predict(self, X, feature_names=None, meta=None):
        """Answer a picture, or an array of pictures."""
        if isinstance(X, bytes):
            with Image.open(io.BytesIO(X)) as picture:
                X = np.asarray(picture.convert("RGB"), np.float32)[np.newaxis] / 255
        return X.mean(axis=(1, 2)) @ self.weights

    def class_names(self):
        """Return the names of the columns."""
        return ["warm", "cool"]
