# SPDX-License-Identifier: Apache-2.0
"""The smallest server: it needs no model file, and takes one that is mounted."""


class Model:
    """What seldon-core-microservice makes one object of."""

    def __init__(self, model_uri=None):
        self.model_uri = model_uri
        self.ready = False
        self.load()

    def load(self):
        """Called again when the service starts."""
        if self.ready:
            return
        print("model files:", self.model_uri)
        self.ready = True

    def predict(self, X, feature_names=None, meta=None):
        """Print what came, and greet."""
        print(X, feature_names, meta)
        return "Hello Model"
