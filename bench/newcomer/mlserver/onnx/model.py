# SPDX-License-Identifier: Apache-2.0
import numpy as np
import onnxruntime
from mlserver import MLModel
from mlserver.codecs import decode_args


class Sum(MLModel):
    async def load(self) -> bool:
        self.session = onnxruntime.InferenceSession("sum.onnx")
        return True

    @decode_args
    async def predict(self, x: np.ndarray) -> np.ndarray:
        return self.session.run(None, {"x": x})[0]
