# SPDX-License-Identifier: Apache-2.0
import litserve as ls
import numpy as np
import onnxruntime


class Sum(ls.LitAPI):
    def setup(self, device):
        self.session = onnxruntime.InferenceSession("sum.onnx")

    def decode_request(self, request):
        return np.array(request["x"], dtype=np.float32)

    def predict(self, x):
        return self.session.run(None, {"x": x})[0]

    def encode_response(self, y):
        return {"y": y.tolist()}


if __name__ == "__main__":
    server = ls.LitServer(Sum())
    server.run(port=8000)
