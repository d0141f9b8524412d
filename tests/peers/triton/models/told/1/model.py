# SPDX-License-Identifier: Apache-2.0
"""Says what it was told beside the tensors."""

import json

import numpy as np
import triton_python_backend_utils as pb_utils


class TritonPythonModel:
    def initialize(self, args):
        self.args = args

    def execute(self, requests):
        answers = []
        for request in requests:
            told = {
                "id": request.request_id(),
                "correlation": request.correlation_id(),
                "flags": request.flags(),
                "timeout": request.timeout(),
                "parameters": json.loads(request.parameters()),
                "outputs": sorted(request.requested_output_names()),
                "inputs": [
                    [tensor.name(), list(tensor.shape()), str(tensor.as_numpy().dtype)]
                    for tensor in request.inputs()
                ],
                "args": {k: self.args[k] for k in sorted(self.args) if k.startswith("model_i")},
                "model": [self.args["model_name"], self.args["model_version"]],
            }
            text = np.array([json.dumps(told, sort_keys=True).encode()], np.object_)
            tensors = [pb_utils.Tensor("TOLD", text), pb_utils.Tensor("MORE", text[:0])]
            answers.append(pb_utils.InferenceResponse(tensors))
        return answers
