# SPDX-License-Identifier: Apache-2.0
import bentoml
import numpy as np
import onnxruntime


@bentoml.service
class Sum:
    def __init__(self):
        self.session = onnxruntime.InferenceSession("sum.onnx")

    @bentoml.api
    def predict(self, x: np.ndarray) -> np.ndarray:
        return self.session.run(None, {"x": x.astype(np.float32)})[0]
